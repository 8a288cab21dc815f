"""Image + network → segmentation. The one place that runs a network for the app."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fcnviz.fcn import FCN, ScoreMaps

#: Where a lower precision pays, by (backbone, device type): `python -m fcnviz bench` prints the speed-up and
#: the share of labels that stay equal, and at least 99.5 % must. All else runs in float32. Empty so far:
#: bfloat16 halves lite0's time on a CPU with AVX512-BF16, but keeps only 99.1 to 99.3 % of the labels.
AUTOCAST: dict[tuple[str, str], torch.dtype] = {}


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


def precision(model: FCN, device: torch.device) -> torch.dtype:
    """The precision that `segment` uses for this network on this device (see `AUTOCAST`)."""
    return AUTOCAST.get((model.backbone.name, device.type), torch.float32)


@torch.no_grad()
def forward(model: FCN, image: Image.Image, dtype: torch.dtype | None = None) -> tuple[ScoreMaps, Tensor]:
    """One forward pass → coarse scores and logits (1, C, H, W), float32, on the model's device.

    Args:
        model: in eval mode.
        image: RGB, any size.
        dtype: of the convolutions; by default what `precision` says.
    """
    device = next(model.parameters()).device
    dtype = dtype or precision(model, device)
    x = model.backbone.preprocess(image).to(device, memory_format=torch.channels_last)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        scores = model.scores(x)
    scores = scores.to(device, torch.float32)
    return scores, model.upsample(scores, (image.height, image.width))


@torch.no_grad()
def segment(model: FCN, image: Image.Image) -> Segmentation:
    """Segment an RGB image with one network.

    Args:
        model: from `fcnviz.load`.
        image: RGB, any size; large ones are the caller's to reduce (`images.fit`).
    """
    device = next(model.parameters()).device
    start = time.perf_counter()
    scores, logits = forward(model, image)
    confidence, labels = decide(logits)
    seconds = time.perf_counter() - start  # copying the labels to the CPU has synchronised the device
    dtype = str(precision(model, device)).removeprefix("torch.")
    return Segmentation(labels, confidence, scores.to("cpu"), seconds, device.type, dtype)


def decide(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Logits (1, C, H, W) → probability of the best class × 255, and its index; both (H, W) uint8."""
    top, labels = logits[0].max(0)
    probability = 1 / (logits[0] - top).exp_().sum(0)  # softmax at its maximum
    return (probability * 255).round().byte().cpu().numpy(), labels.byte().cpu().numpy()
