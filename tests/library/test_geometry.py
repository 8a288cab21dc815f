"""Geometry against the authors' numbers and against real torch layers."""

import tokenize
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from torch import nn

from fcnviz import geometry
from fcnviz.backbones.lite0 import chain as lite0_chain
from fcnviz.backbones.vgg16 import chain as vgg16_chain
from fcnviz.geometry import Crops, Layer, Place

SOURCE = Path(geometry.__file__).parent

# --- VGG16: the numbers of the paper and of the authors' code -----------------------------------------------


def vgg16_until(name: str, pad: int = 100) -> list[Layer]:
    chain = vgg16_chain(pad)
    return chain[: [layer.name for layer in chain].index(name) + 1]


@pytest.mark.parametrize(
    ("name", "field", "stride"),
    [
        ("conv1_1", 3, 1),
        ("pool1", 6, 2),
        ("pool2", 16, 4),
        ("pool3", 44, 8),
        ("pool4", 100, 16),
        ("pool5", 212, 32),
        ("fc6", 404, 32),
        ("fc7", 404, 32),
    ],
)
def test_vgg16_receptive_fields_and_strides(name, field, stride):
    at = geometry.place(vgg16_until(name))
    assert (at.field, at.stride) == (field, stride)


def test_vgg16_has_thirteen_convolutions_five_poolings_and_two_dense_layers():
    names = [layer.name for layer in vgg16_chain()]
    expected = []
    for stage, convs in enumerate((2, 2, 3, 3, 3), 1):
        expected += [f"conv{stage}_{i}" for i in range(1, convs + 1)] + [f"pool{stage}"]
    assert names == [*expected, "fc6", "fc7"]


@pytest.mark.parametrize(
    ("stride", "expected"),
    [(32, Crops({}, 19)), (16, Crops({16: 5}, 27)), (8, Crops({16: 5, 8: 9}, 31))],
)
def test_crops_of_the_authors_nets_are_derived(stride, expected):
    places = [geometry.place(vgg16_until(name)) for name in ("pool3", "pool4", "fc7")]
    assert geometry.crops(*places, stride) == expected


@pytest.mark.parametrize(
    ("stride", "expected"),
    [(32, Crops({}, 16)), (16, Crops({16: -1}, 8)), (8, Crops({16: -1, 8: -1}, 4))],
)
def test_crops_of_maps_centred_on_their_cells_are_half_a_kernel(stride, expected):
    places = [geometry.place([Layer("cell", s, s)]) for s in (8, 16, 32)]
    assert geometry.crops(*places, stride) == expected


def test_crops_follow_the_padding():
    # each pixel of padding shifts every map by one; those of pool4 and pool3 shift as the top does
    by_pad = {}
    for pad in (100, 99, 68):
        places = [geometry.place(vgg16_until(name, pad)) for name in ("pool3", "pool4", "fc7")]
        by_pad[pad] = geometry.crops(*places, 8)
    skips = {16: 5, 8: 9}
    assert by_pad == {100: Crops(skips, 31), 99: Crops(skips, 30), 68: Crops(skips, -1)}


@pytest.mark.parametrize(
    ("file", "banned"),
    [
        ("geometry.py", {5, 9, 19, 27, 31}),
        ("fcn.py", {5, 9, 19, 27, 31}),
        ("backbones/vgg16.py", {19, 27, 31}),  # 5 is a number of stages
        ("backbones/lite0.py", {19, 27, 31}),  # 5 is a kernel side of EfficientNet
        ("upsampling.py", {9, 19, 27, 31}),  # 5 is a dimension in a permute
    ],
)
def test_no_crop_is_written_down_in_the_library(file, banned):
    with (SOURCE / file).open("rb") as source:
        tokens = [t.string for t in tokenize.tokenize(source.readline) if t.type == tokenize.NUMBER]
    assert len(tokens) > 5  # this really reads the file
    assert not {float(t) for t in tokens} & banned


@pytest.mark.parametrize(("pixels", "cells"), [(500, 16), (375, 12), (224, 8), (1, 1)])
def test_vgg16_coarse_grid(pixels, cells):
    assert geometry.size(vgg16_chain(), pixels) == cells


@pytest.mark.parametrize(("pixels", "cells"), [(224, 1), (193, 1), (256, 2), (500, 10)])
def test_vgg16_without_padding_is_the_classifier(pixels, cells):
    assert geometry.size(vgg16_chain(pad=1), pixels) == cells


def test_vgg16_without_padding_needs_a_large_image():
    with pytest.raises(ValueError, match="fc6 needs more than the 6 px"):
        geometry.size(vgg16_chain(pad=1), 192)


# --- sizes against torch ------------------------------------------------------------------------------------


