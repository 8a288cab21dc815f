"""A reconstructed heatmap as pictures: PNGs on one shared scale. No Streamlit here."""

from dataclasses import dataclass

import numpy as np

from fcnviz import render
from fcnviz.lessons.heatmaps.reconstruct import Reconstruction
from fcnviz.render import Scale


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of one reconstruction.

    Attributes:
        coarse: (h, w) float32.
        scale: shared by the coarse grid and all `pngs`.
        pngs: by way of upsampling, full size.
        difference: PNG of deconvolution − bilinear, full size.
        spread: its own scale.
        where: (x, y) of the largest |difference|, which is `spread.high`.
    """

    coarse: np.ndarray
    scale: Scale
    pngs: dict[str, bytes]
    difference: bytes
    spread: Scale
    where: tuple[int, int]


def paint(made: Reconstruction, probability: bool) -> Pictures:
    """A reconstruction as pictures on one shared scale: 0 … 1 for probabilities, else its own range."""
    scale = Scale(0.0, 1.0) if probability else Scale.over(made.coarse, *made.dense.values())
    spread = Scale.diverging(made.difference)
    row, column = divmod(int(np.abs(made.difference).argmax()), made.difference.shape[1])
    pngs = {way: render.heatmap_png(m, scale) for way, m in made.dense.items()}
    difference = render.heatmap_png(made.difference, spread)
    return Pictures(made.coarse, scale, pngs, difference, spread, (column, row))
