"""Panel: one coarse map upsampled by several kernels, and how evenly their stamps overlap."""

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from fcnviz import geometry, render, weights
from fcnviz.lessons.heatmaps.learned_kernels import learned_kernels
from fcnviz.lessons.upsampling import kernels, transposed
from fcnviz.photos import voc
from fcnviz.render import Scale
from ui.components import scales
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Bar, Panel, Values, coarse
from ui.page import link
from ui.page.frame import Inputs
from ui.running.networks import model
from ui.upsampling import figures, inputs
from ui.upsampling.inputs import HEATMAP, OWN, Cut

SIDE = 10
LEARNED = "Learned"
#: Largest width of a picture in CSS pixels.
PICTURE = 165
#: Largest kernel that can be typed in.
EDITABLE = 6
FACTORS = (2, 8, 16, 32)


@shown.fragment
def gallery(page: Inputs) -> None:
    """Draw the map, the number of stamps on each output cell, and a column for each kernel."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        source = st.selectbox(
            "Map", [HEATMAP, "Constant", "Edge"], key="g_map", bind="query-params", width=170
        )
        size = st.slider("Kernel size k", 1, 16, 16, key="g_k", bind="query-params", width=240)
        stride = st.slider("Stride s", 1, 8, 8, key="g_s", bind="query-params", width=180)
    cut = _map(page, source)
    if cut is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        caption = f"{cut.text}."
        grids(figures.number_grid(cut.values, _scale(cut), title="The map", caption=caption), "g_coarse")
    with right:
        _overlaps(cut.values.shape, size, stride)
    _columns(cut, _kernels(page, size, stride, cut.label), stride)


def _map(page: Inputs, source: str) -> Cut | None:
    if source == HEATMAP:
        return inputs.heatmap(page, (SIDE, SIDE))
    cells, label = f"{SIDE} × {SIDE} cells", voc.CLASSES.index("person")
    if source == "Constant":
        return Cut(np.ones((SIDE, SIDE)), f"Ones, {cells}", label)
    return Cut(np.tri(SIDE)[::-1].copy(), f"A diagonal edge, {cells}", label)


def _scale(cut: Cut) -> Scale:
    return Scale(min(0.0, float(cut.values.min())), float(cut.values.max()))


def _overlaps(shape: tuple[int, ...], size: int, stride: int) -> None:
    """Draw how many stamps reach each output cell, and say what that means for the kernel size."""
    counts = transposed.overlaps(shape, (size, size), stride, 0).numpy()
    measure = transposed.checkerboard(torch.ones(size, size), stride)
    inner = sorted({int(v) for v in transposed.phases(torch.ones(size, size), stride).flatten()})
    bar = Bar(
        f"Stamps per cell, {counts.shape[1]} × {counts.shape[0]} cells", Scale(0, float(counts.max())), 0
    )
    layer = coarse(counts, bar.scale, reads=Values(counts, "stamps", 0), lines=False)
    title = "How many stamps reach each output cell"
    grids(Panel(shows=layer.where, layers=(layer,), title=title, bar=bar, tall=300), "g_stamps")
    if measure == 0:
        verdict = (
            f"s = {stride} divides k = {size}: away from the border every cell gets **{inner[0]}** stamps. "
            "An even overlap needs this, but the weights must fit too: see each kernel's variance."
        )
    else:
        either = ", ".join(map(str, inner[:-1])) + f" or {inner[-1]}"
        verdict = (
            f"s = {stride} does not divide k = {size}: cells get **{either}** stamps, a **checkerboard**."
        )
    st.markdown(f"{verdict} Relative variance in the interior, all weights 1: **{measure:.3f}**.")
    fcn = [geometry.deconvolution("", f) for f in FACTORS]
    if all(layer.kernel % layer.stride == 0 for layer in fcn):
        pairs = ", ".join(f"{layer.kernel}/{layer.stride}" for layer in fcn)
        st.caption(f"FCN's own kernels, k/s = {pairs}, divide evenly.")


def _kernels(page: Inputs, size: int, stride: int, label: int) -> dict[str, Tensor | str]:
    """Collect the kernels by name; a sentence replaces one that does not exist for this size and stride."""
    found: dict[str, Tensor | str] = {
        label: kernels.kernel(name, size, stride) for label, name in inputs.KERNELS.items()
    }
    found[LEARNED] = _learned(page, size, stride, label)
    if size > EDITABLE:
        link.put({"g_weights": None})
        found[OWN] = f"Choose k up to {EDITABLE} to type a kernel of your own."
        return found
    with st.expander("Type a kernel of your own"):
        found[OWN] = inputs.own_kernel("g_weights", size, 2)
    return found


def _learned(page: Inputs, size: int, stride: int, label: int) -> Tensor | str:
    """Return the finest chosen network's kernel of that size for a class, or a sentence if it has none."""
    chosen = page.networks.nets[-1]
    if size != 2 * stride or stride not in FACTORS:
        return "The networks learned kernels with k = 2s only: choose s = 2, k = 4 or s = 8, k = 16."
    try:
        net = model(chosen)
    except weights.WeightsError as error:
        return str(error)
    for kernel in learned_kernels(net, label):
        if kernel.factor == stride:
            return torch.from_numpy(kernel.learned).double()
    return f"{chosen.name} has no layer that upsamples by {stride}."


def _columns(cut: Cut, found: dict[str, Tensor | str], stride: int) -> None:
    """Draw a column for each kernel: the kernel, the map upsampled by it, and its relative variance."""
    present = [k.numpy() for k in found.values() if isinstance(k, Tensor)]
    colours = Scale(min(0.0, *(float(k.min()) for k in present)), max(float(k.max()) for k in present))
    for column, (name, kernel) in zip(st.columns(len(found)), found.items(), strict=True):
        with column:
            st.markdown(f"**{name}**")
            if isinstance(kernel, str):
                st.caption(kernel)
                continue
            dense = transposed.directly(torch.from_numpy(cut.values), kernel, stride, 0)
            with st.container(horizontal=True, gap="small"):  # side by side on a phone only
                small, large = _picture(kernel.numpy(), colours), _picture(dense.numpy(), _scale(cut))
                shown.picture(small, f"g_kernel_{name}", width=PICTURE, alt=f"Kernel: {name}")
                shown.picture(large, f"g_output_{name}", width=PICTURE, alt=f"The map, upsampled: {name}")
            st.caption(f"relative variance **{_variance(transposed.checkerboard(kernel, stride))}**")
    size = len(present[0])
    h, w = (geometry.Layer("", size, stride, transposed=True).size(n) for n in cut.values.shape)
    scales.bar(colours, f"Kernels, {size} × {size}", digits=2)
    scales.bar(_scale(cut), f"The map, upsampled to {w} × {h}")
    st.caption(
        "Relative variance: variance ÷ mean² of a constant map after upsampling, away from the border. 0: no "
        "checkerboard. The learned kernel is the finest network's own, for "
        f"{voc.CLASSES[cut.label]}; the random one is uniform, positive and keeps the mean."
    )


def _variance(measure: float) -> str:
    """Write a relative variance; rounding errors count as 0."""
    if np.isnan(measure):
        return "–"
    return "0" if measure < 1e-12 else f"{measure:.4f}" if measure >= 1e-4 else f"{measure:.0e}"


def _picture(values: np.ndarray, colours: Scale) -> bytes:
    """Draw a PNG in which each cell is a flat square."""
    return render.heatmap_png(render.nearest(values, max(1, 320 // max(values.shape))), colours)
