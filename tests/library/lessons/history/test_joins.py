"""Adding and concatenating: parameters by hand, and shapes by running both."""

from __future__ import annotations

import pytest
import torch

from fcnviz import fcn
from fcnviz.lessons.history import joins
from tests.nets import random_net


@pytest.mark.parametrize(
    ("backbone", "channels", "deconvolution"),
    [("lite0", (40, 112, 1280), 21 * 4 * 4), ("vgg16", (256, 512, 4096), 21 * 21 * 4 * 4)],
)
def test_parameters_by_hand(backbone, channels, deconvolution):
    pool3, pool4, top = channels
    found = joins.joins(backbone)
    assert [(j.stride, j.coarse, j.features) for j in found] == [(16, top, pool4), (8, pool4, pool3)]
    for join in found:
        c, f = join.coarse, join.features
        assert join.adds == (f + 1) * 21 + deconvolution
        assert join.concatenates == (4 * c * f + f) + (9 * 2 * f * f + f) + (9 * f * f + f)
        assert join.ratio == join.concatenates / join.adds


def test_concatenating_keeps_both_maps_and_gives_as_many_features_as_the_finer_one_has():
    step = joins.Concatenation(6, 4)
    coarse, finer = torch.randn(1, 6, 3, 5), torch.randn(1, 4, 6, 10)
    with torch.no_grad():
        joined = step.joined(coarse, finer)
        assert joined.shape == (1, 8, 6, 10)
        assert torch.equal(joined[:, :4], finer)
        assert step(coarse, finer).shape == finer.shape


@pytest.mark.parametrize("backbone", ["lite0", "vgg16"])
def test_sizes_are_those_of_the_networks_sums(backbone):
    net, (height, width) = random_net(backbone, 8), (75, 130)
    scores: fcn.ScoreMaps = net.scores(torch.zeros(1, 3, height, width))
    for stride, (w, h) in joins.grids(backbone, (width, height)).items():
        assert scores.at(stride).shape[-2:] == (h, w)
