"""Image + network → segmentation. The one place that runs a network for the app."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fcnviz import geometry
from fcnviz.fcn import FCN, ScoreMaps

#: Share of labels that must stay as in float32 for a lower precision to be used (see `settle`).
EQUAL = 0.995

#: (backbone, device type) that need not be tried: `python -m fcnviz bench` prints that bfloat16 leaves fewer
#: labels equal than `EQUAL` on the bundled networks.
TOO_COARSE = {("lite0", "cpu")}


@dataclass(frozen=True, eq=False)
class Segmentation:
    """One network's answer for one image. Everything lies on the CPU.

    Attributes:
        labels: (H, W) uint8, class index of the highest score.
        confidence: (H, W) uint8, softmax probability of that class × 255.
        scores: the coarse score maps, float32.
        seconds: wall clock of forward pass and upsampling, the device synchronised.
        device: "cpu", "cuda" or "mps".
        dtype: precision the convolutions ran in, e.g. "float32".
    """

    labels: np.ndarray
    confidence: np.ndarray
    scores: ScoreMaps
    seconds: float
    device: str
    dtype: str


def lower_precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    """Precisions that this device computes faster than float32, the fastest first."""
    if device.type == "cuda":
        return torch.float16, torch.bfloat16
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and _bfloat16_units():
        return (torch.bfloat16,)
    return ()


def _bfloat16_units() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def settle(model: FCN, photos: Sequence[Image.Image]) -> float:
    """Lower a network's precision, in place, if the labels of some photos stay what they are.

    Args:
        model: in eval mode, float32; stays so unless at least `EQUAL` of the labels are equal.
        photos: RGB, e.g. `samples.small()`; one alone may mislead.

    Returns:
        share of labels that are equal in the precision that the network has now.
    """
    full, device = model.state_dict(), next(model.parameters()).device
    if (model.backbone.name, device.type) in TOO_COARSE:
        return 1.0
    wanted = [decide(forward(model, p)[1])[1] for p in photos]
    for dtype in lower_precisions(device):
        model.lower(dtype)
        found = [decide(forward(model, p)[1])[1] for p in photos]
        equal = sum(int((a == b).sum()) for a, b in zip(wanted, found, strict=True))
        if (share := equal / sum(a.size for a in wanted)) >= EQUAL:
            return share
        model.load_state_dict(full, assign=True)
    return 1.0


@torch.no_grad()
def forward(model: FCN, image: Image.Image) -> tuple[ScoreMaps, Tensor]:
    """One forward pass → coarse scores and logits (1, C, H, W), float32, on the model's device.

    Args:
        model: in eval mode.
        image: RGB, any size.
    """
    scores = coarse(model, image)
    return scores, model.upsample(scores, (image.height, image.width))


@torch.no_grad()
def coarse(model: FCN, image: Image.Image) -> ScoreMaps:
    """One forward pass → coarse scores, float32, on the model's device."""
    device = next(model.parameters()).device
    return model.scores(model.backbone.preprocess(image).to(device, memory_format=torch.channels_last))


@torch.no_grad()
def segment(model: FCN, image: Image.Image) -> Segmentation:
    """Segment an RGB image with one network.

    Args:
        model: from `fcnviz.load`.
        image: RGB, any size: logits are never held for more than `STRIP` rows of it.
    """
    device = next(model.parameters()).device
    start = time.perf_counter()
    scores = coarse(model, image)
    confidence, labels = decide_in_strips(model, scores, (image.height, image.width))
    seconds = time.perf_counter() - start  # copying the labels to the CPU has synchronised the device
    dtype = str(model.dtype).removeprefix("torch.")
    return Segmentation(labels, confidence, scores.to("cpu"), seconds, device.type, dtype)


def decide(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Logits (1, C, H, W) → probability of the best class × 255, and its index; both (H, W) uint8."""
    top, labels = logits[0].max(0)
    probability = 1 / (logits[0] - top).exp_().sum(0)  # softmax at its maximum
    return (probability * 255).round().byte().cpu().numpy(), labels.byte().cpu().numpy()


#: Rows of the photo that are upsampled at once, if it has more than four times as many.
STRIP = 256


def decide_in_strips(model: FCN, scores: ScoreMaps, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """`decide` on the upsampled scores, a few hundred rows at a time: memory does not grow with the photo.

    Args:
        model: the network.
        scores: its own.
        size: (H, W) of the photo.
    """
    height, width = size
    if height <= 4 * STRIP:
        return decide(model.upsample(scores, size))
    layer = geometry.deconvolution(model.last, model.stride)
    found = []
    for top in range(0, height, STRIP):
        rows = min(STRIP, height - top)
        canvas = top + model.crops.final
        span = geometry.clip(layer.reads(canvas, canvas + rows - 1), scores.finest.shape[-2])
        dense = model.get_submodule(model.last)(scores.finest[..., span[0] : span[1] + 1, :])
        start = canvas - span[0] * model.stride
        found.append(decide(dense[..., start : start + rows, model.crops.final : model.crops.final + width]))
    confidence, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return confidence, labels
