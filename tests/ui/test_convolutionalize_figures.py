"""The figures of the Convolutionalize page: a click finds its weight, digits have their colours."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tests.apps import values
from ui.components.grids import Pick
from ui.convolutionalize import figures
from ui.figures.grids import Row
from ui.figures.pictures import Extent


def test_a_click_on_the_matrix_or_on_a_tile_finds_the_same_weight():
    weights = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    panel = Row((figures.matrix_and_kernel(weights, 1, 7),)).sent()["panels"][0]
    matrix, tiles = map(values, panel["layers"])
    for layer, drawn in enumerate((matrix, tiles)):
        for row, column in np.argwhere(~np.isnan(drawn)):
            label, weight = figures.weight_at(Pick("weight", layer, row, column), (2, 4, 5), 1)
            assert abs(weights.reshape(3, -1)[label, weight] - drawn[row, column]) < 1e-4
    assert (~np.isnan(tiles)).sum() == 2 * 4 * 5


def test_digits_have_their_colours_and_windows_without_an_answer_none():
    layer = figures.best_digits(np.array([[3, -1]]), Extent.of((2, 1)))
    drawn = np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGBA"))[0]
    assert f"#{drawn[0, :3].tobytes().hex()}" == figures.TEN[3]
    assert drawn[1, 3] == 0
    assert layer.reads.texts == ["best digit 3", "no digit"]


def test_scores_are_written_row_by_row_and_read_exactly():
    dense, before = np.array([0.5, -1.0]), np.array([1.7, 0.0])
    panel = figures.label_scores(dense, dense, before)
    assert panel.rows == ["before", "dense", "convolution"]
    assert panel.marks[0].texts.tolist() == [["+1.70", "+0.00"], ["+0.50", "−1.00"], ["+0.50", "−1.00"]]
    np.testing.assert_array_equal(panel.values.values, [before, dense, dense])
    assert figures.label_scores(np.zeros(2), np.zeros(2)).rows == ["dense", "convolution"]
