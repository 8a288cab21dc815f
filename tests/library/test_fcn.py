"""The networks against the authors' net.py, written out in plain torch with its numbers as literals."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz import backbones, fcn, geometry
from fcnviz.backbones.vgg16 import chain as vgg16_chain
from fcnviz.fcn import ScoreMaps
from tests.nets import grid, random_net

STRIDES = (32, 16, 8)

# --- the authors' nets: names, shapes, counts

TRUNK = {
    "conv1_1": (64, 3, 3, 3),
    "conv1_2": (64, 64, 3, 3),
    "conv2_1": (128, 64, 3, 3),
    "conv2_2": (128, 128, 3, 3),
    "conv3_1": (256, 128, 3, 3),
    "conv3_2": (256, 256, 3, 3),
    "conv3_3": (256, 256, 3, 3),
    "conv4_1": (512, 256, 3, 3),
    "conv4_2": (512, 512, 3, 3),
    "conv4_3": (512, 512, 3, 3),
    "conv5_1": (512, 512, 3, 3),
    "conv5_2": (512, 512, 3, 3),
    "conv5_3": (512, 512, 3, 3),
    "fc6": (4096, 512, 7, 7),
    "fc7": (4096, 4096, 1, 1),
    "score_fr": (21, 4096, 1, 1),
}
HEADS = {  # of the published checkpoints, by stride
    32: {"upscore": (21, 21, 64, 64)},
    16: {"score_pool4": (21, 512, 1, 1), "upscore2": (21, 21, 4, 4), "upscore16": (21, 21, 32, 32)},
    8: {
        "score_pool4": (21, 512, 1, 1),
        "score_pool3": (21, 256, 1, 1),
        "upscore2": (21, 21, 4, 4),
        "upscore_pool4": (21, 21, 4, 4),
        "upscore8": (21, 21, 16, 16),
    },
}


def published(stride: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a published state dict."""
    shapes = {}
    for name, shape in {**TRUNK, **HEADS[stride]}.items():
        shapes[f"{name}.weight"] = shape
        if not name.startswith("upscore"):
            shapes[f"{name}.bias"] = shape[:1]
    return shapes


@pytest.fixture(scope="module")
def hollow() -> dict[int, fcn.FCN]:
    """The three VGG16 nets, shapes only."""
    with torch.device("meta"):
        return {stride: fcn.build("vgg16", stride) for stride in STRIDES}


@pytest.mark.parametrize("stride", STRIDES)
def test_vgg16_state_dict_is_the_published_one(hollow, stride):
    state = hollow[stride].state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == published(stride)


@pytest.mark.parametrize(
    ("stride", "learned", "frozen", "total"),
    [
        (32, 134_346_581, 1_806_336, 136_152_917),
        (16, 134_357_354, 458_640, 134_815_994),
        (8, 134_362_751, 127_008, 134_489_759),
    ],
)
def test_vgg16_counts(hollow, stride, learned, frozen, total):
    counts = {True: 0, False: 0}
    for p in hollow[stride].parameters():
        counts[p.requires_grad] += p.numel()
    assert (counts[True], counts[False], sum(counts.values())) == (learned, frozen, total)
    assert sum(p.numel() for p in hollow[stride].fc6.parameters()) == 102_764_544


# --- the authors' nets: numbers


def transcription(state: dict[str, Tensor], x: Tensor) -> Callable[..., Tensor]:
    """voc-fcn*/net.py by hand: the trunk once, then a function that adds the head of any stride."""

    def conv(x: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2, 2, ceil_mode=True)

    h = F.relu(conv(x, "conv1_1", 100))
    h = F.relu(conv(h, "conv1_2", 1))
    h = pool(h)
    h = F.relu(conv(h, "conv2_1", 1))
    h = F.relu(conv(h, "conv2_2", 1))
    h = pool(h)
    h = F.relu(conv(h, "conv3_1", 1))
    h = F.relu(conv(h, "conv3_2", 1))
    h = F.relu(conv(h, "conv3_3", 1))
    pool3 = h = pool(h)
    h = F.relu(conv(h, "conv4_1", 1))
    h = F.relu(conv(h, "conv4_2", 1))
    h = F.relu(conv(h, "conv4_3", 1))
    pool4 = h = pool(h)
    h = F.relu(conv(h, "conv5_1", 1))
    h = F.relu(conv(h, "conv5_2", 1))
    h = F.relu(conv(h, "conv5_3", 1))
    h = pool(h)
    h = F.relu(conv(h, "fc6"))
    h = F.relu(conv(h, "fc7"))
    height, width = x.shape[2:]

    def head(state: dict[str, Tensor], stride: int, scales: tuple[float, float] = (1.0, 1.0)) -> Tensor:
        def score(x: Tensor, name: str) -> Tensor:
            return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"])

        def up(x: Tensor, name: str, factor: int) -> Tensor:
            return F.conv_transpose2d(x, state[f"{name}.weight"], stride=factor)

        s = score(h, "score_fr")
        if stride == 32:
            return up(s, "upscore", 32)[:, :, 19 : 19 + height, 19 : 19 + width]
        s = up(s, "upscore2", 2)
        skip = score(pool4 * scales[0], "score_pool4")
        s = s + skip[:, :, 5 : 5 + s.shape[2], 5 : 5 + s.shape[3]]
        if stride == 16:
            return up(s, "upscore16", 16)[:, :, 27 : 27 + height, 27 : 27 + width]
        s = up(s, "upscore_pool4", 2)
        skip = score(pool3 * scales[1], "score_pool3")
        s = s + skip[:, :, 9 : 9 + s.shape[2], 9 : 9 + s.shape[3]]
        return up(s, "upscore8", 8)[:, :, 31 : 31 + height, 31 : 31 + width]

    return head


