"""Two ImageNet classifiers as they were before they became FCNs, and the names of their 1,000 classes.

EfficientNet-Lite0 comes from an installed package. VGG16's weights are torchvision's, if the user has them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import VGG, VGG16_Weights, vgg16

from fcnviz import backbones, weights

#: The crop that both classifiers were trained on, and the shorter side it is cut from (timm: crop_pct 0.875).
CROP, SHORTER = 224, 256
#: From one window to the next, in px.
STRIDE = 32


@cache
def names() -> tuple[str, ...]:
    """The 1,000 class names, in their order, as torchvision gives them: no two are the same."""
    return tuple(VGG16_Weights.IMAGENET1K_V1.meta["categories"])


# --- photos


def centre(image: Image.Image) -> tuple[Image.Image, tuple[float, float, float]]:
    """The crop that a classifier is given: shorter side 256, then the central 224 × 224.

    Args:
        image: RGB.

    Returns:
        the crop, and its (left, top, side) in pixels of the image.
    """
    scale = min(image.size) / SHORTER
    side = CROP * scale
    left, top = (image.width - side) / 2, (image.height - side) / 2
    crop = image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return crop, (left, top, side)


def scaled(image: Image.Image, shorter: int) -> Image.Image:
    """An image resized to this shorter side, in px."""
    factor = shorter / min(image.size)
    width, height = (max(shorter, round(n * factor)) for n in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def prepare(image: Image.Image) -> Tensor:
    """RGB → (1, 3, H, W) float32, as EfficientNet-Lite0 expects it."""
    return _lite0().preprocess(image)


@cache
def _lite0() -> backbones.Backbone:
    with torch.device("meta"):
        return backbones.lite0(imagenet=False)


def grid(n: int) -> int:
    """How many windows the convolutionalised EfficientNet-Lite0 has along n px; below 1 there is none."""
    return -(-n // STRIDE) - CROP // STRIDE + 1


# --- the classifiers


def lite0() -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights: (N, 3, 224, 224) → (N, 1000)."""
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    net.load_state_dict(backbones.lite0_imagenet())
    return net.eval()


def vgg16_file() -> Path | None:
    """The file of torchvision's VGG16 in the weights folder or torch's cache; None if it is in neither."""
    places = (weights.folder(), Path(torch.hub.get_dir()) / "checkpoints")
    return next((path for where in places if (path := where / weights.VGG16).is_file()), None)


def vgg16_empty() -> VGG:
    """VGG16 as torchvision builds it, in eval mode, with shapes but no numbers."""
    with torch.device("meta"):
        return vgg16(weights=None, init_weights=False).eval()


def vgg16_state(file: Path) -> dict[str, Tensor]:
    """State dict of torchvision's VGG16. The file is mapped: only what is used takes memory.

    Raises:
        WeightsError: the file is not torchvision's.
    """
    shapes = {key: value.shape for key, value in vgg16_empty().state_dict().items()}
    try:
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        if {key: value.shape for key, value in state.items()} == shapes:
            return state
    except Exception as error:  # the readers raise whatever a broken file makes them stumble over
        raise weights.WeightsError(_foreign(file)) from error
    raise weights.WeightsError(_foreign(file))


def _foreign(file: Path) -> str:
    return f"{file} does not hold torchvision's VGG16: move it away, or fetch it again."


def vgg16_prepare(image: Image.Image) -> Tensor:
    """RGB → (1, 3, H, W) float32, as torchvision's VGG16 expects it; no resizing."""
    wanted = VGG16_Weights.IMAGENET1K_V1.transforms()
    return replace(_lite0(), mean=tuple(wanted.mean), std=tuple(wanted.std)).preprocess(image)
