"""Accuracy near boundaries, against distances that are measured pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcnviz import metrics
from fcnviz.evaluation import trimap
from fcnviz.photos.voc import VOID

GRIDS = st.tuples(st.integers(1, 7), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        arrays(np.uint8, shape, elements=st.sampled_from([0, 8, 15])),
        arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 8, VOID])),
    )
)


def slow_counts(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """By definition: boundary pixels one by one, then the nearest of them for each pixel."""
    height, width = truth.shape
    places = [(y, x) for y in range(height) for x in range(width)]

    def touches(y, x):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        return any(0 <= v < height and 0 <= u < width and truth[v, u] != truth[y, x] for v, u in around)

    boundary = [p for p in places if truth[p] != VOID and touches(*p)]
    found = np.zeros((2, trimap.WIDEST + 1), int)
    for y, x in places:
        if truth[y, x] == VOID:
            continue
        nearest = min((np.hypot(y - v, x - u) for v, u in boundary), default=np.inf)
        column = int(min(nearest, trimap.WIDEST))
        found[:, column] += labels[y, x] == truth[y, x], 1
    return found


@settings(max_examples=60)
@given(GRIDS)
def test_counts_follow_the_definition(grids):
    labels, truth = grids
    np.testing.assert_array_equal(trimap.counts(labels, truth), slow_counts(labels, truth))


@settings(max_examples=30)
@given(GRIDS)
def test_all_columns_together_are_pixel_accuracy(grids):
    labels, truth = grids
    right, counted = trimap.counts(labels, truth).sum(1)
    matrix = metrics.confusion(labels, truth, 21)
    assert (right, counted) == (matrix.trace(), matrix.sum())


def test_accuracy_of_the_bands_is_cumulative():
    counts = np.zeros((2, trimap.WIDEST + 1), np.int64)
    counts[:, 1], counts[:, 3], counts[:, -1] = (1, 4), (4, 4), (1000, 1000)
    found = trimap.accuracy(counts)
    assert len(found) == trimap.WIDEST
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:4], [0.25, 0.25, 5 / 8])
    assert found[-1] == 5 / 8  # what lies beyond the widest band is in none


def test_counts_of_images_add_up():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, (2, 30, 40)).repeat(4, 1).repeat(4, 2)
    labels = random.integers(0, 3, truth.shape)
    apart = trimap.counts(labels[0], truth[0]) + trimap.counts(labels[1], truth[1])
    wall = np.full((1, 160), VOID)
    joined = trimap.counts(
        np.concatenate([labels[0], wall, labels[1]]), np.concatenate([truth[0], wall, truth[1]])
    )
    assert joined.sum() == apart.sum()


def test_an_image_without_a_boundary_is_all_beyond():
    truth = np.full((50, 60), 8)
    assert trimap.counts(truth, truth)[:, -1].tolist() == [3000, 3000]
    assert trimap.counts(truth, np.full((50, 60), VOID)).sum() == 0


def test_sizes_must_match():
    with pytest.raises(ValueError, match="sizes must match"):
        trimap.counts(np.zeros((2, 3)), np.zeros((3, 2)))
