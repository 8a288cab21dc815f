"""Coarse cells as blocks on a photo, against the cell that is nearest to each pixel."""

from __future__ import annotations

import numpy as np
import pytest

from fcnviz.lessons.heatmaps import blocks
from fcnviz.lessons.heatmaps.cells import Cells


@pytest.mark.parametrize("start", [15.5, -4.0])
@pytest.mark.parametrize("photo", [(64, 96), (150, 225)])
def test_each_pixel_shows_its_nearest_cell_also_where_the_photo_is_larger_than_the_input(start, photo):
    cells, size = Cells(32, (start, start), (3, 4)), (64, 96)
    values = np.arange(12).reshape(3, 4)
    found = blocks.spread(values, cells, photo, size)
    scale = size[0] / photo[0]
    for row in range(0, photo[0], 7):
        for column in range(0, photo[1], 5):
            x, y = ((n + 0.5) * scale - 0.5 for n in (column, row))
            if any(abs((n - start) / 32 % 1 - 0.5) < 1e-6 for n in (x, y)):
                continue  # between two cells
            i, j = cells.at(x, y)
            assert found[row, column] == values[j, i]


def test_lines_lie_where_the_blocks_change():
    cells, size = Cells(32, (15.5, 15.5), (3, 4)), (70, 100)
    found = blocks.spread(np.arange(12).reshape(3, 4), cells, (140, 200), size)
    changes = 1 + np.flatnonzero(np.diff(found[0]))
    assert [200 * line for line in blocks.edges(cells, 1, size[1])] == pytest.approx(changes)
