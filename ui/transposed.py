"""Panels: a transposed convolution as stamps, and the four ways to compute it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from fcnviz import transposed
from fcnviz.render import Scale
from ui import offline, shown
from ui import transposed_figures as draw
from ui.upsampling_inputs import Setting

#: Seconds a stamp while it plays.
BEAT = 0.8


def sizes(setting: Setting) -> str:
    """The sizes and the formula, for a caption."""
    n, k = setting.x.shape[-1], setting.kernel.shape[-1]
    return (
        f"Output: (n − 1)·s + k − 2p = ({n} − 1)·{setting.stride} + {k} − 2·{setting.pad} = "
        f"**{setting.size[-1]}** cells{' wide' if setting.x.ndim == 2 else ''}."
    )


# --- stamping


def stamping(setting: Setting) -> None:
    """Step through the stamps, or play them; the arithmetic of one output cell."""
    playing = st.session_state.setdefault("t_playing", False)
    shown.fragment(_stamping, run_every=BEAT if playing else None)(setting)


def _stamping(setting: Setting) -> None:
    total = setting.x.numel()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        _play_button(total)
        step = st.slider("Stamps done", 0, total, min(3, total), key="t_step", bind="query-params", width=320)
        cell = _chosen(setting)
    slot = (_line if setting.x.ndim == 1 else _plane)(setting, step, cell)
    with slot:
        st.markdown(_arithmetic(setting, step, cell))
        grey = " Grey: cut off by the padding." if setting.pad else ""
        st.caption(f"{sizes(setting)}{grey}")


def _play_button(total: int) -> None:
    """Play or pause; while it plays, go one stamp further each time this runs."""
    state, playing = st.session_state, st.session_state["t_playing"]
    done = state.get("t_step", 0)
    label, icon = ("Pause", ":material/pause:") if playing else ("Play", ":material/play_arrow:")
    if st.button(label, icon=icon, key="t_play", width=110):
        state["t_playing"] = not playing
        if not playing and done >= total:
            state["t_step"] = 0  # play it again
        st.rerun()
    if playing and done < total:
        state["t_step"] = done + 1
    elif playing or done > total:
        state.update(t_playing=False, t_step=total)
        st.rerun()


def _chosen(setting: Setting) -> tuple[int, ...]:
    """The output cell whose sum is written out."""
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


def _line(setting: Setting, step: int, cell: tuple[int, ...]) -> DeltaGenerator:
    """All stamps in one figure; returns where to write on."""
    figure = draw.stamps(
        setting.x.numpy(), setting.kernel.numpy(), setting.stride, setting.pad, step=step, cell=cell[0]
    )
    shown.chart(figure, "t_line", alt="Each input value times the kernel, and the sum")
    return st.container()


def _plane(setting: Setting, step: int, cell: tuple[int, ...]) -> DeltaGenerator:
    """Input, kernel, stamp and output beside each other; returns where to write on."""
    x, kernel, stride = setting.x, setting.kernel, setting.stride
    now = list(transposed.stamps(x, kernel, stride))[max(step - 1, 0)]
    canvas = transposed.canvas(x, kernel, stride, step).numpy()
    whole = transposed.canvas(x, kernel, stride).numpy()
    colours = draw.scale(x.numpy(), whole)
    here = [draw.around(now.cell, (1, 1))] if step else []
    there = [draw.around(now.start, kernel.shape)] if step else []
    target = draw.around([setting.pad + c for c in cell], (1, 1), "dot")
    output = draw.grid(canvas, colours, boxes=[*there, target], cut=setting.pad, height=380)
    value = draw.number(now.value)
    pictures = (
        (f"Input cell: {value}", draw.grid(x.numpy(), colours, boxes=here, height=190)),
        ("× kernel", draw.grid(kernel.numpy(), draw.scale(kernel.numpy()), height=190)),
        ("= stamp", draw.grid(now.patch.numpy(), colours, height=190)),
    )
    left, right = st.columns([3, 2], gap="medium")
    with right:
        st.markdown(f"**Output after {step} of {x.numel()} stamps**")
        shown.chart(output, "t_plane_out")
    with left:
        for i, (column, (title, figure)) in enumerate(zip(st.columns(3), pictures, strict=True)):
            with column:
                st.markdown(f"**{title}**")
                shown.chart(figure, f"t_plane_{i}")
    return left.container()


def _arithmetic(setting: Setting, step: int, cell: tuple[int, ...]) -> str:
    """The sum that one output cell is; the terms that are not stamped yet in grey."""
    terms = transposed.terms(setting.x, setting.kernel, setting.stride, setting.pad, cell)
    name = f"out[{', '.join(map(str, cell))}]"
    if not terms:
        return f"**{name}** = 0: no stamp reaches this cell."
    parts, total = [], 0.0
    for term in terms:
        done = int(np.ravel_multi_index(term.cell, setting.x.shape)) < step
        total += done * term.value * term.weight
        text = f"{draw.number(term.value)} × {draw.number(term.weight)}"
        parts.append(text if done else f":gray[{text}]")
    done = "" if all(not p.startswith(":") for p in parts) else " so far"
    return f"**{name}** = {' + '.join(parts)} = **{draw.number(total)}**{done}"


# --- four ways


def four_ways(setting: Setting) -> None:
    """The output four times, each computed in another way, and how far apart they are."""
    x, kernel, stride, pad = setting.x, setting.kernel, setting.stride, setting.pad
    results = transposed.four_ways(x, kernel, stride, pad)
    matrix = transposed.matrix(setting.size, kernel, stride, pad)
    starts = (x, transposed.zeros_inserted(x, kernel.shape, stride, pad), matrix, x)
    colours = draw.scale(x.numpy(), *(r.numpy() for r in results.values()))
    widest = max(values.shape[-1] for values in (*starts[:2], *results.values())) if x.ndim == 1 else 0
    slots = [column for _ in range(2) for column in st.columns(2, gap="large")]
    for i, (name, out) in enumerate(results.items()):
        with slots[i]:
            st.markdown(f"**{i + 1}. {name}**  \n{_explained(setting)[i]}")
            first = draw.scale(kernel.numpy()) if starts[i] is matrix else colours
            _pair([(starts[i].numpy(), first), (out.numpy(), colours)], widest, f"t_way_{i}")
    _keep(setting, results)
    difference = transposed.largest_difference(results)
    exact = f"{difference:.1e}" if difference else "0"
    st.markdown(f"Largest difference between any two of the four results: **max |Δ| = {exact}** (float64).")


def _keep(setting: Setting, results: dict[str, Tensor]) -> None:
    """Put the numbers into the export: each array a table, a row of the map a line."""
    for name, values in {"input": setting.x, "kernel": setting.kernel, **results}.items():
        rows = pd.DataFrame(np.atleast_2d(values.numpy()))
        shown.add(f"tables/t_{name}.csv", partial(offline.table, rows))


def _explained(setting: Setting) -> tuple[str, str, str, str]:
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


def _pair(drawn: list[tuple[np.ndarray, Scale]], columns: int, key: str) -> None:
    """What a way starts from, and its output: one above the other in 1-D, else side by side."""
    slots = [st.container(), st.container()] if columns else st.columns(2)
    for slot, (values, colours), title, part in zip(slots, drawn, ("from", "output"), "ab", strict=True):
        with slot:
            st.caption(title)
            figure = _small(np.atleast_2d(values), columns, colours)
            shown.chart(figure, f"{key}{part}")


def _small(values: np.ndarray, columns: int, colours: Scale) -> go.Figure:
    h, w = values.shape
    height = (h + 0.1) * min(470 / columns, 48) + 2 if columns else float(np.clip(220 * h / w, 30, 240))
    return draw.grid(values, colours, columns=columns, height=round(height))
