"""Where the cells of a coarse score map lie over the photo."""

from dataclasses import dataclass

from torch import Tensor

from fcnviz import geometry
from fcnviz.fcn import FCN


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a score map over the photo.

    Attributes:
        stride: pixels from one cell to the next.
        start: (x, y) of the centre of cell 0 in pixels of the photo.
        shape: (h, w).
    """

    stride: int
    start: tuple[float, float]
    shape: tuple[int, int]

    def at(self, x: float, y: float) -> tuple[int, int]:
        """(column, row) of the cell whose centre is nearest to a pixel."""
        h, w = self.shape
        column, row = (round((p - s) / self.stride) for p, s in zip((x, y), self.start, strict=True))
        return min(max(column, 0), w - 1), min(max(row, 0), h - 1)

    def edges(self, column: int, row: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of a cell, in pixels of the photo."""
        x, y = self.start[0] + column * self.stride, self.start[1] + row * self.stride
        half = self.stride / 2
        return x - half, y - half, x + half, y + half


def cells_of(model: FCN, coarse: Tensor, stride: int) -> Cells:
    """The cells of a score map of this network, of which only the size counts."""
    start = stage_start(model, stride)
    return Cells(stride, (start, start), (coarse.shape[-2], coarse.shape[-1]))


def stage_start(model: FCN, stride: int) -> float:
    """Centre of cell 0 of a score map in pixels of the photo, the same along x and y."""
    return float(geometry.stages(*model.backbone.places)[stride].offset)
