"""Bilinear kernels and deconvolutions against F.interpolate, F.conv_transpose2d and loops."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fcnviz.upsampling import Deconvolution, bilinear_kernel, deconvolution, stamp

FACTORS = [1, 2, 3, 4, 8, 16, 32]


# --- the kernel


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 32, 64])
def test_kernel_by_its_definition(size):
    f = (size + 1) // 2
    c = f - 1 if size % 2 == 1 else f - 0.5
    expected = [[(1 - abs(x - c) / f) * (1 - abs(y - c) / f) for x in range(size)] for y in range(size)]
    kernel = bilinear_kernel(size)
    assert kernel.shape == (size, size)
    assert kernel.dtype == torch.float32
    torch.testing.assert_close(kernel, torch.tensor(expected, dtype=torch.float64).float(), rtol=0, atol=0)


def test_kernel_of_a_factor_2_layer():
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    assert torch.equal(bilinear_kernel(4), torch.outer(line, line))


@pytest.mark.parametrize("size", [3, 4, 9, 64])
def test_kernel_is_symmetric_and_positive(size):
    kernel = bilinear_kernel(size)
    assert torch.equal(kernel, kernel.T)
    assert torch.equal(kernel, kernel.flip(0))
    assert (kernel > 0).all()


@pytest.mark.parametrize("factor", FACTORS)
def test_kernel_sums_to_one_over_every_pixel_it_makes(factor):
    kernel = bilinear_kernel(2 * factor).unflatten(1, (2, factor)).unflatten(0, (2, factor))
    torch.testing.assert_close(kernel.sum((0, 2)), torch.ones(factor, factor))


@pytest.mark.parametrize("size", [0, -2])
def test_kernel_without_pixels_is_an_error(size):
    with pytest.raises(ValueError, match=f"not {size}"):
        bilinear_kernel(size)


# --- against F.interpolate


def cropped(layer: Deconvolution, x: torch.Tensor, factor: int) -> torch.Tensor:
    """The image-sized middle of the layer's output: `factor` / 2 pixels cut off each side."""
    edge = factor // 2
    return layer(x)[..., edge:-edge, edge:-edge]


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_equals_interpolate_inside_and_differs_at_the_border(factor, per_class):
    torch.manual_seed(0)
    x = torch.rand(2, 3, 4, 6) + 0.5
    edge = factor // 2
    with torch.no_grad():
        ours = cropped(deconvolution(3, factor, per_class=per_class), x, factor)
    theirs = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    assert ours.shape == theirs.shape
    difference = (ours - theirs).abs().amax((0, 1))
    inside = torch.zeros_like(difference, dtype=torch.bool)
    inside[edge:-edge, edge:-edge] = True
    assert difference[inside].max() < 1e-6
    assert difference[~inside].min() > 1e-3  # each border pixel sees zeros; interpolate repeats the edge


def test_weights_of_the_first_pixel_sum_to_0_516():
    ones = torch.ones(1, 1, 3, 3)
    with torch.no_grad():
        dense = cropped(deconvolution(1, 32, per_class=True), ones, 32)[0, 0]
    assert float(dense[0, 48]) == pytest.approx(0.516, abs=5e-4)
    assert float(dense[0, 48]) == pytest.approx(33 / 64)
    assert float(dense[0, 0]) == pytest.approx((33 / 64) ** 2)
    assert float(dense[-1, 48]) == pytest.approx(33 / 64)
    torch.testing.assert_close(dense[16:-16, 16:-16], torch.ones(64, 64))


# --- the layer


@pytest.mark.parametrize("factor", FACTORS)
def test_one_kernel_a_class_and_full_kernels_agree(factor):
    x = torch.randn(2, 5, 3, 4)
    with torch.no_grad():
        slim, full = (deconvolution(5, factor, per_class=p)(x) for p in (True, False))
    torch.testing.assert_close(slim, full, rtol=0, atol=1e-6)


def test_full_kernels_fill_only_the_diagonal():
    weight = deconvolution(4, 8).weight
    assert weight.shape == (4, 4, 16, 16)
    for i, j in itertools.product(range(4), repeat=2):
        expected = bilinear_kernel(16) if i == j else torch.zeros(16, 16)
        assert torch.equal(weight[i, j], expected)


def test_one_kernel_a_class_is_grouped():
    layer = deconvolution(4, 8, per_class=True)
    assert layer.groups == 4
    assert layer.weight.shape == (4, 1, 16, 16)
    assert torch.equal(layer.weight, bilinear_kernel(16).expand(4, 1, 16, 16))


def test_size_of_the_authors_last_layers():
    for factor, expected in ((32, 1_806_336), (16, 451_584), (8, 112_896), (2, 7_056)):
        assert deconvolution(21, factor).weight.numel() == expected


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("per_class", [True, False])
def test_learned_is_whether_it_has_a_gradient(learned, per_class):
    layer = deconvolution(3, 4, per_class=per_class, learned=learned)
    assert layer.weight.requires_grad == learned
    assert layer.bias is None
    x = torch.randn(1, 3, 2, 2, requires_grad=True)
    layer(x).square().sum().backward()
    assert x.grad is not None
    assert (layer.weight.grad is not None) == learned


def test_fixed_is_the_default():
    assert not deconvolution(3, 4).weight.requires_grad


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (12, 16)])
@pytest.mark.parametrize("factor", [2, 3, 8])
def test_output_is_one_cell_larger(size, factor):
    for per_class, training in itertools.product((True, False), repeat=2):
        layer = deconvolution(2, factor, per_class=per_class).train(training)
        out = layer(torch.zeros(1, 2, *size))
        assert out.shape == (1, 2, (size[0] + 1) * factor, (size[1] + 1) * factor)


# --- stamp: the same numbers as a matrix product

small = st.integers(1, 5)


@settings(max_examples=60)
@given(small, small, st.tuples(small, small), st.integers(1, 6), st.integers(0, 2**16))
def test_stamp_equals_conv_transpose2d_with_its_gradients(n, c, size, factor, seed):
    torch.manual_seed(seed)
    x = torch.randn(n, c, *size, dtype=torch.float64)
    weight = torch.randn(c, 1, 2 * factor, 2 * factor, dtype=torch.float64)
    up = torch.randn(n, c, *((s + 1) * factor for s in size), dtype=torch.float64)

    def results(layer):
        a, b = x.clone().requires_grad_(), weight.clone().requires_grad_()
        out = layer(a, b)
        return out.detach(), *torch.autograd.grad(out, (a, b), up)

    ours = results(stamp)
    theirs = results(lambda a, b: F.conv_transpose2d(a, b, stride=factor, groups=c))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_stamp_passes_gradcheck():
    x = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(stamp, (x, weight))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8)])
def test_training_gives_the_same_numbers(size, memory):
    torch.manual_seed(0)
    layer = deconvolution(21, 8, per_class=True, learned=True)
    torch.nn.init.normal_(layer.weight)
    layer = layer.to(memory_format=memory)
    x = torch.randn(2, 21, *size).to(memory_format=memory)
    torch.testing.assert_close(layer.train()(x), layer.eval()(x), rtol=0, atol=1e-4)


def test_training_takes_the_fast_way_only_with_one_kernel_a_class(monkeypatch):
    calls = []
    monkeypatch.setattr("fcnviz.upsampling.stamp", lambda x, w: calls.append(w.shape) or stamp(x, w))
    x = torch.randn(1, 3, 2, 2)
    for per_class, training in itertools.product((True, False), repeat=2):
        deconvolution(3, 2, per_class=per_class).train(training)(x)
    assert calls == [(3, 1, 4, 4)]
