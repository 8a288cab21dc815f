"""Panels: a transposed convolution as stamps, and the four ways to compute it."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
import torch
from torch import Tensor

from fcnviz.lessons.upsampling import transposed
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.export import offline, shown
from ui.figures.grids import Row
from ui.figures.numbers import short
from ui.upsampling import figures
from ui.upsampling.inputs import Setting

#: Seconds per stamp during play.
BEAT = 0.8


def stamping(setting: Setting) -> None:
    """Draw the stamps, to step through or to play, and the sum that makes one output cell."""
    playing = st.session_state.setdefault("t_playing", False)
    shown.fragment(_stamping, run_every=BEAT if playing else None)(setting)


def _stamping(setting: Setting) -> None:
    total = setting.x.numel()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        play_button(total, "t")
        step = st.slider("Stamps done", 0, total, min(3, total), key="t_step", bind="query-params", width=320)
        cell = _choose_cell(setting)
    (_draw_1d if setting.x.ndim == 1 else _draw_2d)(setting, step, cell)
    st.markdown(arithmetic(setting, step, cell))
    n, k = setting.x.shape[-1], setting.kernel.shape[-1]
    st.caption(
        f"Output: (n − 1)·s + k − 2p = ({n} − 1)·{setting.stride} + {k} − 2·{setting.pad} = "
        f"**{setting.size[-1]}** cells{' wide' if setting.x.ndim == 2 else ''}."
        + (" Grey: cut off by the padding." if setting.pad else "")
    )


def play_button(total: int, name: str) -> None:
    """Draw the button Play or Pause; during play, each run advances by one step.

    Args:
        total: number of steps.
        name: the session keeps the step as `name`_step, and whether it plays as `name`_playing.
    """
    step, plays = f"{name}_step", f"{name}_playing"
    state, playing = st.session_state, st.session_state[plays]
    done = state.get(step, 0)
    label, icon = ("Pause", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
    if st.button(label, icon=icon, key=f"{name}_play", width=110):
        state[plays] = not playing
        if not playing and done >= total:
            state[step] = 0  # play from the start
        st.rerun()
    if playing and done < total:
        state[step] = done + 1
    elif playing or done > total:
        state.update({plays: False, step: total})
        st.rerun()


def _choose_cell(setting: Setting) -> tuple[int, ...]:
    """Draw the choice of the output cell whose sum is written out."""
    names = ("Output cell",) if len(setting.size) == 1 else ("Output row", "Output column")
    chosen = []
    for name, n, key in zip(names, setting.size, ("t_i", "t_j"), strict=False):
        if st.session_state.get(key, 0) >= n:
            st.session_state[key] = n - 1
        if n == 1:
            chosen.append(0)
            continue
        chosen.append(st.slider(name, 0, n - 1, (n - 1) // 2, key=key, bind="query-params", width=150))
    return tuple(chosen)


def _draw_1d(setting: Setting, step: int, cell: tuple[int, ...]) -> None:
    """Draw all stamps on one sheet."""
    x, kernel = setting.x.numpy(), setting.kernel.numpy()
    sheet = figures.stamp_sheet(x, kernel, setting.stride, setting.pad, step=step, cell=cell[0])
    grids(sheet, "t_line")


def _draw_2d(setting: Setting, step: int, cell: tuple[int, ...]) -> None:
    """Draw input, kernel, stamp and output side by side."""
    x, kernel, stride = setting.x, setting.kernel, setting.stride
    now = list(transposed.stamps(x, kernel, stride))[max(step - 1, 0)]
    canvas = transposed.canvas(x, kernel, stride, step).numpy()
    whole = transposed.canvas(x, kernel, stride).numpy()
    colours = figures.cell_colours(x.numpy(), whole)
    here = [figures.cell_box(now.cell, (1, 1))] if step else []
    there = [figures.cell_box(now.start, kernel.shape)] if step else []
    target = figures.cell_box([setting.pad + c for c in cell], (1, 1), "dot")
    draw, own = partial(figures.number_grid, tall=220), figures.cell_colours(kernel.numpy())
    panels = (
        draw(x.numpy(), colours, marks=here, title=f"Input cell: {short(now.value)}"),
        draw(kernel.numpy(), own, title="kernel", sign="×"),
        draw(now.patch.numpy(), colours, title="stamp", sign="="),
        figures.number_grid(
            canvas,
            colours,
            marks=[*there, target],
            cut=setting.pad,
            title=f"Output after {step} of {x.numel()} stamps",
            span=2,
        ),
    )
    grids(Row(panels), "t_plane")


def product(term: transposed.Term) -> str:
    """Write one product of the sum that makes an output cell."""
    return f"{short(term.value)} × {short(term.weight)}"


def arithmetic(setting: Setting, step: int, cell: tuple[int, ...]) -> str:
    """Write the sum that makes one output cell, with the terms that are not stamped yet in grey."""
    terms = transposed.terms(setting.x, setting.kernel, setting.stride, setting.pad, cell)
    name = f"out[{', '.join(map(str, cell))}]"
    if not terms:
        return f"**{name}** = 0: no stamp reaches this cell."
    parts, total = [], 0.0
    for term in terms:
        done = int(np.ravel_multi_index(term.cell, setting.x.shape)) < step
        total += done * term.value * term.weight
        parts.append(product(term) if done else f":gray[{product(term)}]")
    so_far = " so far" if any(p.startswith(":") for p in parts) else ""
    return f"**{name}** = {' + '.join(parts)} = **{short(total)}**{so_far}"


# --- four ways

#: Titles of the four ways of `transposed.four_ways`.
_TITLES = {
    "direct": "ConvTranspose",
    "convolution": "Zeros, then convolution",
    "matrix": "Transposed matrix",
    "gradient": "Gradient",
}


def four_ways(setting: Setting) -> None:
    """Draw the output computed in four ways, and the largest difference between them."""
    x, kernel, stride, pad = setting.x, setting.kernel, setting.stride, setting.pad
    ways = transposed.four_ways(x, kernel, stride, pad)
    results = {_TITLES[way]: out for way, out in ways.items()}
    starts: tuple[np.ndarray, ...] = (x.numpy(), padded(setting), _matrix(setting), x.numpy())
    colours = figures.cell_colours(x.numpy(), *(r.numpy() for r in results.values()))
    widths = [m.shape[-1] for m in starts[:2]] + [m.shape[-1] for m in results.values()]
    widest = max(widths) if x.ndim == 1 else 0
    explanations = _explain(setting)
    slots = [column for _ in range(2) for column in st.columns(2, gap="large")]
    for i, (name, out) in enumerate(results.items()):
        with slots[i]:
            st.markdown(f"**{i + 1}. {name}**  \n{explanations[i]}")
            first = figures.cell_colours(kernel.numpy()) if name == _TITLES["matrix"] else colours
            grids(_pair([(starts[i], first), (out.numpy(), colours)], widest), f"t_way_{i}")
    st.caption("Hatched: zeros that are put in, and in the matrix, places without a weight.")
    _export(setting, results)
    difference = transposed.largest_difference(results)
    exact = f"{difference:.1e}" if difference else "0"
    st.markdown(f"Largest difference between any two of the four results: **max |Δ| = {exact}** (float64).")


def padded(setting: Setting) -> np.ndarray:
    """Return the input as a convolution reads it, zeros put in; those are NaN."""
    shape = setting.kernel.shape
    wide = transposed.zeros_inserted(setting.x, shape, setting.stride, setting.pad).numpy()
    data = transposed.data_cells(setting.x.shape, shape, setting.stride, setting.pad).numpy()
    return np.where(data, wide, np.nan)


def _matrix(setting: Setting) -> np.ndarray:
    """Return the convolution's matrix; places without a weight are NaN."""
    matrix, weights = (
        transposed.matrix(setting.size, k, setting.stride, setting.pad).numpy()
        for k in (setting.kernel, torch.ones_like(setting.kernel))
    )
    return np.where(weights > 0, matrix, np.nan)