def random_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """Random weights under which activations and scores keep a size near 1."""
    if len(shape) == 1:
        bound = 0.1
    elif name.startswith("upscore"):
        bound = math.sqrt(3 / (21 * 4))  # every output adds 21 × 2 × 2 products
    else:
        bound = math.sqrt((3 if name.startswith("score") else 6) / math.prod(shape[1:]))
    return torch.empty(shape).uniform_(-bound, bound)


@pytest.fixture(scope="module")
def states() -> dict[int, dict[str, Tensor]]:
    """Random state dicts under the published names; the trunk is one and the same memory."""
    torch.manual_seed(0)
    trunk: dict[str, Tensor] = {}
    result = {}
    for stride in STRIDES:
        names = published(stride)
        for name, shape in names.items():
            if name.split(".")[0] in TRUNK and name not in trunk:
                trunk[name] = random_tensor(name, shape)
        result[stride] = {n: trunk[n] if n in trunk else random_tensor(n, s) for n, s in names.items()}
    return result


@pytest.fixture(scope="module")
def vgg(states) -> dict[int, fcn.FCN]:
    """The three nets, filled from those state dicts without copying them."""
    nets = {}
    for stride in STRIDES:
        with torch.device("meta"):
            nets[stride] = fcn.build("vgg16", stride)
        nets[stride].load_state_dict(states[stride], strict=True, assign=True)
        nets[stride].eval()
    return nets


Taps = tuple[Tensor, Tensor, Tensor]


def forward_from(net: fcn.FCN, taps: Taps, x: Tensor) -> Tensor:
    """Forward of a net whose backbone has already run on x."""
    own, net.backbone = net.backbone, replace(net.backbone, run=lambda *_: taps)
    out = net(x)
    net.backbone = own
    return out


@pytest.mark.parametrize("size", [(187, 250), (250, 167), (64, 64), (1, 1)])
def test_vgg16_equals_the_authors_net(vgg, states, size):
    torch.manual_seed(1)
    x = torch.randn(1, 3, *size)
    with torch.no_grad():
        head = transcription(states[32], x)
        theirs = {stride: head(states[stride], stride) for stride in STRIDES}
        if size == (1, 1):
            ours = {stride: net(x) for stride, net in vgg.items()}
        else:  # the three nets share the trunk, the costly part: run it once
            taps = vgg[32].backbone.run(vgg[32], x)
            ours = {stride: forward_from(net, taps, x) for stride, net in vgg.items()}
    for stride in STRIDES:
        assert ours[stride].shape == theirs[stride].shape == (1, 21, *size)
        assert 1e-2 < theirs[stride].std() < 1e2
        assert (ours[stride] - theirs[stride]).abs().max() < 1e-4
    assert (ours[32] - ours[16]).std() > 1e-2
    assert (ours[16] - ours[8]).std() > 1e-2


@pytest.fixture(scope="module")
def small(vgg, states) -> tuple[Tensor, Taps, Callable[..., Tensor]]:
    """A small input, what the trunk makes of it, and the transcription's head for it."""
    torch.manual_seed(2)
    x = torch.randn(1, 3, 20, 33)
    with torch.no_grad():
        return x, vgg[8].backbone.run(vgg[8], x), transcription(states[8], x)


