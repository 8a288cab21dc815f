"""The page's settings: a small input, a kernel, stride and padding, all in the link."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from fcnviz.lessons.upsampling import kernels, transposed
from fcnviz.photos import voc
from ui.compare.results import Result, run_networks, strongest
from ui.page import link, number_grid
from ui.page.frame import Inputs

HEATMAP, OWN = "Coarse heatmap", "Own"
#: Small inputs by name, in 1-D and in 2-D.
PRESETS: dict[str, tuple[list[float], list[list[float]]]] = {
    "Numbers": ([2, 1, 3, 0, 1], [[2, 0, 1], [1, 3, 1], [0, 1, 2]]),
    "Impulse": ([0, 0, 1, 0, 0], [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "Edge": ([0, 0, 1, 1, 1], [[0, 0, 1], [0, 1, 1], [0, 1, 1]]),
    "Constant": ([1, 1, 1, 1, 1], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
}
#: Names of the library's kernels by their titles on the page.
KERNELS = {name.capitalize(): name for name in kernels.NAMES}
AXES = {"1-D": 1, "2-D": 2}


@dataclass(frozen=True, eq=False)
class Setting:
    """A transposed convolution and its small input.

    Attributes:
        x: the input, (n,) or (h, w) float64.
        kernel: the kernel, (k,) or (k, k) float64.
        stride: distance from one stamp to the next, in cells.
        pad: number of cells that are cut off at each side of the output.
    """

    x: Tensor
    kernel: Tensor
    stride: int
    pad: int

    @property
    def size(self) -> tuple[int, ...]:
        """Size of the output."""
        return transposed.output_size(self.x.shape, self.kernel.shape, self.stride, self.pad)


def setting(page: Inputs) -> Setting | None:
    """Draw the choices and return them; if there is no such layer, say why and return None."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        shape = st.segmented_control(
            "Axes", AXES, default="1-D", required=True, key="t_axes", bind="query-params"
        )
        source = st.selectbox(
            "Input", [*PRESETS, HEATMAP, OWN], key="t_input", bind="query-params", width=170
        )
        form = st.selectbox("Kernel", [*KERNELS, OWN], 1, key="t_kernel", bind="query-params", width=130)
        size = st.slider("Kernel size k", 1, 6, 4, key="t_k", bind="query-params", width=130)
        stride = st.slider("Stride s", 1, 4, 2, key="t_s", bind="query-params", width=130)
        pad = st.slider("Padding p", 0, 4, 1, key="t_p", bind="query-params", width=130)
    axes = AXES[shape or "1-D"]  # ?t_axes= chooses none, although it is required
    x = _input(page, source, axes)
    if x is None:
        return None
    kernel = _kernel(form, size, stride, axes)
    try:
        transposed.output_size(x.shape, kernel.shape, stride, pad)
    except ValueError as error:
        st.error(f"There is no output: {error}.", icon=":material/error:")
        return None
    return Setting(x, kernel, stride, pad)


def _input(page: Inputs, source: str, axes: int) -> Tensor | None:
    if source == OWN:
        start = np.atleast_2d(np.array(PRESETS["Numbers"][axes - 1], np.float64))
        st.caption("Your input: click a cell and type. The link keeps the numbers.")
        values = number_grid.editor("t_cells", start, "Editable input values")
        return torch.from_numpy(values[0] if axes == 1 else values)
    link.put({"t_cells": None})
    if source in PRESETS:
        return torch.tensor(PRESETS[source][axes - 1], dtype=torch.float64)
    found = heatmap(page, SIZES[axes])
    if found is None:
        return None
    st.caption(f"Input: {found.text}, rounded to one decimal.")
    return rounded(found, axes)


def _kernel(form: str, size: int, stride: int, axes: int) -> Tensor:
    if form != OWN:
        link.put({"t_weights": None})
        return kernels.kernel(KERNELS[form], size, stride, axes)
    st.caption("Your kernel: click a cell and type.")
    return own_kernel("t_weights", size, axes)


def own_kernel(name: str, size: int, axes: int) -> Tensor:
    """Draw an editable kernel, bilinear at first: (size,) or (size, size) float64."""
    start = np.atleast_2d(kernels.kernel("bilinear", size, 1, axes).numpy())
    values = torch.from_numpy(number_grid.editor(name, start, "Editable kernel weights"))
    return values[0] if axes == 1 else values


# --- numbers from the photo


#: (h, w) of what is cut out of the photo's scores, by the number of axes.
SIZES = {1: (1, 5), 2: (3, 3)}


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of the photo's coarse scores.

    Attributes:
        values: the scores, (h, w) float64.
        text: their description for a caption.
        label: their class.
    """

    values: np.ndarray
    text: str
    label: int


def heatmap(page: Inputs, size: tuple[int, int]) -> Cut | None:
    """Cut the stride-32 scores of the strongest class except background around their peak.

    Args:
        page: photo and networks.
        size: largest (h, w) of the part.
    """
    results = run_networks(page.photo, page.networks)
    return cut(results[0], size) if results else None


def cut(result: Result, size: tuple[int, int]) -> Cut:
    """Cut a network's stride-32 scores as `heatmap` does."""
    scores = result.segmentation.scores.s32[0].numpy()  # (C, h, w)
    label = strongest(scores)
    shape = scores[label].shape
    peak = np.unravel_index(scores[label].argmax(), shape)
    window = tuple(_around(int(p), want, n) for p, want, n in zip(peak, size, shape, strict=True))
    values = scores[label][window].astype(np.float64)
    h, w = values.shape
    text = f"{result.title}'s stride-32 scores for {voc.CLASSES[label]}, {w} × {h} cells around their peak"
    return Cut(values, text, label)


def rounded(found: Cut, axes: int) -> Tensor:
    """Round a cut to one decimal: (n,) or (h, w) float64."""
    values = np.round(found.values, 1)
    return torch.from_numpy(values[0] if axes == 1 else values)


def _around(peak: int, want: int, n: int) -> slice:
    first = int(np.clip(peak - want // 2, 0, max(n - want, 0)))
    return slice(first, min(first + want, n))
