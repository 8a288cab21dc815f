"""Receptive fields against gradients."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz import geometry
from fcnviz.fcn import FCN, STRIDES
from fcnviz.lessons.heatmaps import receptive
from tests.nets import grid, photo, random_net


def positive(net: FCN) -> FCN:
    """All weights positive and averaging: no gradient can cancel or be cut off by a ReLU."""
    net = net.double()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            weight = torch.rand_like(module.weight) + 0.1
            module.weight.data = weight / weight.sum((1, 2, 3), keepdim=True)
            if module.bias is not None:
                module.bias.data.zero_()
    return net


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
def test_the_receptive_field_is_exactly_where_the_gradient_is(backbone, stride, monkeypatch):
    net = positive(random_net(backbone, stride))
    monkeypatch.setattr(F, "max_pool2d", _average)
    size = (96, 1184) if backbone == "lite0" else (500, 620)  # Lite0's is wide: its width alone is looked at
    rows, columns = grid(net, size, stride)
    cell = columns // 2, rows // 2
    x = (1e-3 * torch.rand(1, 3, *size, dtype=torch.float64)).requires_grad_()  # small: ReLU6 stays linear
    score = net.scores(x).at(stride)[0, 1, cell[1], cell[0]]
    (gradient,) = torch.autograd.grad(score, x)
    seen = gradient[0].abs().sum(0) > 0
    field = receptive.receptive_field(net, stride, cell, size)
    across, down = (np.flatnonzero(seen.any(axis).numpy()) for axis in (0, 1))
    assert (across[0], across[-1]) == (max(field.left, 0), min(field.right, size[1] - 1))
    assert (down[0], down[-1]) == (max(field.top, 0), min(field.bottom, size[0] - 1))
    assert field.left > 0
    assert field.right < size[1] - 1


def _average(x: Tensor, kernel: int, stride: int, ceil_mode: bool) -> Tensor:
    return F.avg_pool2d(x, kernel, stride, ceil_mode=ceil_mode)


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
def test_receptive_field_at_stride_32_is_the_chains(backbone):
    net = random_net(backbone, 8)
    field = receptive.receptive_field(net, 32, (1, 2), (300, 300))
    place = geometry.place(net.backbone.chain)
    assert (field.left, field.right) == place.window(1)
    assert (field.top, field.bottom) == place.window(2)
    assert field.right - field.left + 1 == {"vgg16": 404, "lite0": 851}[net.backbone.name]


def test_effective_field_against_differences():
    """Nudging one pixel moves the score as its gradient says."""
    model = random_net("lite0", 32).double()
    image = photo((64, 64))
    model.backbone.preprocess(image)
    monkey = model.backbone.normalise(torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None])
    x = monkey.double().requires_grad_()
    (gradient,) = torch.autograd.grad(model.scores(x).s32[0, 1, 1, 1], x)
    expected = gradient[0].abs().sum(0)
    mine = receptive.effective_field(model.float(), image, 32, 1, (1, 1))
    assert mine.shape == (64, 64)
    assert mine.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(mine, (expected / expected.sum()).numpy(), atol=1e-5)


def test_central_share_counts_the_middle_quarter():
    field = receptive.Field(10, 20, 49, 59)  # 40 × 40
    mass = np.zeros((100, 100), np.float32)
    mass[30:50, 20:40] = 1  # its middle 20 × 20
    mass[0, 0] = 100
    assert receptive.central_share(mass, field) == pytest.approx(400 / 500)
    beyond = receptive.Field(-100, -100, 99, 99)  # middle: −50 … 49
    assert receptive.central_share(np.ones((100, 100)), beyond) == pytest.approx(0.25)


def test_half_the_mass():
    mass = np.zeros((101, 101))
    mass[50, 50], mass[50, 60] = 1, 1.5
    assert receptive.half_mass_side(mass, 50, 50) == 21
    mass[50, 50] = 2
    assert receptive.half_mass_side(mass, 50, 50) == 1