@pytest.mark.parametrize("scales", [(0.01, 0.0001), (0.5, -2.0)])
@pytest.mark.parametrize("stride", [16, 8])
def test_vgg16_at_once_scales_the_skips(small, states, stride, scales):
    x, taps, head = small
    with torch.device("meta"):
        scaled = fcn.build("vgg16", stride, skip_scales=scales)
    scaled.load_state_dict(states[stride], strict=True, assign=True)
    with torch.no_grad():
        ours = forward_from(scaled.eval(), taps, x)
        assert (ours - head(states[stride], stride, scales)).abs().max() < 1e-4
        assert (ours - head(states[stride], stride)).abs().max() > 1e-2


def test_skips_are_not_scaled_by_default(vgg):
    assert [net.skip_scales for net in vgg.values()] == [(1.0, 1.0)] * 3


def test_vgg16_forward_is_upsampled_scores(vgg, small, monkeypatch):
    (x, taps, _), net = small, vgg[8]
    monkeypatch.setattr(net, "backbone", replace(net.backbone, run=lambda *_: taps))
    with torch.no_grad():
        maps = net.scores(x)
        assert torch.equal(net.upsample(maps, (20, 33)), net(x))
    assert maps.s32.shape == (1, 21, 1, 2)
    assert maps.s16.shape == (1, 21, 4, 6)
    assert maps.s8.shape == (1, 21, 10, 14)


@pytest.mark.parametrize("size", [(1, 1), (64, 33), (224, 224), (375, 500), (500, 333)])
@pytest.mark.parametrize("stride", STRIDES)
def test_vgg16_grid_is_the_finest_map(hollow, stride, size):
    net = hollow[stride]
    maps = net.scores(torch.empty(2, 3, *size, device="meta"))
    assert grid(net, size, net.stride) == tuple(maps.finest.shape[-2:])
    assert [s is not None for s in (maps.s32, maps.s16, maps.s8)] == [True, stride <= 16, stride == 8]
    assert maps.s32.shape == (2, 21, *(geometry.size(vgg16_chain(), n) for n in size))


# --- lite0


@pytest.fixture(scope="module")
def lite() -> dict[int, fcn.FCN]:
    """Three nets on one trunk, with random score layers."""
    torch.manual_seed(0)
    trunk, nets = backbones.build("lite0"), {}
    for stride in STRIDES:
        nets[stride] = fcn.FCN(trunk, stride).eval()
        for name in ("score_fr", "score_pool4", "score_pool3"):
            if hasattr(nets[stride], name):
                torch.nn.init.normal_(nets[stride].get_submodule(name).weight, std=0.2)
                torch.nn.init.normal_(nets[stride].get_submodule(name).bias)
    return nets


