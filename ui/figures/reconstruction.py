"""A reconstructed heatmap as pictures: PNGs on one shared scale. No Streamlit here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fcnviz import render
from fcnviz.lessons.heatmaps.reconstruct import Reconstruction
from fcnviz.render import Scale


@dataclass(frozen=True, eq=False)
class Difference:
    """The picture of a difference of two maps.

    Attributes:
        png: its PNG, full size.
        scale: its colours, which it shares with the picture beside it.
        most: the largest |difference|.
        where: (x, y) of it.
    """

    png: bytes
    scale: Scale
    most: float
    where: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of one reconstruction.

    Attributes:
        coarse: (h, w) float32.
        scale: shared by the coarse grid and all `pngs`.
        pngs: by the ways of upsampling that were asked for, full size.
        border: fixed deconvolution − interpolation.
        learning: the network's deconvolution − the fixed one.
    """

    coarse: np.ndarray
    scale: Scale
    pngs: dict[str, bytes]
    border: Difference
    learning: Difference


def paint(made: Reconstruction, probability: bool, ways: Sequence[str]) -> Pictures:
    """A reconstruction as pictures on one shared scale: 0 … 1 for probabilities, else its own range."""
    scale = Scale(0.0, 1.0) if probability else Scale.over(made.coarse, *made.dense.values())
    spread = Scale.diverging(made.border, made.learning)
    pngs = {way: render.heatmap_png(made.dense[way], scale) for way in ways}
    border, learning = (_difference(values, spread) for values in (made.border, made.learning))
    return Pictures(made.coarse, scale, pngs, border, learning)


def _difference(values: np.ndarray, scale: Scale) -> Difference:
    row, column = divmod(int(np.abs(values).argmax()), values.shape[1])
    most = float(np.abs(values[row, column]))
    return Difference(render.heatmap_png(values, scale), scale, most, (column, row))
