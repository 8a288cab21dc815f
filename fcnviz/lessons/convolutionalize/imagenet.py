"""Two ImageNet classifiers before they become FCNs, and the names of their 1,000 classes.

EfficientNet-Lite0's weights come from an installed package, VGG16's from torchvision, if the user has them.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import backbones, weights
from fcnviz.backbones.lite0 import imagenet_weights

if TYPE_CHECKING:
    from torchvision.models import VGG, VGG16_Weights

log = logging.getLogger(__name__)

#: Side of the crop that both classifiers were trained on, in px.
CROP = 224
#: Shorter side that a photo is resized to before that crop (timm: crop_pct 0.875).
SHORTER = 256
#: Distance from one window to the next, in px.
STRIDE = 32


@cache
def names() -> tuple[str, ...]:
    """Return the 1,000 class names in order, as torchvision gives them: no two are the same."""
    return tuple(_vgg16_weights().meta["categories"])


def _vgg16_weights() -> VGG16_Weights:
    from torchvision.models import VGG16_Weights  # here, not above: it takes seconds

    return VGG16_Weights.IMAGENET1K_V1


# --- photos


def centre(image: Image.Image) -> tuple[Image.Image, tuple[float, float, float]]:
    """Cut the crop that a classifier sees: shorter side 256, then the central 224 × 224.

    Returns:
        the crop, and its (left, top, side) in pixels of the image.
    """
    scale = min(image.size) / SHORTER
    side = CROP * scale
    left, top = (image.width - side) / 2, (image.height - side) / 2
    crop = image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return crop, (left, top, side)


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


# --- the classifiers


def lite0() -> nn.Module:
    """Load EfficientNet-Lite0 with ImageNet weights: (N, 3, 224, 224) → (N, 1000)."""
    import timm

    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    net.load_state_dict(imagenet_weights())
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
