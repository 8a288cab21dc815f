import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fcnviz.convolutionalize import conv_to_linear, linear_to_conv

few = st.integers(1, 5)


@settings(max_examples=40, deadline=None)
@given(few, few, few, few, st.integers(0, 2**16), st.booleans())
def test_conv_equals_linear_on_the_flattened_map(c, h, w, out, seed, bias):
    torch.manual_seed(seed)
    linear = nn.Linear(c * h * w, out, bias=bias).double()
    x = torch.randn(3, c, h, w, dtype=torch.float64)
    conv = linear_to_conv(linear, (c, h, w))
    assert conv(x).shape == (3, out, 1, 1)
    torch.testing.assert_close(conv(x).flatten(1), linear(x.flatten(1)), rtol=0, atol=1e-12)
    assert (conv.bias is not None) == bias


@settings(max_examples=30, deadline=None)
@given(st.tuples(few, few, few), few, st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**16))
def test_on_a_larger_map_each_position_is_the_linear_on_its_window(shape, out, more_h, more_w, seed):
    torch.manual_seed(seed)
    c, h, w = shape
    linear = nn.Linear(c * h * w, out).double()
    x = torch.randn(2, c, h + more_h, w + more_w, dtype=torch.float64)
    windows = F.unfold(x, (h, w)).transpose(1, 2)  # (N, positions, C·H·W)
    expected = linear(windows).transpose(1, 2).unflatten(2, (more_h + 1, more_w + 1))
    torch.testing.assert_close(linear_to_conv(linear, (c, h, w))(x), expected, rtol=0, atol=1e-12)


def test_the_toy_of_the_app_has_2560_weights_either_way():
    linear = nn.Linear(16 * 4 * 4, 10)
    conv = linear_to_conv(linear, (16, 4, 4))
    assert linear.weight.numel() == conv.weight.numel() == 2560
    assert sum(p.numel() for p in conv.parameters()) == 2570
    assert isinstance(conv.weight, nn.Parameter) and isinstance(conv.bias, nn.Parameter)
    assert list(conv.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("back", [False, True])
def test_one_storage(back):
    conv = linear_to_conv(linear := nn.Linear(24, 5), (2, 3, 4))
    other = conv_to_linear(conv) if back else conv
    for name in ("weight", "bias"):
        ours, theirs = getattr(other, name), getattr(linear, name)
        assert ours.data_ptr() == theirs.data_ptr()
        assert ours.untyped_storage().nbytes() == 4 * theirs.numel()


def test_changing_one_changes_the_other():
    linear = nn.Linear(24, 5)
    conv = linear_to_conv(linear, (2, 3, 4))
    with torch.no_grad():
        linear.weight[3, 23] = 7
        linear.bias[2] = 8
        conv.weight[1, 1, 0, 2] = 9
        conv.bias[4] = 10
    assert conv.weight[3, 1, 2, 3] == 7  # the last input of the linear is the last pixel of the last channel
    assert conv.bias[2] == 8
    assert linear.weight[1, 1 * 12 + 0 * 4 + 2] == 9
    assert linear.bias[4] == 10


def test_a_step_on_the_conv_moves_the_linear_whose_gradient_stays_its_own():
    linear = nn.Linear(12, 2)
    conv = linear_to_conv(linear, (3, 2, 2))
    before = linear.weight.detach().clone()
    conv(torch.ones(1, 3, 2, 2)).sum().backward()
    torch.optim.SGD(conv.parameters(), lr=0.5).step()
    torch.testing.assert_close(linear.weight.detach(), before - 0.5)
    assert linear.weight.grad is None and linear.bias.grad is None


def test_a_frozen_layer_stays_frozen():
    linear = nn.Linear(12, 2).requires_grad_(False)
    linear.bias.requires_grad_(True)
    conv = linear_to_conv(linear, (3, 2, 2))
    assert (conv.weight.requires_grad, conv.bias.requires_grad) == (False, True)


@pytest.mark.parametrize("bias", [True, False])
def test_conv_to_linear_is_the_inverse(bias):
    linear = nn.Linear(2 * 3 * 4, 5, bias=bias)
    back = conv_to_linear(linear_to_conv(linear, (2, 3, 4)))
    assert repr(back) == repr(linear)
    x = torch.randn(6, 24)
    assert torch.equal(back(x), linear(x))


@pytest.mark.parametrize("padding", [0, "valid"])
def test_any_unpadded_conv_becomes_a_linear(padding):
    conv = nn.Conv2d(3, 4, (2, 5), stride=2, padding=padding)
    x = torch.randn(2, 3, 2, 5)
    linear = conv_to_linear(conv)
    torch.testing.assert_close(linear(x.flatten(1)), conv(x).flatten(1))
    assert linear.weight.data_ptr() == conv.weight.data_ptr()


def test_vgg_fc6_by_shape_alone():
    fc6 = linear_to_conv(nn.Linear(25088, 4096, device="meta"), (512, 7, 7))
    assert fc6.weight.shape == (4096, 512, 7, 7)
    assert fc6.weight.numel() == 102_760_448
    assert sum(p.numel() for p in fc6.parameters()) == 102_764_544
    assert (fc6.in_channels, fc6.out_channels, fc6.kernel_size) == (512, 4096, (7, 7))
    assert fc6(torch.empty(1, 512, 22, 16, device="meta")).shape == (1, 4096, 16, 10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_dtype_and_device_are_kept(dtype, device):
    conv = linear_to_conv(nn.Linear(8, 3, dtype=dtype, device=device), (2, 2, 2))
    linear = conv_to_linear(conv)
    for p in (*conv.parameters(), *linear.parameters()):
        assert p.dtype == dtype and p.device.type == device


def test_mode_is_kept():
    linear = nn.Linear(8, 3).eval()
    conv = linear_to_conv(linear, (2, 2, 2))
    assert not conv.training and not conv_to_linear(conv).training
    assert linear_to_conv(linear.train(), (2, 2, 2)).training


@pytest.mark.parametrize("shape", [(16, 4, 5), (16, 4, 3), (1, 1, 1), (-16, -4, 4), (256, 0, 1)])
def test_a_shape_that_does_not_fit_is_an_error(shape):
    with pytest.raises(ValueError, match=r"^a map of .* values, but the layer reads 256$"):
        linear_to_conv(nn.Linear(256, 10), shape)


@pytest.mark.parametrize("option", [{"groups": 2}, {"dilation": 2}, {"padding": 1}, {"padding": "same"}])
def test_a_conv_that_is_no_linear_is_an_error(option):
    with pytest.raises(ValueError, match="groups, dilation or padding"):
        conv_to_linear(nn.Conv2d(4, 6, 3, **option))


def test_a_conv_in_another_memory_order_is_an_error_rather_than_a_copy():
    conv = nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
    with pytest.raises(ValueError, match="not contiguous"):
        conv_to_linear(conv)