def _export(setting: Setting, results: dict[str, Tensor]) -> None:
    """Put each array into the export as a table."""
    for name, values in {"input": setting.x, "kernel": setting.kernel, **results}.items():
        rows = pd.DataFrame(np.atleast_2d(values.numpy()))
        shown.add(f"tables/t_{name}.csv", partial(offline.table, rows))


def _explain(setting: Setting) -> tuple[str, str, str, str]:
    k, stride, pad = setting.kernel.shape[-1], setting.stride, setting.pad
    n, out = ("×".join(map(str, size)) for size in (setting.x.shape, setting.size))
    around = f"pad by k − 1 − p = {k - 1 - pad}" if k > pad else f"cut p − k + 1 = {pad + 1 - k} off"
    rows, columns = setting.x.numel(), int(np.prod(setting.size))
    return (
        f"The layer as PyTorch has it: `ConvTranspose{setting.x.ndim}d`, kernel {k}, stride {stride}, "
        f"padding {pad}.",
        f"Put s − 1 = {stride - 1} zeros between the cells, {around}, and run a plain convolution (stride 1) "
        "with the flipped kernel.",
        f"The convolution {out} → {n} is a matrix C, {rows} × {columns}. Its rows are the stamps: the output "
        "is Cᵀ x.",
        f"Hand x to the backward pass of the convolution {out} → {n}: the gradient at its input is this.",
    )


def _pair(drawn: list[tuple[np.ndarray, Scale]], columns: int) -> Row:
    """Draw the start of a way and its output: one above the other in 1-D, side by side in 2-D."""
    panels = []
    for (values, colours), title in zip(drawn, ("from", "output"), strict=True):
        values = np.atleast_2d(values)
        tall = round(len(values) * min(470 / columns, 48)) if columns else 240
        panels.append(figures.number_grid(values, colours, columns=columns, title=title, tall=tall))
    return Row(tuple(panels), columns=1 if columns else 2)
