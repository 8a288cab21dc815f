"""Shift-and-stitch against the same network with its stride reduced and its kernels dilated."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fcnviz import backbones, fcn, geometry
from fcnviz.geometry import Place
from fcnviz.lessons.upsampling import stitch


@st.composite
def networks(draw):
    """A random CNN without padding: 2 to 4 convolutions or poolings, strides 1 to 3; its total stride."""
    torch.manual_seed(draw(st.integers(0, 2**16)))
    layers, channels, total, chain = [], 2, 1, []
    for i in range(draw(st.integers(2, 4))):
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        if draw(st.booleans()):
            layers.append(nn.MaxPool2d(kernel, stride))
        else:
            layers += [nn.Conv2d(channels, 3, kernel, stride), nn.ReLU()]
            channels = 3
        chain.append(geometry.Layer(str(i), kernel, stride))
        total *= stride
    return nn.Sequential(*layers), chain, total


@settings(max_examples=60)
@given(networks(), st.data())
@torch.no_grad()
def test_equals_the_dilated_network(network, data):
    net, chain, stride = network
    factor = data.draw(st.sampled_from([f for f in range(1, stride + 1) if stride % f == 0]))
    field = int(geometry.place(chain).field)
    size = [field + data.draw(st.integers(0, 2 * stride + 3)) for _ in range(2)]
    x = torch.randn(1, 2, *size)
    dense = stitch.dilated(net, factor)(x)
    stitched = stitch.shift_and_stitch(net, x, stride, factor)
    h, w = dense.shape[-2:]  # beyond them, the stitched map sees the zeros that follow the image in
    assert h == (size[0] - field) // (stride // factor) + 1
    assert (stitched[..., :h, :w] - dense).abs().max() <= 1e-5


def test_a_denser_map_has_the_coarse_one_in_it_and_more():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3, 2))
    x = torch.randn(1, 1, 41, 33)
    with torch.no_grad():
        stitched = stitch.shift_and_stitch(net, x, 8, 4)
        assert torch.equal(stitched[..., ::4, ::4], net(x))
    assert stitched.shape[-2:] == tuple(4 * n for n in net(x).shape[-2:])
    assert stitched[0, 0].unique().numel() == stitched[0, 0].numel()  # no answer is a copy of another


def test_factor_one_is_the_network_itself():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 2))
    x = torch.randn(1, 1, 9, 9)
    assert torch.equal(stitch.shift_and_stitch(net, x, 2, 1), net(x))


def test_a_network_runs_once_a_shift():
    calls = []
    stitch.shift_and_stitch(
        lambda x: calls.append(x.shape) or x[..., ::8, ::8], torch.zeros(1, 1, 16, 24), 8, 4
    )
    assert calls == [(1, 1, 16, 24)] * 16


def test_an_image_is_moved_up_and_left_and_zeros_follow():
    x = torch.arange(1.0, 7).reshape(1, 1, 2, 3)
    moved = {shift: y[0, 0].tolist() for shift, y in stitch.shifts(x, stride=4, factor=2)}
    assert moved[0, 0] == [[1, 2, 3], [4, 5, 6]]
    assert moved[0, 1] == [[3, 0, 0], [6, 0, 0]]
    assert moved[1, 0] == [[0, 0, 0], [0, 0, 0]]  # a shift beyond the image leaves nothing of it


def test_shared_parameters():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 2), nn.Conv2d(1, 1, 3, 2))
    dense = stitch.dilated(net, 4)
    assert [p.data_ptr() for p in dense.parameters()] == [p.data_ptr() for p in net.parameters()]
    assert [(c.stride, c.dilation) for c in dense] == [((1, 1), (1, 1)), ((1, 1), (2, 2))]


def test_what_cannot_be_said_no_to_quietly():
    with pytest.raises(ValueError, match="32 cannot be divided into 3"):
        list(stitch.shifts(torch.zeros(1, 1, 4, 4), 32, 3))
    with pytest.raises(ValueError, match="without padding"):
        stitch.dilated(nn.Sequential(nn.Conv2d(1, 1, 3, 2, padding=1)), 2)
    with pytest.raises(ValueError, match="cannot be divided by 4"):
        stitch.dilated(nn.Sequential(nn.Conv2d(1, 1, 3, 2)), 4)


# --- back at the size of the image


@pytest.fixture(scope="module", params=["vgg16", "lite0"])
def coarsest(request) -> Place:
    """Where the answers of a trunk's last stage lie."""
    return backbones.build(request.param, imagenet=False).places[2]


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_upsampled_scores_lie_where_they_belong(coarsest, factor):
    place = replace(coarsest, stride=Fraction(32, factor))
    step, first = 32 // factor, float(coarsest.offset)
    h, w = 6 * factor, 7 * factor
    rows, columns = (first + step * torch.arange(n) for n in (h, w))
    answers = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None].float()  # each says where it is
    dense = stitch.upsampled(answers, place, (150, 160))[0]
    assert dense.shape == (2, 150, 160)
    inside = slice(int(first + step), 140)
    pixels = torch.arange(160.0)
    torch.testing.assert_close(dense[0, inside, 80], pixels[inside], rtol=0, atol=1e-3)
    torch.testing.assert_close(dense[1, 80, inside], pixels[inside], rtol=0, atol=1e-3)


def test_one_pass_is_fcn32s_with_fixed_bilinear():
    torch.manual_seed(0)
    net = fcn.build("lite0", 32, num_classes=3, imagenet=False)  # its deconvolution starts as bilinear
    scores = torch.randn(1, 3, 4, 5)
    with torch.no_grad():
        expected = net.upsample(fcn.ScoreMaps(scores), (100, 160))
        ours = stitch.upsampled(scores, net.backbone.places[2], (100, 160))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
