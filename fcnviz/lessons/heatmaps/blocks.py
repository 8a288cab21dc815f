"""A coarse score map over the photo as blocks: each pixel shows its nearest cell."""

import numpy as np

from fcnviz.lessons.heatmaps.cells import Cells


def nearest_cell(cells: Cells, axis: int, pixels: int, size: int) -> np.ndarray:
    """Find the cell that is nearest to each pixel of the photo on screen, along one axis.

    Args:
        cells: the cells over the network's input.
        axis: 0 for rows, 1 for columns.
        pixels: the photo's side on screen, in px.
        size: the input's side, in px; the photo may be larger.

    Returns:
        (pixels,) indices of cells.
    """
    at = (np.arange(pixels) + 0.5) * size / pixels - 0.5  # in pixels of the input
    return np.rint((at - cells.start[1 - axis]) / cells.stride).astype(int).clip(0, cells.shape[axis] - 1)


def edges(cells: Cells, axis: int, size: int) -> list[float]:
    """List the lines between cells along one axis, as shares of the photo's side, from 0 to 1.

    Args:
        cells: the cells over the network's input.
        axis: 0 for rows, 1 for columns.
        size: the input's side, in px.
    """
    centres = cells.start[1 - axis] + cells.stride * np.arange(1, cells.shape[axis])
    lines = (centres - cells.stride / 2 + 0.5) / size
    return [float(line) for line in lines if 0 < line < 1]


def spread(values: np.ndarray, cells: Cells, shape: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Enlarge a coarse map to the photo on screen, each cell a flat block.

    Args:
        values: (h, w), one number a cell.
        cells: the cells over the network's input.
        shape: (H, W) of the photo on screen.
        size: (H, W) of the network's input.
    """
    rows, columns = (nearest_cell(cells, axis, shape[axis], size[axis]) for axis in (0, 1))
    return values[np.ix_(rows, columns)]
