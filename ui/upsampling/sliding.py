"""Panel: a transposed convolution as padding and an ordinary convolution, step by step, and no inverse."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st
from torch import Tensor

from fcnviz.lessons.upsampling import transposed
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Panel, Row
from ui.figures.numbers import delta
from ui.upsampling import figures
from ui.upsampling.inputs import Setting
from ui.upsampling.stamping import BEAT, arithmetic, padded, play_button

_NAME = "c"


def sliding(setting: Setting) -> None:
    """Draw the flipped kernel sliding over the padded input, to step through or to play, and a round trip."""
    playing = st.session_state.setdefault(f"{_NAME}_playing", False)
    shown.fragment(_sliding, run_every=BEAT if playing else None)(setting)
    _round_trip(setting)


def _sliding(setting: Setting) -> None:
    total = int(np.prod(setting.size))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        play_button(total, _NAME)
        step = st.slider(
            "Output cells done", 0, total, min(5, total), key="c_step", bind="query-params", width=320
        )
        st.button(
            "Stride 1, full padding", on_click=_full_padding, key="c_full", icon=":material/fullscreen:"
        )
    st.markdown(_recipe(setting))
    cell = tuple(int(i) for i in np.unravel_index(max(step - 1, 0), setting.size))
    (_draw_1d if setting.x.ndim == 1 else _draw_2d)(setting, step, cell)
    if step:
        st.markdown(arithmetic(setting, setting.x.numel(), cell))
    st.caption(
        "Hatched cells are zeros that are put in: they add nothing, so the sum has the same products as the "
        "stamps that reach this cell."
    )


def _full_padding() -> None:
    """Choose stride 1 and no cut, so that the padding is k − 1 on every side."""
    st.session_state.update(t_s=1, t_p=0)


def _recipe(setting: Setting) -> str:
    k, stride, pad = setting.kernel.shape[-1], setting.stride, setting.pad
    if stride == 1 and pad == 0:
        return (
            f"**Full padding.** At stride 1 nothing is put between the cells. {k - 1} zeros on each side let "
            "every input cell meet every weight of the kernel, so the output is larger than the input."
        )
    around = f"{k - 1 - pad} around them" if k > pad else f"cut {pad + 1 - k} off each side"
    return (
        f"Put s − 1 = {stride - 1} zeros between the cells, {around}, and slide the **flipped** kernel over "
        "it by one cell at a time."
    )


def _flipped(kernel: Tensor) -> np.ndarray:
    return kernel.flip(tuple(range(kernel.ndim))).numpy()


def _done(setting: Setting, step: int) -> np.ndarray:
    """Return the output after so many cells; the others are NaN."""
    out = transposed.directly(setting.x, setting.kernel, setting.stride, setting.pad).numpy()
    return np.where(np.arange(out.size).reshape(out.shape) < step, out, np.nan)


def sheet(setting: Setting, step: int) -> Panel:
    """Draw a 1-D setting after so many output cells."""
    return figures.slide_sheet(padded(setting), _flipped(setting.kernel), _done(setting, step), step=step)


def _draw_1d(setting: Setting, step: int, cell: tuple[int, ...]) -> None:
    x, kernel = setting.x.numpy(), setting.kernel.numpy()
    grids(sheet(setting, step), "c_line")
    stamps = figures.stamp_sheet(x, kernel, setting.stride, setting.pad, step=None, cell=cell[0])
    title = f"The same out[{cell[0]}] in the stamps: the dotted column"
    grids(replace(stamps, title=title), "c_stamps")


def _draw_2d(setting: Setting, step: int, cell: tuple[int, ...]) -> None:
    wide, kernel = padded(setting), _flipped(setting.kernel)
    out = transposed.directly(setting.x, setting.kernel, setting.stride, setting.pad).numpy()
    colours, own = figures.cell_colours(wide, out), figures.cell_colours(kernel)
    window = [figures.cell_box(cell, kernel.shape)] if step else []
    there = [figures.cell_box(cell, (1, 1))] if step else []
    draw = partial(figures.number_grid, tall=260)
    name = f"out[{', '.join(map(str, cell))}]"
    panels = (
        draw(wide, colours, marks=window, title="Padded input"),
        draw(kernel, own, title="flipped kernel", sign="∗"),
        draw(
            _done(setting, step), colours, marks=there, hatched=False, title=f"Output, up to {name}", sign="="
        ),
        draw(out, colours, marks=there, title=f"{name} in the sum of all stamps"),
    )
    grids(Row(panels), "c_plane")


# --- not the inverse


def _round_trip(setting: Setting) -> None:
    """Draw the input, its output, and what the convolution with the same kernel makes of that."""
    x, kernel, stride, pad = setting.x, setting.kernel, setting.stride, setting.pad
    out = transposed.directly(x, kernel, stride, pad)
    back = transposed.round_trip(x, kernel, stride, pad)
    st.subheader("Not the inverse", anchor=False)
    maps = {"x": x, "out: deconvolution": out, "back: convolution, same kernel": back}
    colours = figures.cell_colours(*(m.numpy() for m in maps.values()))
    flat = x.ndim == 1
    widest = max(m.shape[-1] for m in maps.values()) if flat else 0
    panels = (
        figures.number_grid(
            np.atleast_2d(m.numpy()), colours, columns=widest, title=title, tall=48 if flat else 220
        )
        for title, m in maps.items()
    )
    grids(Row(tuple(panels), columns=1 if flat else 3), "c_back")
    moved = float((back - x).abs().max())
    sizes = " → ".join("×".join(map(str, m.shape)) for m in maps.values())
    st.markdown(
        f"{sizes}: the size comes back. "
        + (
            f"The numbers do not: max |Δ| = **{delta(moved)}**. So “deconvolution” is only a name: the layer "
            "is the *transpose* of a convolution (Cᵀ, not C⁻¹)."
            if moved > 1e-9
            else "So do the numbers, on this input and with this kernel. In general they do not: try another."
        )
    )