@st.composite
def layers(draw, transposed=True) -> Layer:
    kind = draw(st.sampled_from(["conv", "same", "floor", "ceil", *["transposed"] * transposed]))
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    pad = draw(st.integers(0, kernel // 2))
    after = draw(st.integers(0, 3)) if kind == "same" else None
    return Layer(kind, kernel, stride, pad, after, ceil=kind == "ceil", transposed=kind == "transposed")


def chains(transposed=True):
    return st.lists(layers(transposed), min_size=1, max_size=4)


def torch_layer(layer: Layer) -> nn.Module:
    """The real thing, in one dimension."""
    k, s, p = layer.kernel, layer.stride, layer.pad
    if layer.transposed:
        return nn.ConvTranspose1d(1, 1, k, s, p, bias=False)
    if layer.ceil or layer.name == "floor":
        return nn.MaxPool1d(k, s, p, ceil_mode=layer.ceil)
    if layer.pad_after is not None:
        return nn.Sequential(nn.ConstantPad1d((p, layer.pad_after), 0.0), nn.Conv1d(1, 1, k, s, bias=False))
    return nn.Conv1d(1, 1, k, s, p, bias=False)


@settings(max_examples=300)
@given(chains(), st.integers(1, 40))
def test_size_equals_torch_or_both_refuse(chain, n):
    net = nn.Sequential(*map(torch_layer, chain))
    try:
        expected = net(torch.zeros(1, 1, n)).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="needs more than"):
            geometry.size(chain, n)
    else:
        assert geometry.size(chain, n) == expected


@pytest.mark.parametrize("layer", [Layer("pool", 1, 2, ceil=True), Layer("pool", 2, 2, pad=1, ceil=True)])
def test_ceil_drops_a_window_that_starts_outside_as_torch_does(layer):
    pool = torch_layer(layer)
    expected = [pool(torch.zeros(1, 1, n)).shape[-1] for n in range(1, 8)]
    assert [layer.size(n) for n in range(1, 8)] == expected


def test_too_small_raises_and_names_the_layer():
    chain = [Layer("a", 3), Layer("b", 3)]
    assert geometry.size(chain, 5) == 1
    with pytest.raises(ValueError, match=r"^b needs more than the 2 px"):
        geometry.size(chain, 4)


# --- places against torch -----------------------------------------------------------------------------------


def spread(layer: Layer, x: torch.Tensor) -> torch.Tensor:
    """The layer with a positive kernel that keeps straight lines straight: a mean, or bilinear upsampling."""
    k, s, p = layer.kernel, layer.stride, layer.pad
    if layer.transposed:
        line = 1 - (torch.arange(k, dtype=x.dtype) - (k - 1) / 2).abs() / s  # for k = 2·s
        return F.conv_transpose1d(x, line.view(1, 1, k), stride=s, padding=p)
    after = p if layer.pad_after is None else layer.pad_after
    after += (layer.size(x.shape[-1]) - 1) * s + k - (x.shape[-1] + p + after) if layer.ceil else 0
    return F.conv1d(F.pad(x, (p, after)), torch.full((1, 1, k), 1 / k, dtype=x.dtype), stride=s)


def run(chain: list[Layer], x: torch.Tensor) -> torch.Tensor:
    for layer in chain:
        x = spread(layer, x)
    return x


def seen(chain: list[Layer], n: int, index: int) -> tuple[int, int]:
    """First and last input pixel with a gradient from output pixel `index`."""
    x = torch.zeros(1, 1, n, dtype=torch.float64, requires_grad=True)
    run(chain, x)[0, 0, index].backward()
    touched = x.grad[0, 0].nonzero()
    return int(touched.min()), int(touched.max())


@settings(max_examples=150)
@given(chains(transposed=False), st.data())
def test_window_is_what_the_gradient_reaches(chain, data):
    at, n = geometry.place(chain), 200
    size = geometry.size(chain, n) if at.field < n else 0
    inside = [i for i in range(size) if at.window(i)[0] >= 0 and at.window(i)[1] <= n - 1]
    assume(inside)
    index = data.draw(st.sampled_from(inside))
    assert seen(chain, n, index) == at.window(index)


@pytest.mark.parametrize("name", ["pool3", "pool4", "pool5", "fc7"])
def test_vgg16_window_is_what_the_gradient_reaches(name):
    chain = vgg16_until(name)
    at, n = geometry.place(chain), 600
    index = next(i for i in range(99) if at.window(i)[0] >= 0)
    assert at.window(index)[1] < n
    assert seen(chain, n, index) == at.window(index)


@st.composite
def mixed_chains(draw) -> list[Layer]:
    """Chains in which transposed layers are FCN's: kernel twice the stride."""
    chain = draw(st.lists(layers(transposed=False), max_size=3))
    factor, pad = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    deconvolution = Layer("up", 2 * factor, factor, pad, transposed=True)
    chain.insert(draw(st.integers(0, len(chain))), deconvolution)
    return chain


@settings(max_examples=150)
@given(mixed_chains())
def test_place_is_where_a_ramp_takes_its_values(chain):
    at, n = geometry.place(chain), 150
    try:
        geometry.size(chain, n)
    except ValueError:  # nothing would be left
        reject()
    ramp = torch.arange(n, dtype=torch.float64)
    whole = torch.isclose(run(chain, torch.ones_like(ramp)[None, None]), torch.ones(1, dtype=torch.float64))
    values, whole = run(chain, ramp[None, None])[0, 0], whole[0, 0]  # `whole`: not touched by the padding
    assume(whole.sum() >= 2)
    expected = float(at.offset) + float(at.stride) * torch.arange(len(values), dtype=torch.float64)
    torch.testing.assert_close(values[whole], expected[whole], rtol=0, atol=1e-8)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (16, 8), (64, 32), (3, 2), (3, 3), (2, 3), (5, 2)])
