"""Two ImageNet classifiers before they become FCNs, and the names of their 1,000 classes.

EfficientNet-Lite0's weights come from an installed package, VGG16's from torchvision, if the user has them.
"""

from __future__ import annotations

import importlib.util
import logging
import runpy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import backbones, geometry, weights
from fcnviz.backbones.lite0 import chain, empty, imagenet_weights

if TYPE_CHECKING:
    from torchvision.models import VGG, VGG16_Weights

log = logging.getLogger(__name__)

#: Side of the crop that both classifiers were trained on, in px.
CROP = 224
#: Shorter side that a photo is resized to before that crop (timm: crop_pct 0.875).
SHORTER = 256
#: Distance from one window to the next, in px.
STRIDE = 32


#: What ImageNet splits over many classes, by name: the indices of the classes to add up.
GROUPS: dict[str, tuple[int, ...]] = {
    "any cat": tuple(range(281, 286)),
    "any dog": tuple(range(151, 269)),
    "any bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    # on wheels, rails or tracks, from ambulance to trolleybus
    "any vehicle": (
        *(407, 408, 436, 444, 466, 468, 511, 547, 555, 565, 569, 573, 575, 586, 609, 612, 627, 654, 656, 661),
        *(665, 670, 671, 675, 705, 717, 734, 751, 757, 779, 802, 803, 817, 820, 829, 847, 864, 866, 867, 870),
        *(874, 880),
    ),
    "any boat": (472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914),
    "any bottle": (440, 720, 737, 898, 907),
    "any coffee": (504, 505, 550, 967, 968),
}


def group_of(index: int) -> str | None:
    """Name the group that holds a class; None if there is none.

    >>> group_of(282), group_of(0)
    ('any cat', None)
    """
    return next((name for name, members in GROUPS.items() if index in members), None)


@cache
def names() -> tuple[str, ...]:
    """Return the 1,000 class names in order, as torchvision gives them: no two are the same.

    From its file of names alone: the whole package takes two seconds and 160 MB.
    """
    found = importlib.util.find_spec("torchvision")
    assert found is not None
    assert found.origin is not None
    return tuple(
        runpy.run_path(str(Path(found.origin).parent / "models" / "_meta.py"))["_IMAGENET_CATEGORIES"]
    )


def _vgg16_weights() -> VGG16_Weights:
    from torchvision.models import VGG16_Weights  # here, not above: it takes seconds

    return VGG16_Weights.IMAGENET1K_V1


# --- photos


def centre(image: Image.Image) -> Image.Image:
    """Cut the crop that a classifier sees: shorter side 256, then the central 224 × 224."""
    left, top, side = window(image.size)
    return image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def window(size: tuple[int, int]) -> tuple[float, float, float]:
    """Where `centre` cuts: (left, top, side) in pixels of an image of this (width, height)."""
    width, height = size
    side = CROP * min(size) / SHORTER
    return (width - side) / 2, (height - side) / 2, side


def scaled(image: Image.Image, shorter: int) -> Image.Image:
    """Resize an image to this shorter side, in px."""
    factor = shorter / min(image.size)
    width, height = (max(shorter, round(n * factor)) for n in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def prepare(image: Image.Image) -> Tensor:
    """Turn an RGB image into (1, 3, H, W) float32, as EfficientNet-Lite0 expects it."""
    return _lite0().preprocess(image)


@cache
def _lite0() -> backbones.Backbone:
    with torch.device("meta"):
        return backbones.build("lite0", imagenet=False)


def grid(n: int) -> int:
    """Count the windows of the convolutionalised EfficientNet-Lite0 along n px; below 1 there is none."""
    return -(-n // STRIDE) - CROP // STRIDE + 1


def field() -> int:
    """Compute the side in px of the theoretical receptive field of a cell of EfficientNet-Lite0's heatmap.

    The classifier averages a window's 7 × 7 cells of stride 32, so it is wider than the last features' field.
    """
    side = CROP // STRIDE
    pooled = geometry.Layer("average pool", side)
    return int(geometry.place([*chain(), pooled]).field)


# --- the classifiers


def lite0() -> nn.Module:
    """Load EfficientNet-Lite0 with ImageNet weights: (N, 3, 224, 224) → (N, 1000)."""
    net = empty()
    net.load_state_dict(imagenet_weights(), assign=True)
    return net.eval()


def vgg16_file() -> Path | None:
    """Find torchvision's VGG16 file in the weights folder or torch's cache; None if it is in neither."""
    places = (weights.folder(), Path(torch.hub.get_dir()) / "checkpoints")
    return next((path for where in places if (path := where / weights.VGG16).is_file()), None)


def vgg16_empty() -> VGG:
    """Build torchvision's VGG16 in eval mode on the meta device: shapes without numbers."""
    from torchvision.models import vgg16

    with torch.device("meta"):
        return vgg16(weights=None, init_weights=False).eval()


def vgg16_state(file: Path) -> dict[str, Tensor]:
    """Read the state dict of torchvision's VGG16; memory-mapped, so that only used tensors take memory.

    Raises:
        WeightsError: the file is not torchvision's.
    """
    shapes = {key: value.shape for key, value in vgg16_empty().state_dict().items()}
    try:
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        if {key: value.shape for key, value in state.items()} == shapes:
            return state
    except Exception as error:  # a corrupt file can raise any exception
        log.warning("VGG16's weights cannot be read", exc_info=True)
        raise weights.WeightsError(_foreign(file)) from error
    raise weights.WeightsError(_foreign(file))


def _foreign(file: Path) -> str:
    return f"{file} does not hold torchvision's VGG16: move it away, or fetch it again."


def vgg16_prepare(image: Image.Image) -> Tensor:
    """Turn an RGB image into (1, 3, H, W) float32, as torchvision's VGG16 expects it; no resizing."""
    wanted = _vgg16_weights().transforms()
    return replace(_lite0(), mean=tuple(wanted.mean), std=tuple(wanted.std)).preprocess(image)
