"""The layout of a net against what torch really does: sizes on the meta device, pixels by their gradients."""

import random
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fcnviz import backbones, fcn
from fcnviz.backbones import vgg16 as vgg16_module
from fcnviz.backbones import vgg16_padding
from fcnviz.backbones.vgg16 import chain as vgg16_chain
from fcnviz.geometry import Layer
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import MAX_PAD, Setup, Verdict, verdict

STRIDES = (32, 16, 8)


@pytest.fixture(autouse=True, scope="module")
def all_layers():
    """Every layer runs on all of the padded image, without the shortcut of `vgg16_padding`."""

    def taps(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
        for stage in (1, 2, 3):
            x = vgg16_module._stage(net, x, stage)
        return x, vgg16_module._stage(net, x, 4)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg16_padding, "taps", taps)
        yield


class Pooling(TorchFunctionMode):
    """Pools up or down as told, with a mean if told, and notes every output size by the paper's names."""

    def __init__(self, ceil: bool, mean: bool = False):
        super().__init__()
        self.ceil, self.mean, self.sizes = ceil, mean, {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not F.max_pool2d:
            return func(*args, **(kwargs or {}))
        pool = F.avg_pool2d if self.mean else F.max_pool2d
        y = pool(args[0], args[1], kwargs["stride"], ceil_mode=self.ceil)
        self.sizes[f"pool{sum(n.startswith('pool') for n in self.sizes) + 1}"] = tuple(y.shape[-2:])
        return y


@contextmanager
def noted(net: nn.Module, sizes: dict):
    """Note the output size of every module of `net`, by name."""

    def note(name):
        return lambda module, args, y: sizes.__setitem__(name, tuple(y.shape[-2:]))

    hooks = [m.register_forward_hook(note(name)) for name, m in net.named_modules() if name]
    yield
    for hook in hooks:
        hook.remove()


def torch_sizes(net: fcn.FCN, setup: Setup, size: tuple[int, int]) -> dict:
    """What torch makes of an image: (h, w) by layer name.

    Raises:
        RuntimeError: torch refuses.
    """
    if setup.backbone == "vgg16":
        net.conv1_1.padding = (setup.pad, setup.pad)
    pooling = Pooling(setup.ceil)
    with pooling, noted(net, pooling.sizes), torch.no_grad():
        scores = net.scores(torch.empty(1, 3, *size, device="meta"))
        net.get_submodule(net.last)(scores.finest)
    named = {"score_fr": scores.s32, "fuse_pool4": scores.s16, "fuse_pool3": scores.s8}
    return pooling.sizes | {name: tuple(s.shape[-2:]) for name, s in named.items() if s is not None}


def both(setup: Setup, size: tuple[int, int]) -> dict:
    """Our sizes, (h, w) by layer name."""
    down, across = ([(s.name, s.after) for s in layout.steps(setup, n)] for n in size)
    return {name: (h, w) for (name, h), (_, w) in zip(down, across, strict=False)}


@pytest.fixture(scope="module")
def vgg_nets() -> dict[int, fcn.FCN]:
    with torch.device("meta"):
        return {s: fcn.build("vgg16", s).eval() for s in STRIDES}


@pytest.fixture(scope="module")
def lite_nets() -> dict[int, fcn.FCN]:
    with torch.device("meta"):
        return {s: fcn.build("lite0", s, imagenet=False).eval() for s in STRIDES}


# --- sizes, layer by layer ----------------------------------------------------------------------------------

RANDOM = random.Random(0)
SIZES = [(RANDOM.randint(1, 700), RANDOM.randint(1, 700)) for _ in range(100)]
CASES = [(size, RANDOM.randint(0, MAX_PAD)) for size in SIZES] + [(size, 100) for size in SIZES[:30]]


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("ceil", [True, False])
def test_every_layer_of_vgg16_is_as_large_as_torch_makes_it(vgg_nets, stride, ceil):
    compared = refused = 0
    for size, pad in CASES:
        setup = Setup("vgg16", stride, pad, ceil)
        try:
            expected = torch_sizes(vgg_nets[stride], setup, size)
        except RuntimeError:
            refused += 1
            assert Verdict.TOO_SMALL in [verdict(setup, n) for n in size]
            with pytest.raises(ValueError, match="The smallest image side is"):
                both(setup, size)
        else:
            ours = both(setup, size)
            assert {name: ours[name] for name in expected} == expected
            names = {layer.name for layer in setup.chain} | {"score_fr", setup.last}
            assert names <= set(expected)
            compared += 1
    assert compared >= 80
    assert refused >= 5


@pytest.mark.parametrize("stride", STRIDES)
def test_every_layer_of_lite0_is_as_large_as_torch_makes_it(lite_nets, stride):
    for size in SIZES[:20] if stride == 8 else SIZES[:5]:  # two sides each
        expected = torch_sizes(lite_nets[stride], setup := Setup("lite0", stride), size)
        for name, found in both(setup, size).items():
            if name in expected:
                assert found == expected[name], name
        names = {layer.name for layer in setup.chain} | {"score_fr", setup.last}
        assert names <= set(expected)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("pad", [0, 69, 80, 96, 100])
def test_the_smallest_image_is_the_smallest_that_torch_takes(vgg_nets, stride, pad):
    for ceil in (True, False):
        setup = Setup("vgg16", stride, pad, ceil)

        def runs(n, setup=setup):
            try:
                torch_sizes(vgg_nets[stride], setup, (n, 300))
            except RuntimeError:
                return False
            return True

        with pytest.raises(ValueError, match="The smallest image side is") as error:
            layout.steps(setup, 0)
        least = int(str(error.value).split("side is ")[1].split()[0])
        assert runs(least)
        assert least == 1 or not runs(least - 1)


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("stride", STRIDES)
def test_the_final_crop_is_the_image(backbone, stride):
    for n in (1, 2, 31, 32, 33, 500, 2000):
        last = layout.steps(Setup(backbone, stride), n)[-1]
        assert (last.name, last.after, last.place.offset, last.place.stride) == ("score", n, 0, 1)


def test_a_canvas_that_misses_pixels_has_no_crop():
    assert layout.steps(Setup(pad=81), 200)[-1].name == "score"
    assert layout.steps(Setup(pad=80), 200)[-1].name == "upscore"


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("ceil", [True, False])
def test_the_verdict_is_what_the_steps_say(backbone, stride, ceil):
    for pad in (0, 50, 69, 73, 81, 97, 100):
        setup = Setup(backbone, stride, pad, ceil)
        for n in range(1, 260, 3):
            try:
                covered = layout.steps(setup, n)[-1].name == "score"
            except ValueError:
                assert verdict(setup, n) is Verdict.TOO_SMALL
            else:
                assert verdict(setup, n) is (Verdict.WORKS if covered else Verdict.UNCOVERED)


# --- nets that keep straight lines straight: one channel, means and binomials ------------------------------


def spreading(kernel: int) -> Tensor:
    """(1, 1, k, k): binomial for 3 × 3, else a mean."""
    line = torch.tensor([0.25, 0.5, 0.25]) if kernel == 3 else torch.full((kernel,), 1 / kernel)
    return torch.outer(line, line)[None, None]


def conv(layer: Layer) -> nn.Conv2d:
    made = nn.Conv2d(1, 1, layer.kernel, layer.stride, layer.pad, bias=False)
    made.weight = nn.Parameter(spreading(layer.kernel), requires_grad=False)
    return made


def narrow_vgg(pad: int) -> backbones.Backbone:
    """VGG16's own layers and order, with one channel."""
    chain = vgg16_chain(pad)
    layers = {c.name: conv(c) for c in chain if not c.name.startswith("pool")}
    with torch.device("meta"):
        real = backbones.build("vgg16")
    setup = Setup(pad=pad)
    places = tuple(setup.place(tap) for tap in range(3))
    return replace(real, layers=layers, channels=(1, 1, 1), places=places, chain=chain)


def centred_cells() -> backbones.Backbone:
    """Maps of cells, as lite0's are taken to be: means over 8 × 8, 16 × 16 and 32 × 32 px, smoothed."""

    def run(net, x):
        blur = spreading(3)
        taps = []
        for factor in (8, 2, 2):
            while factor > 1:  # smooth before every halving: no cell then prefers its own centre
                x, factor = F.avg_pool2d(F.conv2d(x, blur, padding=1), 2), factor // 2
            taps.append(x)
        return taps[0], taps[1], F.conv2d(x, blur, padding=1)

    with torch.device("meta"):
        real = backbones.build("lite0", imagenet=False)
    return replace(real, layers={}, run=run, channels=(1, 1, 1))


def identity(backbone: backbones.Backbone, stride: int, path: str) -> fcn.FCN:
    """An FCN that passes its input through one score layer, or through all ("sum")."""
    net = fcn.FCN(backbone, stride, 1).eval()
    for name, module in net.named_modules():
        if name.startswith("score"):
            nn.init.constant_(module.weight, float(path in (name, "sum")))
    return net


def paths(stride: int) -> list[str]:
    return {32: ["score_fr"], 16: ["score_fr", "score_pool4", "sum"],
            8: ["score_fr", "score_pool4", "score_pool3", "sum"]}[stride]  # fmt: skip


EVERY_PATH = [(stride, path) for stride in STRIDES for path in paths(stride)]


def centre(response: Tensor) -> tuple[float, float]:
    """(x, y) of the centre of mass of (1, 1, H, W)."""
    mass = response[0, 0].double()
    y, x = (torch.arange(n, dtype=torch.float64) for n in mass.shape)
    return float(mass.sum(0) @ x / mass.sum()), float(mass.sum(1) @ y / mass.sum())


def shifts(net: fcn.FCN, deltas: list[tuple[int, int]], size: int) -> list[float]:
    """How far the response to each delta lies from it, in pixels, along x and y."""
    found = []
    for x, y in deltas:
        image = torch.zeros(1, 1, size, size)
        image[0, 0, y, x] = 1
        with torch.no_grad(), Pooling(ceil=True, mean=True):
            at = centre(net(image))
        found += [at[0] - x, at[1] - y]
    return found


@pytest.mark.parametrize("pad", [100, 81])
@pytest.mark.parametrize(("stride", "path"), EVERY_PATH)
def test_a_delta_stays_where_it_is_in_vgg16(stride, path, pad):
    net = identity(narrow_vgg(pad), stride, path)
    for shift in shifts(net, [(300, 310), (317, 299), (331, 328)], 640):
        assert abs(shift) < 0.5


@pytest.mark.parametrize(("stride", "path"), EVERY_PATH)
def test_a_delta_stays_where_it_is_in_maps_centred_on_their_cells(stride, path):
    net = identity(centred_cells(), stride, path)
    for shift in shifts(net, [(240, 250), (257, 239), (271, 268)], 512):
        assert abs(shift) < 0.5


def test_a_delta_shows_a_crop_that_is_off_by_one():
    net = identity(narrow_vgg(100), 32, "score_fr")
    net.crops = replace(net.crops, final=net.crops.final - 1)
    assert min(map(abs, shifts(net, [(300, 310)], 640))) > 0.5


# --- what a pixel sees --------------------------------------------------------------------------------------


def touched(net: fcn.FCN, which: str, n: int, index: int, ceil: bool) -> tuple[int, int] | None:
    """First and last image row with a gradient from row `index` of a score map."""
    x = torch.full((1, 1, n, n), 1.0, dtype=torch.float64, requires_grad=True)
    with Pooling(ceil, mean=True):
        scores = net.double().scores(x)
    y = getattr(scores, which)[0, 0]
    y[index, y.shape[1] // 2].backward()
    rows = x.grad[0, 0].sum(1).nonzero()
    return (int(rows.min()), int(rows.max())) if len(rows) else None


@pytest.mark.parametrize("ceil", [True, False])
@pytest.mark.parametrize(
    ("which", "name"), [("s32", "score_fr"), ("s16", "fuse_pool4"), ("s8", "fuse_pool3")]
)
def test_a_cell_sees_what_its_gradient_reaches(which, name, ceil):
    n, net, setup = 70, identity(narrow_vgg(100), 8, "sum"), Setup("vgg16", 8, 100, ceil)
    step = next(s for s in layout.steps(setup, n) if s.name == name)
    for index in sorted({0, 1, step.after // 2, step.after - 2, step.after - 1}):
        assert layout.sees(step, index).image == touched(net, which, n, index, ceil), index


@pytest.mark.parametrize(("which", "name"), [("s16", "fuse_pool4"), ("s8", "fuse_pool3")])
def test_the_field_after_a_deconvolution_is_the_widest_that_a_gradient_finds(which, name):
    n, net = 900, identity(narrow_vgg(0), 8, "sum")
    step = next(s for s in layout.steps(Setup("vgg16", 8, 0), n) if s.name == name)
    middle = step.after // 2
    spans = [touched(net, which, n, index, True) for index in range(middle, middle + 4)]
    assert max(last - first + 1 for first, last in spans) == layout.field(step)
    assert [layout.sees(step, middle + i).image for i in range(4)] == spans


@pytest.mark.parametrize(
    ("name", "field"),
    [("conv1_1", 3), ("pool3", 44), ("pool4", 100), ("pool5", 212), ("fc6", 404), ("score_fr", 404)],
)
def test_fields_are_the_papers(name, field):
    step = next(s for s in layout.steps(Setup(), 500) if s.name == name)
    assert layout.field(step) == field


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("stride", STRIDES)
def test_the_field_is_the_widest_of_all_outputs(backbone, stride):
    for step in layout.steps(Setup(backbone, stride), 300):
        assert layout.field(step) == max(layout.sees(step, index).field for index in range(64))
