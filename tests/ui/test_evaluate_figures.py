"""Figures of the Evaluate page: what they are given is what they show."""

from __future__ import annotations

import numpy as np

from ui.evaluate import figures

NAMES = ("background", "cat", "dog", "sofa")


def test_bars_run_from_the_best_class_of_the_finest_network_and_skip_the_absent():
    rows = {"FCN-32s": np.array([0.9, 0.5, np.nan, 0.0]), "FCN-8s": np.array([0.8, 0.95, np.nan, np.nan])}
    order = figures.by_iu(rows)
    assert order == [1, 0, 3]
    coarse, fine = figures.class_bars(rows, NAMES, order).data
    assert (coarse.name, fine.name) == ("FCN-32s", "FCN-8s")
    assert list(coarse.y) == ["cat", "background", "sofa"]
    assert list(coarse.x) == [50, 90, 0]
    assert list(fine.x)[:2] == [95, 80]
    assert np.isnan(fine.x[2])
    assert fine.marker.color == figures.COLOURS[-1] != coarse.marker.color


def test_bars_have_error_bars_where_intervals_are_known():
    rows = {"FCN-8s": np.array([0.8, 0.95, np.nan, 0.5])}
    spans = {"FCN-8s": np.array([[0.7, 0.85], [0.9, 1], [np.nan, np.nan], [0.25, 0.5]])}
    (bars,) = figures.class_bars(rows, NAMES, figures.by_iu(rows), spans).data
    np.testing.assert_allclose(bars.error_x.array, [5, 5, 0], atol=1e-9)
    np.testing.assert_allclose(bars.error_x.arrayminus, [5, 10, 25], atol=1e-9)


def test_the_matrix_leaves_out_absent_classes_and_empties_zeros():
    matrix = np.array([[90, 10, 0, 0], [0, 1, 0, 3], [0, 0, 0, 0], [0, 0, 0, 0]])
    share = figures.confusion_matrix(matrix, NAMES, percent=True)
    assert list(share.rows) == list(share.columns) == ["background", "cat", "sofa"]
    np.testing.assert_allclose(share.values.values, [[90, 10, np.nan], [np.nan, 25, 75], [np.nan] * 3])
    assert share.values.texts[:3] == ["90 px, 90.00 % of the row", "10 px, 10.00 % of the row", ""]
    count = figures.confusion_matrix(matrix, NAMES, percent=False)
    np.testing.assert_allclose(count.values.values[0], [np.log10(90), 1, np.nan])
    assert count.marks[0].texts[1].tolist() == ["", "1", "3"]
    assert np.isnan(figures.confusion_matrix(0 * matrix, NAMES, percent=False).values.values).all()


def test_boundary_lines_start_at_one_pixel():
    (line,) = figures.trimap({"FCN-8s": np.array([0.5, 0.75])}).data
    assert list(line.x) == [1, 2]
    assert list(line.y) == [50, 75]


def test_the_sandbox_shows_sums_zeros_and_the_cell_that_grew():
    panel = figures.sandbox_matrix(np.array([[3, 0], [2, 5]]), NAMES[:2], (1, 0))
    assert list(panel.columns) == ["background\nΣ = 5", "cat\nΣ = 5"]
    assert list(panel.rows) == ["background\nt = 3", "cat\nt = 7"]
    numbers, grown = panel.marks
    assert numbers.texts.tolist() == [["3", "0"], ["2", "5"]]
    assert (grown.top, grown.bottom) == (1, 2)  # the row of the cat's truth
    assert grown.left == panel.shows.left
