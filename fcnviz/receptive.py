"""What a cell of a score map sees: its theoretical receptive field, and the effective one by its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from fcnviz import layout
from fcnviz.alignment import Setup
from fcnviz.fcn import FCN


@dataclass(frozen=True)
class Field:
    """A theoretical receptive field: the first and last pixel on each axis; may lie outside the photo."""

    left: int
    top: int
    right: int
    bottom: int


def receptive_field(model: FCN, stride: int, cell: tuple[int, int], size: tuple[int, int]) -> Field:
    """All the pixels that can change a cell's score, derived by walking back through every layer.

    Args:
        model: the network.
        stride: of the score map, 32, 16 or 8.
        cell: (column, row).
        size: (H, W) of the photo.
    """
    setup = Setup(model.backbone.name, model.stride)
    across, down = (
        layout.sees(next(s for s in layout.steps(setup, n) if s.name == _MAPS[stride]), index)
        for n, index in zip((size[1], size[0]), cell, strict=True)
    )
    return Field(across.first, down.first, across.last, down.last)


#: Score maps by stride, as `layout` calls them.
_MAPS = {32: "score_fr", 16: "fuse_pool4", 8: "fuse_pool3"}


def effective_field(
    model: FCN, image: Image.Image, stride: int, index: int, cell: tuple[int, int]
) -> np.ndarray:
    """How much each pixel moves a cell's score: |gradient| summed over the channels, (H, W), sum 1.

    One forward and one backward pass (Luo et al., NIPS 2016, call it the effective receptive field).

    Args:
        model: the network, in eval mode.
        image: RGB.
        stride: of the score map, 32, 16 or 8.
        index: the class.
        cell: (column, row).
    """
    device = next(model.parameters()).device
    x = model.backbone.preprocess(image).to(device).requires_grad_()
    with torch.enable_grad():
        score = model.scores(x).at(stride)[0, index, cell[1], cell[0]]
        (gradient,) = torch.autograd.grad(score, x)
    mass = gradient[0].abs().sum(0)
    return (mass / mass.sum().clamp_min(1e-30)).cpu().numpy()


def central_share(mass: np.ndarray, field: Field) -> float:
    """Share of a map's sum inside the central quarter of a field: half as wide and half as high."""
    width, height = field.right - field.left + 1, field.bottom - field.top + 1
    left, top = field.left + width // 4, field.top + height // 4
    rows = slice(max(top, 0), max(top + height // 2, 0))
    return float(mass[rows, max(left, 0) : max(left + width // 2, 0)].sum() / mass.sum())


def half_mass_side(mass: np.ndarray, x: float, y: float) -> int:
    """Side in pixels of the smallest square around a point that holds half of a map's sum."""
    rows, columns = np.indices(mass.shape)
    distance = np.maximum(np.abs(columns - x), np.abs(rows - y)).ravel()
    order = np.argsort(distance)
    grown = np.cumsum(mass.ravel()[order])
    return int(2 * np.ceil(distance[order][np.searchsorted(grown, grown[-1] / 2)]) + 1)