def test_a_transposed_layer_sees_its_field(kernel, stride):
    chain = [Layer("up", kernel, stride, transposed=True)]
    at, reach = geometry.place(chain), []
    weight = torch.ones(1, 1, kernel)
    for index in range(kernel, kernel + stride):
        x = torch.zeros(1, 1, 9, requires_grad=True)
        F.conv_transpose1d(x, weight, stride=stride)[0, 0, index].backward()
        touched = x.grad[0, 0].nonzero()
        reach.append(len(touched))
        if len(touched):
            middle = (touched.min() + touched.max()) / 2
            assert abs(middle - float(at.offset + at.stride * index)) <= 0.5
    assert max(reach) == at.field
    assert at.stride == Fraction(1, stride)


def test_place_can_start_elsewhere():
    conv, pool = Layer("conv", 3, pad=1), Layer("pool", 2, 2)
    assert geometry.place([pool], geometry.place([conv, pool])) == geometry.place([conv, pool, pool])
    assert geometry.place([]) == Place(Fraction(1), Fraction(0), Fraction(1))


def test_deconvolution_undoes_a_stride():
    layer = geometry.deconvolution("upscore", 8)
    assert layer == Layer("upscore", 16, 8, transposed=True)
    assert layer.size(12) == 13 * 8
    assert geometry.place([Layer("cell", 8, 8), layer]).stride == 1


# --- crop ---------------------------------------------------------------------------------------------------


def test_crop_is_the_index_over_the_other_maps_first_pixel():
    fine = Place(Fraction(16), Fraction(-40))
    assert geometry.crop(fine, Place(Fraction(16), Fraction(8))) == 3
    assert geometry.crop(fine, Place(Fraction(16), Fraction(-56))) == -1


def test_crop_of_different_strides_raises():
    with pytest.raises(ValueError, match="strides differ: 16 and 8"):
        geometry.crop(Place(Fraction(16)), Place(Fraction(8)))


def test_crop_of_a_fraction_raises():
    with pytest.raises(ValueError, match="1/2 pixels apart"):
        geometry.crop(Place(Fraction(16)), Place(Fraction(16), Fraction(8)))


# --- EfficientNet-Lite0 -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def timm_net() -> nn.Module:
    import timm

    return timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()


def test_lite0_chain_has_the_kernels_strides_and_paddings_of_timm(timm_net):
    found = []
    for name, module in timm_net.named_modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1):
            (k, _), (s, _), (p, _) = module.kernel_size, module.stride, module.padding
            total = max(k - s, 0)  # TensorFlow's "SAME" for sizes that the stride divides
            pads = (total // 2, total - total // 2) if type(module).__name__ == "Conv2dSame" else (p, p)
            found.append((name.removesuffix(".conv_dw"), k, s, pads))
    chain = lite0_chain()
    assert chain.pop() == Layer("conv_head", 1)
    assert [(c.name, c.kernel, c.stride, (c.pad, c.pad_after)) for c in chain] == found


@pytest.mark.parametrize(("pixels", "cells"), [(32, 1), (224, 7), (512, 16)])
def test_lite0_grid(timm_net, pixels, cells):
    assert geometry.size(lite0_chain(), pixels) == cells
    with torch.no_grad():
        assert timm_net.forward_features(torch.zeros(1, 3, pixels, 32)).shape[-2:] == (cells, 1)


def test_lite0_window_is_what_the_gradient_of_the_real_net_reaches(timm_net):
    net, at = timm_net.double(), geometry.place(lite0_chain())
    assert at.stride == 32
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    width = 32 * -(-int(at.field + 64) // 32)
    index = next(i for i in range(99) if at.window(i)[0] >= 0)
    assert at.window(index)[1] < width
    x = torch.full((1, 3, 32, width), 1e-3, dtype=torch.float64, requires_grad=True)  # far from ReLU6's 6
    net.forward_features(x)[0, 0, 0, index].backward()
    touched = x.grad[0].sum((0, 1)).nonzero()
    assert (int(touched.min()), int(touched.max())) == at.window(index)
    net.float()
