"""VGG16's pool3 and pool4 against computing everything."""

import pytest
import torch
from torch import Tensor

from fcnviz import fcn
from fcnviz.backbones import vgg16_padding
from tests.nets import random_net

SIZES = [(1, 1), (3, 40), (64, 64), (375, 500), (500, 333), (97, 113), (226, 241)]


def everything(net: fcn.FCN, x: Tensor) -> tuple[Tensor, Tensor]:
    """Every layer on all of the padded image, as in training."""
    net.train()
    pool3, pool4, _ = net.backbone.run(net, x)
    net.eval()
    return pool3, pool4


@pytest.fixture(scope="module")
def net() -> fcn.FCN:
    net = random_net("vgg16", 8)
    for name, p in net.named_parameters():
        if name.startswith("conv") and name.endswith("bias"):
            p += 0.5 * torch.randn_like(p)  # so that padding alone lights up
    return net


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_taps_are_those_of_the_whole_padded_image(net, size):
    x = 50 * torch.randn(2, 3, *size)
    for mine, whole in zip(vgg16_padding.taps(net, x), everything(net, x), strict=True):
        assert mine.shape == whole.shape
        assert whole.std() > 0.01
        assert (mine - whole).abs().max() < 1e-5 * whole.abs().max()


def test_every_size_modulo_the_stride(net):
    for n in range(20, 36):
        x = torch.randn(1, 3, n, 55 - n)
        for mine, whole in zip(vgg16_padding.taps(net, x), everything(net, x), strict=True):
            torch.testing.assert_close(mine, whole, rtol=1e-4, atol=1e-5)


def test_other_weights_have_other_padding_maps():
    net = random_net("vgg16", 32)
    x = torch.randn(1, 3, 40, 40)
    vgg16_padding.taps(net, x)
    with torch.no_grad():
        net.conv2_1.bias += 1
    for mine, whole in zip(vgg16_padding.taps(net, x), everything(net, x), strict=True):
        torch.testing.assert_close(mine, whole, rtol=1e-4, atol=1e-5)
    net.double()
    for mine, whole in zip(vgg16_padding.taps(net, x.double()), everything(net, x.double()), strict=True):
        torch.testing.assert_close(mine, whole)


def test_few_padding_maps_are_kept(net):
    for n in range(1, 30):
        vgg16_padding.taps(net, torch.zeros(1, 3, n, 5))
    assert len(vgg16_padding._CACHE[net].maps) <= 16


def test_gradients_flow_through_the_window(net):
    x = torch.randn(1, 3, 30, 30, requires_grad=True)
    mine = torch.autograd.grad(vgg16_padding.taps(net, x)[1].square().sum(), x)[0]
    whole = torch.autograd.grad(everything(net, x)[1].square().sum(), x)[0]
    torch.testing.assert_close(mine, whole, rtol=1e-3, atol=1e-4)