SIZES = [(1, 1), (32, 32), (33, 31), (65, 97), (7, 120)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", STRIDES)
def test_lite0_takes_any_size(lite, stride, size):
    net, x = lite[stride], torch.randn(2, 3, *size)
    with torch.no_grad():
        maps = net.scores(x)
        out = net(x)
        assert torch.equal(net.upsample(maps, size), out)
        padded = F.pad(x, (0, -size[1] % 32, 0, -size[0] % 32))
        assert torch.equal(net(padded)[:, :, : size[0], : size[1]], out)
    h, w = (math.ceil(n / 32) for n in size)
    assert out.shape == (2, 21, *size)
    assert out.std() > 1e-2
    assert maps.s32.shape == (2, 21, h, w)
    assert (maps.s16 is None) == (stride > 16)
    assert (maps.s8 is None) == (stride > 8)
    if maps.s16 is not None:
        assert maps.s16.shape == (2, 21, 2 * h, 2 * w)
    if maps.s8 is not None:
        assert maps.s8.shape == (2, 21, 4 * h, 4 * w)
    assert grid(net, size, net.stride) == tuple(maps.finest.shape[-2:])


def test_lite0_fuses_by_sum(lite):
    net, x = lite[8], torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        pool3, pool4, top = net.backbone.run(net, x)
        maps = net.scores(x)
        s32 = net.score_fr(top)
        s16 = net.upscore2(s32)[..., 1:5, 1:7] + net.score_pool4(pool4)
        s8 = net.upscore_pool4(s16)[..., 1:9, 1:13] + net.score_pool3(pool3)
        dense = net.upscore8(s8)[..., 4:68, 4:100]
        for ours, expected in ((maps.s32, s32), (maps.s16, s16), (maps.s8, s8), (net(x), dense)):
            torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("stride", STRIDES)
def test_lite0_names(lite, stride):
    heads = {name.split(".")[0] for name in lite[stride].state_dict()}
    assert heads == {"conv_stem", "bn1", "blocks", "conv_head", "bn2", "score_fr", *HEADS[stride]}
    assert lite[stride].upscore8.weight.shape == (21, 1, 16, 16) if stride == 8 else True


def test_lite0_starts_from_imagenet_unless_told_not_to(lite):
    stem = lite[32].conv_stem.weight
    assert torch.equal(fcn.build("lite0", 32).conv_stem.weight, stem)
    assert not torch.equal(fcn.build("lite0", 32, imagenet=False).conv_stem.weight, stem)


def test_score_layers_start_from_zero():
    net = fcn.build("lite0", 8, num_classes=3, imagenet=False)
    x = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(net.eval()(x), torch.zeros(2, 3, 40, 40))


# --- alignment: a cell's score spreads evenly around the place that geometry gives it


def head_only(backbone: str, stride: int, taps: Taps) -> fcn.FCN:
    """The net from given backbone outputs on, with 2 classes: the first is the sum of all channels."""
    with torch.device("meta"):
        trunk = backbones.build(backbone, imagenet=False)
    trunk = replace(trunk, layers={}, run=lambda *_: taps, channels=(1, 1, 1))
    net = fcn.FCN(trunk, stride, num_classes=2).eval()
    for name in ("score_fr", "score_pool4", "score_pool3"):
        if hasattr(net, name):
            torch.nn.init.constant_(net.get_submodule(name).weight[:1], 1)
    return net


def empty_taps(backbone: str, n: int) -> Taps:
    chain = vgg16_chain()
    names = [layer.name for layer in chain]
    sizes = [n // 8, n // 16, n // 32]
    if backbone == "vgg16":
        sizes = [geometry.size(chain[: names.index(k) + 1], n) for k in ("pool3", "pool4", "fc7")]
    return tuple(torch.zeros(1, 1, size, size) for size in sizes)


@pytest.mark.parametrize("backbone", ["lite0", "vgg16"])
@pytest.mark.parametrize(
    ("stride", "tap"), [(32, "top"), (16, "top"), (16, "pool4"), (8, "top"), (8, "pool4"), (8, "pool3")]
)
def test_a_cell_spreads_evenly_around_its_place(backbone, stride, tap):
    n, number = 256, ("pool3", "pool4", "top").index(tap)
    taps = empty_taps(backbone, n)
    net = head_only(backbone, stride, taps)
    place = net.backbone.places[number]
    rows = int((n / 2 - 20 - place.offset) / place.stride)
    columns = rows + 1
    taps[number][0, 0, rows, columns] = 1
    with torch.no_grad():
        out = net(torch.zeros(1, 3, n, n))[0, 0]
    assert out.sum() == pytest.approx(float(place.stride) ** 2, rel=1e-4)  # each cell has its share
    for index, profile in ((rows, out.sum(1)), (columns, out.sum(0))):
        centre = float(place.offset + place.stride * index)
        low, high = math.floor(centre), math.ceil(centre)
        assert high - low == 1  # between two pixels, as the centre of an even block is
        reach = int(place.stride)
        before, after = profile[low - reach : low + 1], profile[high : high + reach + 1]
        torch.testing.assert_close(before.flip(0), after)
        assert profile[low] > 0
        assert profile.max() == pytest.approx(float(profile[low]), rel=1e-6)


@pytest.mark.parametrize("stride", STRIDES)
def test_lite0_cell_peaks_in_its_own_block(lite, stride):
    net, (i, j) = lite[stride], (2, 1)
    cells = torch.zeros(1, 21, 5, 4)
    cells[0, 7, i, j] = 1
    maps = {32: ScoreMaps(cells), 16: ScoreMaps(cells * 0, cells)}.get(stride, ScoreMaps(cells, cells, cells))
    with torch.no_grad():
        out = net.upsample(maps, (5 * stride, 4 * stride))[0]
    half = stride // 2
    around = out[7, i * stride - half : (i + 1) * stride + half, j * stride - half : (j + 1) * stride + half]
    assert torch.equal(around, around.flip(0))
    assert torch.equal(around, around.flip(1))
    assert out.sum() == around.sum() == pytest.approx(stride**2, rel=1e-5)
    peak = out[7].max()
    ys, xs = (out[7] == peak).nonzero().T
    assert ys.tolist() == [i * stride + k for k in (half - 1, half - 1, half, half)]
    assert xs.tolist() == [j * stride + k for k in (half - 1, half, half - 1, half)]


@pytest.mark.parametrize(("backbone", "rate"), [("vgg16", 0.5), ("lite0", 0.2)])
def test_the_top_is_dropped_out_in_training_only(backbone, rate):
    torch.manual_seed(0)
    taps = (torch.zeros(1), torch.zeros(1), torch.ones(1, 1, 60, 60))
    net, x = head_only(backbone, 32, taps), torch.zeros(1, 3, 1, 1)
    with torch.no_grad():
        assert torch.equal(net.scores(x).s32[0, 0], torch.ones(60, 60))
        scores = net.train().scores(x).s32[0, 0]
    dropped = scores == 0
    assert float(dropped.float().mean()) == pytest.approx(rate, abs=0.05)
    torch.testing.assert_close(scores[~dropped], torch.full_like(scores[~dropped], 1 / (1 - rate)))


# --- options


def trainable(net: fcn.FCN) -> dict[str, bool]:
    return {name: net.get_submodule(name).weight.requires_grad for name in net.upsamplers}


@pytest.mark.parametrize("learned", [None, True, False])
def test_learned_is_about_the_last_deconvolution(learned):
    with torch.device("meta"):
        vgg = fcn.build("vgg16", 8, learned=learned)
        lite = fcn.FCN(backbones.build("lite0", imagenet=False), 8, learned=learned)
    assert trainable(vgg) == {"upscore2": False, "upscore_pool4": False, "upscore8": learned is True}
    assert trainable(lite) == {"upscore2": True, "upscore_pool4": True, "upscore8": learned is not False}


@pytest.mark.parametrize(
    ("stride", "expected"),
    [
        (32, {"upscore": 32}),
        (16, {"upscore2": 2, "upscore16": 16}),
        (8, {"upscore2": 2, "upscore_pool4": 2, "upscore8": 8}),
    ],
)
def test_upsamplers_in_the_order_they_run(hollow, stride, expected):
    net = hollow[stride]
    assert list(net.upsamplers.items()) == list(expected.items())
    assert net.last == list(expected)[-1]
    for name, factor in expected.items():
        layer = net.get_submodule(name)
        assert (layer.stride, layer.kernel_size) == ((factor,) * 2, (2 * factor,) * 2)


@pytest.mark.parametrize("stride", [0, 4, 64, -8])
@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
def test_another_stride_is_an_error(backbone, stride):
    with torch.device("meta"), pytest.raises(ValueError, match=f"32, 16 or 8, not {stride}"):
        fcn.build(backbone, stride, imagenet=False)


def test_another_backbone_is_an_error():
    with pytest.raises(ValueError, match="vgg16, lite0, lite2, not 'alexnet'"):
        fcn.build("alexnet", 8)


def test_a_wrong_state_dict_is_refused(hollow):
    shapes = published(16)
    with torch.device("meta"):
        state = {name: torch.empty(shape) for name, shape in shapes.items()}
    hollow[16].load_state_dict(state, strict=True)
    with pytest.raises(RuntimeError, match=r"upscore8\.weight"):
        hollow[8].load_state_dict(state, strict=True)


# --- ScoreMaps


def test_finest():
    s32, s16, s8 = (torch.zeros(1, 2, n, n) for n in (1, 2, 4))
    assert ScoreMaps(s32).finest is s32
    assert ScoreMaps(s32, s16).finest is s16
    assert ScoreMaps(s32, s16, s8).finest is s8


def test_to_moves_and_converts_every_map():
    maps = ScoreMaps(torch.ones(1, 2, 1, 1), torch.ones(1, 2, 2, 2))
    half = maps.to("cpu", torch.float16)
    assert (half.s32.dtype, half.s16.dtype, half.s8) == (torch.float16, torch.float16, None)
    away = half.to("meta")
    assert (away.s32.device.type, away.s16.device.type, away.s8) == ("meta", "meta", None)
    assert away.s32.dtype == away.s16.dtype == torch.float16
    full = ScoreMaps(maps.s32, maps.s16, torch.ones(1, 2, 4, 4)).to("meta")
    assert (full.s8.device.type, full.s8.shape) == ("meta", (1, 2, 4, 4))


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("backbone", ["lite0", "vgg16"])
def test_a_part_of_the_logits_is_that_part(backbone, stride):
    net, size = random_net(backbone, stride), (70, 95)
    with torch.no_grad():
        scores = net.scores(torch.randn(1, 3, *size))
        whole = net.upsample(scores, size)
        for rows, columns in [
            (range(70), range(95)),
            (range(1), range(94, 95)),
            (range(33, 66), range(5, 40)),
        ]:
            part = net.upsample(scores, size, rows=rows, columns=columns, only=3)
            expected = whole[:, 3:4, rows.start : rows.stop, columns.start : columns.stop]
            torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-4)
