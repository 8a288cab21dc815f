"""Cells of a convolutionalised classifier against their windows alone."""

from __future__ import annotations

import torch
from torch import nn

from fcnviz.convolutionalize import convolutionalize, sliding_window
from fcnviz.lessons.convolutionalize import digits, gap


@torch.no_grad()
def test_without_padding_a_cell_is_its_windows_answer():
    net, canvas = digits.load(), digits.scatter((20, 14), 3, 0).pixels
    cells = convolutionalize(net)(canvas)[0].softmax(0)
    found = gap.gap(cells, sliding_window(net, canvas, 8, 1)[0].softmax(0))
    assert found.windows == (13, 7)
    assert found.difference < 1e-5
    assert found.agreement == 1


def test_the_gap_is_counted_over_the_windows_that_fit():
    cells = torch.tensor([[[0.9, 0.2, 0.5]], [[0.1, 0.8, 0.5]]])
    windows = torch.tensor([[[0.5, 0.7]], [[0.5, 0.3]]])
    found = gap.gap(cells, windows)
    assert (found.windows, found.agreement) == ((2, 1), 0.5)
    assert abs(found.difference - 0.5) < 1e-6


def test_the_influence_is_the_gradients_and_stays_in_the_receptive_field():
    net = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False))
    x = torch.rand(1, 3, 7, 9)
    mass = gap.influence(net, x, index=1, cell=(4, 2))
    expected = torch.zeros(7, 9)
    expected[2:5, 4:7] = net[0].weight[1].detach().abs().sum(0)
    torch.testing.assert_close(mass, expected / expected.sum())
    assert net[0].weight.grad is None
