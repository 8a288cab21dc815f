"""Panel: one coarse map upsampled with several kernels, and how evenly their stamps overlap."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from fcnviz import geometry, heatmaps, kernels, render, transposed, voc, weights
from fcnviz.render import Scale
from ui import cache, link, scales, shown, upsampling_inputs
from ui import transposed_figures as draw
from ui.frame import Inputs
from ui.upsampling_inputs import HEATMAP, OWN, Cut

SIDE = 10
LEARNED = "Learned"
#: Width of the pictures in CSS pixels, at most.
PICTURE = 165
#: Largest kernel that is offered as a grid to type into.
EDITABLE = 6
FACTORS = (2, 8, 16, 32)


@shown.fragment
def gallery(page: Inputs) -> None:
    """The map, the overlap counts, and a column for each kernel."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        source = st.selectbox(
            "Map", [HEATMAP, "Constant", "Edge"], key="g_map", bind="query-params", width=170
        )
        size = st.slider("Kernel size k", 1, 16, 16, key="g_k", bind="query-params", width=240)
        stride = st.slider("Stride s", 1, 8, 8, key="g_s", bind="query-params", width=180)
    coarse = _map(page, source)
    if coarse is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        _coarse(coarse)
    with right:
        _overlaps(coarse.values.shape, size, stride)
    _columns(coarse, _kernels(page, size, stride, coarse.label), stride)


def _map(page: Inputs, source: str) -> Cut | None:
    if source == "Constant":
        return Cut(np.ones((SIDE, SIDE)), f"Ones, {SIDE} × {SIDE} cells", voc.CLASSES.index("person"))
    if source == "Edge":
        return Cut(
            np.tri(SIDE)[::-1].copy(), f"A diagonal edge, {SIDE} × {SIDE} cells", voc.CLASSES.index("person")
        )
    return upsampling_inputs.heatmap(page, (SIDE, SIDE))


def _coarse(coarse: Cut) -> None:
    st.markdown("**The map**")
    figure = draw.grid(coarse.values, _scale(coarse), height=300)
    shown.chart(figure, "g_coarse")
    st.caption(f"{coarse.text}.")


def _scale(coarse: Cut) -> Scale:
    return Scale(min(0.0, float(coarse.values.min())), float(coarse.values.max()))


def _overlaps(shape: tuple[int, ...], size: int, stride: int) -> None:
    """How many stamps reach each output cell, and what that means for the kernel size."""
    counts = transposed.overlaps(shape, (size, size), stride, 0).numpy()
    measure = transposed.checkerboard(torch.ones(size, size), stride)
    inner = sorted({int(v) for v in transposed.phases(torch.ones(size, size), stride).flatten()})
    st.markdown("**How many stamps reach each output cell**")
    colours = Scale(0, float(counts.max()))
    shown.picture(_picture(counts, colours), "g_stamps", width=300, alt="Stamps that reach each output cell")
    scales.bar(colours, f"Stamps a cell, {counts.shape[1]} × {counts.shape[0]} cells", digits=0)
    if measure == 0:
        verdict = (
            f"s = {stride} divides k = {size}: away from the border every cell gets **{inner[0]}** stamps."
        )
    else:
        either = ", ".join(map(str, inner[:-1])) + f" or {inner[-1]}"
        verdict = (
            f"s = {stride} does not divide k = {size}: cells get **{either}** stamps, a **checkerboard**."
        )
    st.markdown(f"{verdict} Relative variance in the interior: **{measure:.3f}**.")
    fcn = [geometry.deconvolution("", f) for f in FACTORS]
    if all(layer.kernel % layer.stride == 0 for layer in fcn):
        pairs = ", ".join(f"{layer.kernel}/{layer.stride}" for layer in fcn)
        st.caption(f"FCN's own kernels, k/s = {pairs}, divide evenly.")


def _kernels(page: Inputs, size: int, stride: int, label: int) -> dict[str, Tensor | str]:
    """Kernels by their name; a sentence in place of one that does not exist for this size and stride."""
    found: dict[str, Tensor | str] = {n: kernels.kernel(n, size, stride) for n in kernels.NAMES}
    found[LEARNED] = _learned(page, size, stride, label)
    if size > EDITABLE:
        link.put({"g_weights": None})
        found[OWN] = f"Choose k up to {EDITABLE} to type a kernel of your own."
        return found
    with st.expander("Type a kernel of your own"):
        found[OWN] = upsampling_inputs.own_kernel("g_weights", size, 2)
    return found


def _learned(page: Inputs, size: int, stride: int, label: int) -> Tensor | str:
    """The kernel of that size that the finest of the chosen networks has, for a class."""
    name = page.networks.names[-1]
    if size != 2 * stride or stride not in FACTORS:
        return "The networks learned kernels with k = 2s only: choose s = 2, k = 4 or s = 8, k = 16."
    try:
        net = cache.model(name, page.networks.device)
    except weights.WeightsError as error:
        return str(error)
    for kernel in heatmaps.kernels(net, label):
        if kernel.factor == stride:
            return torch.from_numpy(kernel.learned).double()
    return f"{name} has no layer that upsamples by {stride}."


def _columns(coarse: Cut, found: dict[str, Tensor | str], stride: int) -> None:
    """One column a kernel: the kernel, what it makes of the map, and its checkerboard."""
    present = [k.numpy() for k in found.values() if isinstance(k, Tensor)]
    colours = Scale(min(0.0, *(float(k.min()) for k in present)), max(float(k.max()) for k in present))
    for column, (name, kernel) in zip(st.columns(len(found)), found.items(), strict=True):
        with column:
            st.markdown(f"**{name}**")
            if isinstance(kernel, str):
                st.caption(kernel)
                continue
            dense = transposed.directly(torch.from_numpy(coarse.values), kernel, stride, 0)
            with st.container(horizontal=True, gap="small"):  # below each other, on a phone side by side
                shown.picture(
                    _picture(kernel.numpy(), colours),
                    f"g_kernel_{name}",
                    width=PICTURE,
                    alt=f"Kernel: {name}",
                )
                shown.picture(
                    _picture(dense.numpy(), _scale(coarse)),
                    f"g_output_{name}",
                    width=PICTURE,
                    alt=f"The map, upsampled: {name}",
                )
            st.caption(f"relative variance **{_short(transposed.checkerboard(kernel, stride))}**")
    size = len(present[0])
    h, w = (geometry.Layer("", size, stride, transposed=True).size(n) for n in coarse.values.shape)
    scales.bar(colours, f"Kernels, {size} × {size}", digits=2)
    scales.bar(_scale(coarse), f"The map, upsampled to {w} × {h}")
    st.caption(
        "Relative variance: variance ÷ mean² of a constant map after upsampling, away from the border. 0: no "
        "checkerboard. The learned kernel is the finest network's own, for "
        f"{voc.CLASSES[coarse.label]}; the random one is uniform, positive and keeps the mean."
    )


def _short(measure: float) -> str:
    """A relative variance; what is only rounding counts as 0."""
    if np.isnan(measure):
        return "–"
    return "0" if measure < 1e-12 else f"{measure:.4f}" if measure >= 1e-4 else f"{measure:.0e}"


def _picture(values: np.ndarray, colours: Scale) -> bytes:
    """A PNG in which each cell is a flat square."""
    return render.heatmap_png(render.nearest(values, max(1, 320 // max(values.shape))), colours)
