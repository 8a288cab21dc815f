"""Figures of the Evaluate page: what they are given is what they show."""

from __future__ import annotations

import numpy as np

from ui import evaluation_figures as figures

NAMES = ("background", "cat", "dog", "sofa")


def test_bars_run_from_the_best_class_of_the_finest_network_and_skip_the_absent():
    rows = {"FCN-32s": np.array([0.9, 0.5, np.nan, 0.0]), "FCN-8s": np.array([0.8, 0.95, np.nan, np.nan])}
    order = figures.by_iu(rows)
    assert order == [1, 0, 3]
    coarse, fine = figures.class_bars(rows, NAMES, order).data
    assert (coarse.name, fine.name) == ("FCN-32s", "FCN-8s")
    assert list(coarse.y) == ["cat", "background", "sofa"] and list(coarse.x) == [50, 90, 0]
    assert list(fine.x)[:2] == [95, 80] and np.isnan(fine.x[2])
    assert fine.marker.color == figures.COLOURS[-1] != coarse.marker.color


def test_bars_have_error_bars_where_intervals_are_known():
    rows = {"FCN-8s": np.array([0.8, 0.95, np.nan, 0.5])}
    spans = {"FCN-8s": np.array([[0.7, 0.85], [0.9, 1], [np.nan, np.nan], [0.25, 0.5]])}
    (bars,) = figures.class_bars(rows, NAMES, figures.by_iu(rows), spans).data
    np.testing.assert_allclose(bars.error_x.array, [5, 5, 0], atol=1e-9)
    np.testing.assert_allclose(bars.error_x.arrayminus, [5, 10, 25], atol=1e-9)


def test_the_matrix_leaves_out_absent_classes_and_empties_zeros():
    matrix = np.array([[90, 10, 0, 0], [0, 1, 0, 3], [0, 0, 0, 0], [0, 0, 0, 0]])
    (share,) = figures.confusion(matrix, NAMES, percent=True).data
    assert list(share.x) == list(share.y) == ["background", "cat", "sofa"]
    np.testing.assert_allclose(share.z, [[90, 10, np.nan], [np.nan, 25, 75], [np.nan] * 3])
    np.testing.assert_array_equal(share.customdata[..., 1], [[90, 10, 0], [0, 1, 3], [0, 0, 0]])
    (count,) = figures.confusion(matrix, NAMES, percent=False).data
    np.testing.assert_allclose(count.z[0], [np.log10(90), 1, np.nan])
    assert list(count.text[1]) == ["", "1", "3"]


def test_boundary_lines_start_at_one_pixel():
    (line,) = figures.trimap({"FCN-8s": np.array([0.5, 0.75])}).data
    assert list(line.x) == [1, 2] and list(line.y) == [50, 75]


def test_the_sandbox_shows_sums_zeros_and_the_cell_that_grew():
    figure = figures.sandbox(np.array([[3, 0], [2, 5]]), NAMES[:2], (1, 0))
    assert list(figure.data[0].x) == ["background<br>Σ = 5", "cat<br>Σ = 5"]
    assert list(figure.data[0].y) == ["background<br>t = 3", "cat<br>t = 7"]
    (zero,) = figure.layout.annotations
    assert (zero.x, zero.y, zero.text) == (1, 0, "0")
    (ring,) = figure.layout.shapes
    assert (ring.x0, ring.x1, ring.y0, ring.y1) == (-0.5, 0.5, 0.5, 1.5)
