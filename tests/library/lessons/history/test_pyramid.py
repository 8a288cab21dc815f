"""Pooled scores against plain means, and against the scores of pooled features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fcnviz.lessons.history import pyramid


@pytest.mark.parametrize("grid", pyramid.GRIDS)
def test_cells_are_means_of_equal_parts(grid):
    x = torch.randn(1, 2, 12, 18)
    parts = x.numpy().reshape(1, 2, grid, 12 // grid, grid, 18 // grid).mean((3, 5))
    np.testing.assert_allclose(pyramid.pooled(x, grid).numpy(), parts, atol=1e-6)
    assert pyramid.seen(x, grid).shape == x.shape


def test_one_region_is_the_same_everywhere():
    x = torch.randn(1, 3, 5, 7)
    whole = pyramid.seen(x, 1)
    torch.testing.assert_close(whole, x.mean((2, 3), keepdim=True).expand_as(x))


def test_a_map_of_one_cell_is_seen_as_it_is():
    x = torch.randn(1, 3, 1, 1)
    for grid in pyramid.GRIDS:
        torch.testing.assert_close(pyramid.seen(x, grid), x)


@pytest.mark.parametrize("grid", pyramid.GRIDS)
def test_pooled_scores_are_scores_of_pooled_features(grid):
    features, score = torch.randn(1, 8, 9, 14), nn.Conv2d(8, 4, 1)
    with torch.no_grad():
        torch.testing.assert_close(
            pyramid.pooled(score(features), grid), score(pyramid.pooled(features, grid))
        )
