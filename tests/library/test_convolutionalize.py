from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import VGG, resnet18
from torchvision.models.vgg import make_layers

from fcnviz.convolutionalize import (
    convolutionalize,
    linear_to_conv,
    sliding_window,
    window_rows,
)
from fcnviz.lessons.convolutionalize import digits, imagenet
from fcnviz.photos import samples

few = st.integers(1, 5)


@settings(max_examples=40)
@given(few, few, few, few, st.integers(0, 2**16), st.booleans())
def test_conv_equals_linear_on_the_flattened_map(c, h, w, out, seed, bias):
    torch.manual_seed(seed)
    linear = nn.Linear(c * h * w, out, bias=bias).double()
    x = torch.randn(3, c, h, w, dtype=torch.float64)
    conv = linear_to_conv(linear, (c, h, w))
    assert conv(x).shape == (3, out, 1, 1)
    torch.testing.assert_close(conv(x).flatten(1), linear(x.flatten(1)), rtol=0, atol=1e-12)
    assert (conv.bias is not None) == bias


@settings(max_examples=30)
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
    assert isinstance(conv.weight, nn.Parameter)
    assert isinstance(conv.bias, nn.Parameter)
    assert list(conv.state_dict()) == ["weight", "bias"]


def test_one_storage():
    conv = linear_to_conv(linear := nn.Linear(24, 5), (2, 3, 4))
    for name in ("weight", "bias"):
        ours, theirs = getattr(conv, name), getattr(linear, name)
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
    assert linear.weight.grad is None
    assert linear.bias.grad is None


def test_a_frozen_layer_stays_frozen():
    linear = nn.Linear(12, 2).requires_grad_(False)
    linear.bias.requires_grad_(True)
    conv = linear_to_conv(linear, (3, 2, 2))
    assert (conv.weight.requires_grad, conv.bias.requires_grad) == (False, True)


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
    for p in conv.parameters():
        assert p.dtype == dtype
        assert p.device.type == device


def test_mode_is_kept():
    linear = nn.Linear(8, 3).eval()
    conv = linear_to_conv(linear, (2, 2, 2))
    assert not conv.training
    assert linear_to_conv(linear.train(), (2, 2, 2)).training


@pytest.mark.parametrize("shape", [(16, 4, 5), (16, 4, 3), (1, 1, 1), (-16, -4, 4), (256, 0, 1)])
def test_a_shape_that_does_not_fit_is_an_error(shape):
    with pytest.raises(ValueError, match=r"^a map of .* values, but the layer reads 256$"):
        linear_to_conv(nn.Linear(256, 10), shape)


@settings(max_examples=200)
@given(st.tuples(st.integers(1, 16), few, few), st.integers(1, 12), st.integers(0, 2**16), st.booleans())
def test_in_fp32_outputs_and_gradients_agree_on_one_storage(shape, out, seed, bias):
    torch.manual_seed(seed)
    linear = nn.Linear(prod(shape), out, bias=bias)
    conv = linear_to_conv(linear, shape)
    given = torch.randn(2, *shape)
    maps = [given.clone().requires_grad_() for _ in range(2)]
    dense, convolved = linear(maps[0].flatten(1)), conv(maps[1]).flatten(1)
    assert (dense - convolved).abs().max() <= 1e-5
    for y in (dense, convolved):
        y.sin().sum().backward()
    assert (maps[0].grad - maps[1].grad).abs().max() <= 1e-5
    assert (linear.weight.grad.view_as(conv.weight) - conv.weight.grad).abs().max() <= 1e-5
    assert conv.weight.data_ptr() == linear.weight.data_ptr()


# --- whole classifiers


def random_vgg(side: int = 7) -> VGG:
    """Built as torchvision's VGG16, with fewer and narrower layers: 5 poolings, then dense layers."""
    layers = [4, "M", 4, "M", 8, "M", 8, "M", 8, "M"]
    net = VGG(make_layers(layers), num_classes=6, init_weights=True)
    net.classifier = nn.Sequential(
        nn.Linear(8 * side * side, 20), nn.ReLU(True), nn.Dropout(), nn.Linear(20, 12), nn.ReLU(True),
        nn.Dropout(), nn.Linear(12, 6),
    )  # fmt: skip
    return net.eval()


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (9, 8), (23, 31)])
def test_digits_equal_the_oracle_at_every_position(size):
    net = digits.load().double()
    image = torch.rand(1, 1, *size, dtype=torch.float64)
    expected = sliding_window(net, image, digits.SIDE, stride=1)
    assert expected.shape == (1, 10, size[0] - 7, size[1] - 7)
    torch.testing.assert_close(convolutionalize(net)(image), expected, rtol=0, atol=1e-10)


@torch.no_grad()
def test_vgg_equals_its_dense_layers_at_every_position_of_pool5():
    net = random_vgg()
    features, head = convolutionalize(net)
    pool5 = features(torch.randn(1, 3, 352, 288))
    dense = nn.Sequential(nn.Flatten(), *net.classifier)
    expected = sliding_window(dense, pool5, 7, stride=1)
    assert expected.shape == (1, 6, 5, 3)
    torch.testing.assert_close(head(pool5), expected, rtol=0, atol=1e-5)
    crop = torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(convolutionalize(net)(crop).flatten(1), net(crop), rtol=0, atol=1e-5)


@torch.no_grad()
def test_lite0_equals_itself_on_one_crop_and_only_there():
    net = imagenet.lite0()
    conv, image = convolutionalize(net), imagenet.prepare(imagenet.scaled(samples.load("cat"), 256))
    crop = image[..., :224, :224]
    assert (conv(crop).flatten(1) - net(crop)).abs().max() <= 1e-5
    maps = conv(image)
    assert maps.shape == (1, 1000, imagenet.grid(256), imagenet.grid(385))
    assert (maps[..., 0, 0] - net(crop)).abs().max() > 0.01  # the padding differs, as the page says


@pytest.mark.parametrize("build", [digits.build, random_vgg, imagenet.lite0])
def test_a_convolutionalised_classifier_has_no_memory_of_its_own(build):
    net = build()
    ours = {p.data_ptr() for p in convolutionalize(net).parameters()}
    assert ours == {p.data_ptr() for p in net.parameters()}


def test_another_classifier_is_an_error():
    with pytest.raises(ValueError, match="ResNet is built as none of VGG, Digits and EfficientNet"):
        convolutionalize(resnet18())


def test_the_oracle_cuts_every_window_in_order():
    image = torch.arange(5 * 7.0).view(1, 1, 5, 7)
    corner = sliding_window(lambda x: x[:, :, 0, 0], image, window=3, stride=2)
    assert corner.tolist() == [[[[0, 2, 4], [14, 16, 18]]]]
    sizes = []
    rows = list(window_rows(lambda x: sizes.append(len(x)) or x[:, :, 0, 0], image, 3, 1, batch=2))
    assert [r.shape for r in rows] == [(1, 5)] * 3
    assert sizes == [2, 2, 1] * 3
