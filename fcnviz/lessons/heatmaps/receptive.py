"""The receptive field of a cell of a score map: the theoretical one, and the effective one by gradients."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from fcnviz.fcn import FCN
from fcnviz.geometry import SCORE_MAPS
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup


@dataclass(frozen=True)
class Field:
    """The first and last pixel of a receptive field on each axis, which may lie outside the photo."""

    left: int
    top: int
    right: int
    bottom: int


def receptive_field(model: FCN, stride: int, cell: tuple[int, int], size: tuple[int, int]) -> Field:
    """Derive the pixels that can change a cell's score, layer by layer.

    Args:
        model: the network.
        stride: stride of the score map, 32, 16 or 8.
        cell: (column, row) of the cell.
        size: (H, W) of the photo.
    """
    setup = Setup(model.backbone.name, model.stride)
    across, down = (
        layout.sees(next(s for s in layout.steps(setup, n) if s.name == SCORE_MAPS[stride]), index)
        for n, index in zip((size[1], size[0]), cell, strict=True)
    )
    return Field(across.first, down.first, across.last, down.last)


def effective_field(
    model: FCN, image: Image.Image, stride: int, index: int, cell: tuple[int, int]
) -> np.ndarray:
    """Compute each pixel's influence on a cell's score: |gradient| summed over the channels, (H, W), sum 1.

    This takes a forward and a backward pass. Luo et al. (NIPS 2016) call it the effective receptive field.

    Args:
        model: the network, in eval mode.
        image: RGB.
        stride: stride of the score map, 32, 16 or 8.
        index: the class.
        cell: (column, row) of the cell.
    """
    x = model.backbone.preprocess(image).to(model.device).requires_grad_()
    with torch.enable_grad():
        score = model.scores(x).at(stride)[0, index, cell[1], cell[0]]
        (gradient,) = torch.autograd.grad(score, x)
    mass = gradient[0].abs().sum(0)
    return (mass / mass.sum().clamp_min(1e-30)).cpu().numpy()


def central_share(mass: np.ndarray, field: Field) -> float:
    """Compute the share of a map's sum in the central quarter of a field, half as wide and half as high."""
    width, height = field.right - field.left + 1, field.bottom - field.top + 1
    left, top = field.left + width // 4, field.top + height // 4
    rows = slice(max(top, 0), max(top + height // 2, 0))
    return float(mass[rows, max(left, 0) : max(left + width // 2, 0)].sum() / mass.sum())


def half_mass_side(mass: np.ndarray, x: float, y: float) -> int:
    """Compute the side in px of the smallest square around a point that contains half of a map's sum."""
    rows, columns = np.indices(mass.shape)
    distance = np.maximum(np.abs(columns - x), np.abs(rows - y)).ravel()
    order = np.argsort(distance)
    grown = np.cumsum(mass.ravel()[order])
    return int(2 * np.ceil(distance[order][np.searchsorted(grown, grown[-1] / 2)]) + 1)
