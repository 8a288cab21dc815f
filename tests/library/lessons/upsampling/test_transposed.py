"""Stamps, overlaps and the four ways against each other, against loops and against torch's own layer."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fcnviz.lessons.upsampling import kernels, transposed
from fcnviz.upsampling import bilinear_kernel


@st.composite
def layers(draw, fewest=1):
    """Any legal (x, kernel, stride, pad), 1-D and 2-D; sizes and kernels may differ between the axes."""
    n = draw(st.integers(fewest, 2))
    size = draw(st.tuples(*[st.integers(1, 7)] * n))
    kernel = draw(st.tuples(*[st.integers(1, 6)] * n))
    stride = draw(st.integers(1, 5))
    smallest = min((a - 1) * stride + k for a, k in zip(size, kernel, strict=True))
    pad = draw(st.integers(0, (smallest - 1) // 2))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    x, weights = (torch.randn(s, generator=generator, dtype=torch.float64) for s in (size, kernel))
    return x, weights, stride, pad


@settings(max_examples=50)
@given(layers())
def test_the_cells_that_are_not_the_inputs_are_zeros(setting):
    x, kernel, stride, pad = setting
    wide = transposed.zeros_inserted(x, kernel.shape, stride, pad)
    data = transposed.data_cells(x.shape, kernel.shape, stride, pad)
    assert data.shape == wide.shape
    assert (wide[~data] == 0).all()
    assert (wide[data] != 0).all()  # random numbers are not 0
    if pad < min(kernel.shape):
        assert data.sum() == x.numel()


@settings(max_examples=50)
@given(layers())
def test_a_round_trip_is_the_matrix_times_its_transpose(setting):
    x, kernel, stride, pad = setting
    matrix = transposed.matrix(
        transposed.output_size(x.shape, kernel.shape, stride, pad), kernel, stride, pad
    )
    back = transposed.round_trip(*setting)
    assert back.shape == x.shape
    torch.testing.assert_close(back.flatten(), matrix @ matrix.T @ x.flatten())


@settings(max_examples=200)
@given(layers())
def test_four_ways_and_the_stamps_agree(setting):
    results = transposed.four_ways(*setting)
    assert len(results) == 4
    results["Stamps"] = transposed.by_stamping(*setting)
    x, kernel, stride, pad = setting
    size = transposed.output_size(x.shape, kernel.shape, stride, pad)
    assert all(r.shape == size for r in results.values())
    assert transposed.largest_difference(results) <= 1e-6


@settings(max_examples=50)
@given(layers(fewest=2))
def test_it_is_what_torchs_layer_does(setting):
    x, kernel, stride, pad = setting
    layer = nn.ConvTranspose2d(1, 1, kernel.shape, stride, pad, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(kernel)
        expected = layer(x[None, None])[0, 0]
    torch.testing.assert_close(transposed.by_convolution(*setting), expected, rtol=0, atol=1e-12)


@settings(max_examples=50)
@given(layers())
def test_every_cell_is_the_sum_of_its_terms(setting):
    out = transposed.directly(*setting)
    x, kernel, stride, pad = setting
    counts = transposed.overlaps(x.shape, kernel.shape, stride, pad)
    for cell in itertools.product(*map(range, out.shape)):
        terms = transposed.terms(*setting, cell)
        assert math.isclose(sum(t.value * t.weight for t in terms), float(out[cell]), abs_tol=1e-12)
        assert all(float(x[t.cell]) == t.value and float(kernel[t.tap]) == t.weight for t in terms)
        assert len(terms) == counts[cell]


def test_stamping_by_hand():
    x, kernel = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0, 100.0])
    found = list(transposed.stamps(x, kernel, stride=2))
    assert [s.start for s in found] == [(0,), (2,), (4,)]
    assert found[1].patch.tolist() == [2, 20, 200]
    assert transposed.canvas(x, kernel, 2, 0).tolist() == [0] * 7
    assert transposed.canvas(x, kernel, 2, 2).tolist() == [1, 10, 102, 20, 200, 0, 0]
    assert transposed.canvas(x, kernel, 2).tolist() == [1, 10, 102, 20, 203, 30, 300]
    assert transposed.by_stamping(x, kernel, 2, 1).tolist() == [10, 102, 20, 203, 30]


def test_zeros_inserted_by_hand():
    x = torch.tensor([[1.0, 2.0]])
    assert transposed.zeros_inserted(x, (1, 3), stride=3, pad=0).tolist() == [[0, 0, 1, 0, 0, 2, 0, 0]]
    assert transposed.zeros_inserted(torch.tensor([1.0, 2.0, 3.0]), (1,), 1, 1).tolist() == [
        2
    ]  # cut, not padded


def test_the_matrix_is_the_convolution():
    kernel = torch.tensor([1.0, 2.0, 3.0])
    assert transposed.matrix((5,), kernel, stride=2, pad=0).tolist() == [[1, 2, 3, 0, 0], [0, 0, 1, 2, 3]]
    assert transposed.matrix((3,), kernel, stride=1, pad=1).tolist() == [[2, 3, 0], [1, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"), [((2,), (3,), 0, 0), ((2,), (3,), 1, -1), ((0,), (3,), 1, 0)]
)
def test_no_such_layer(size, kernel, stride, pad):
    with pytest.raises(ValueError, match="at least 1"):
        transposed.output_size(size, kernel, stride, pad)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5))
def test_too_much_padding_names_the_most_that_is_possible(n, k, stride):
    possible = [p for p in range(20) if (n - 1) * stride + k - 2 * p >= 1]
    with pytest.raises(ValueError, match=f"at most {possible[-1]}$"):
        transposed.output_size((n, 30), (k, 30), stride, possible[-1] + 1)
    assert transposed.output_size((n, 30), (k, 30), stride, possible[-1])


# --- overlaps and the checkerboard


def interior(kernel: tuple[int, int], stride: int) -> torch.Tensor:
    """Overlap counts where no missing neighbour is felt."""
    edge = max(kernel)
    n = 2 * -(-edge // stride) + 3
    counts = transposed.overlaps((n, n), kernel, stride, 0)
    return counts[edge:-edge, edge:-edge]


@pytest.mark.parametrize("stride", range(1, 6))
@pytest.mark.parametrize("size", range(1, 9))
def test_overlap_is_constant_exactly_when_the_stride_divides_the_kernel(size, stride):
    counts = interior((size, size), stride)
    assert counts.shape[0] >= stride  # all phases are seen
    measure = transposed.checkerboard(torch.ones(size, size), stride)
    if size % stride == 0:
        assert counts.unique().tolist() == [(size // stride) ** 2]
        assert measure == 0
    else:
        assert len(counts.unique()) > 1
        assert measure > 0


def test_three_by_three_with_stride_two_is_a_checkerboard():
    assert sorted(interior((3, 3), 2).unique().tolist()) == [1, 2, 4]
    assert transposed.checkerboard(torch.ones(3, 3), 2) > 0.2


@settings(max_examples=60)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**16))
def test_the_measure_is_the_relative_variance_of_a_constant_maps_interior(h, w, stride, seed):
    kernel = torch.rand(h, w, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    cells = -(-max(h, w) // stride)
    dense = transposed.canvas(torch.ones(3 * cells + 4, 3 * cells + 4, dtype=torch.float64), kernel, stride)
    period = slice(cells * stride, (cells + 1) * stride)
    inside = dense[period, period]
    expected = float(inside.var(correction=0) / inside.mean() ** 2)
    assert transposed.checkerboard(kernel, stride) == pytest.approx(expected, abs=1e-12)
    torch.testing.assert_close(transposed.phases(kernel, stride), inside, rtol=0, atol=1e-12)


def test_weights_that_sum_to_zero_have_no_measure():
    assert math.isnan(transposed.checkerboard(torch.tensor([1.0, -1.0]), 1))


# --- kernels


@pytest.mark.parametrize("stride", range(1, 9))
def test_bilinear_and_nearest_have_no_checkerboard_at_fcns_sizes(stride):
    for name in ("nearest", "bilinear"):
        kernel = kernels.kernel(name, 2 * stride, stride)
        torch.testing.assert_close(transposed.phases(kernel, stride), torch.ones(stride, stride).double())
    assert transposed.checkerboard(kernels.kernel("random", 2 * stride, stride), stride) > 0 or stride == 1


@pytest.mark.parametrize("stride", range(1, 7))
@pytest.mark.parametrize("size", range(1, 10))
def test_kernels_keep_the_mean_of_a_map(size, stride):
    for name, axes in itertools.product(("nearest", "gaussian", "random"), (1, 2)):
        kernel = kernels.kernel(name, size, stride, axes)
        assert kernel.shape == (size,) * axes
        assert float(kernel.sum()) == pytest.approx(stride**axes)
    assert (kernels.nearest(size, stride) >= 0).all()


@pytest.mark.parametrize("stride", range(1, 6))
def test_nearest_repeats_each_cell(stride):
    x = torch.rand(3, 4, dtype=torch.float64)
    expected = x.repeat_interleave(stride, 0).repeat_interleave(stride, 1)
    ours = transposed.directly(x, kernels.kernel("nearest", stride, stride), stride, 0)
    torch.testing.assert_close(ours, expected)
    if stride % 2 == 0:  # FCN's kernel size: the same after the crop
        wide = transposed.directly(x, kernels.kernel("nearest", 2 * stride, stride), stride, stride // 2)
        torch.testing.assert_close(wide, expected)


def test_bilinear_is_caffes():
    for size in range(1, 9):
        torch.testing.assert_close(kernels.kernel("bilinear", size, 2).float(), bilinear_kernel(size))


def test_random_is_reproducible():
    assert torch.equal(kernels.kernel("random", 4, 2), kernels.kernel("random", 4, 2))
    assert not torch.equal(kernels.random((4,), 2, seed=1), kernels.random((4,), 2, seed=2))
