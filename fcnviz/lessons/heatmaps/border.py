"""Bilinear deconvolution against bilinear interpolation: they differ near the border only."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz import geometry
from fcnviz.geometry import Place
from fcnviz.lessons.heatmaps.reconstruct import fixed_bilinear


@dataclass(frozen=True, eq=False)
class Border:
    """Difference between bilinear deconvolution and interpolation over all cells of a coarse map.

    Attributes:
        difference: (h·s, w·s) float32, deconvolution − interpolation.
        inside: largest |difference| at least s/2 pixels away from every edge.
        outside: largest |difference| nearer to an edge.
    """

    difference: np.ndarray
    inside: float
    outside: float


@torch.no_grad()
def compare(coarse: Tensor, stride: int) -> Border:
    """Compare the two on one class's map, (h, w): they are equal except within s/2 pixels of the edge."""
    half, x = stride // 2, coarse[None, None]
    deconvolved = fixed_bilinear(x, stride)[..., half:-half, half:-half]
    interpolated = F.interpolate(x, scale_factor=stride, mode="bilinear", align_corners=False)
    difference = (deconvolved - interpolated)[0, 0]
    inner = difference[half:-half, half:-half]
    edge = difference.abs().clone()
    edge[half:-half, half:-half] = 0
    return Border(difference.numpy(), float(inner.abs().max()) if inner.numel() else 0.0, float(edge.max()))


@torch.no_grad()
def reach(scores: Place, length: int, cells: int) -> tuple[int, int]:
    """Measure how far the border reaches into the photo along one axis: a row of ones, upsampled and cropped.

    Pixels belong to the border where the weights of the fixed bilinear deconvolution do not sum to 1.

    Args:
        scores: where the score map lies over the photo.
        length: side of the photo in px.
        cells: number of cells of the score map on this axis.

    Returns:
        the number of such pixels from the photo's first edge on, and from its last.
    """
    stride, crop = int(scores.stride), geometry.final_crop(scores)
    canvas = fixed_bilinear(torch.ones(1, 1, 3, cells), stride)[
        0, 0, 2 * stride
    ]  # far from upper and lower edge
    whole = (canvas[crop : crop + length] > 1 - 1e-5).nonzero().flatten()
    if not len(whole):
        return length, length
    return int(whole[0]), length - 1 - int(whole[-1])


@torch.no_grad()
def weight_sums(stride: int) -> np.ndarray:
    """Sum of the bilinear deconvolution's weights at the first `stride` pixels from an edge, (stride,).

    There are no cells beyond the edge, so the sum starts near 1/2 and reaches 1 after stride/2 pixels.

    >>> weight_sums(32)[[0, 15, 16]].astype(float).round(3).tolist()
    [0.516, 0.984, 1.0]
    """
    ones = torch.ones(1, 1, 3, 3)
    half = stride // 2
    line = fixed_bilinear(ones, stride)[0, 0, 2 * stride]  # a row away from the upper edge
    return line[half : half + stride].numpy()
