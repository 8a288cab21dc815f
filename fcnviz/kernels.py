"""Kernels to upsample with, as one axis each: the 2-D kernel is the outer product of the axis with itself.

All but Caffe's bilinear one are scaled to sum to the stride on each axis, so that upsampling keeps the mean
of a map far from its border.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fcnviz.upsampling import bilinear_line


def nearest(size: int, stride: int) -> Tensor:
    """Weights of a box as wide as the stride, at the kernel's centre: each cell is repeated.

    Where size and stride are not both odd or both even, the box ends inside a pixel, which then has half the
    weight. A kernel smaller than the stride is a box of its own size, and leaves holes.

    Returns:
        (size,) float64.

    >>> nearest(4, 2).tolist(), nearest(3, 2).tolist()
    ([0.0, 1.0, 1.0, 0.0], [0.5, 1.0, 0.5])
    """
    line = (0.5 + stride / 2 - _distance(size)).clamp(0, 1)
    return _scaled(line, stride)


def bilinear(size: int, stride: int) -> Tensor:
    """Caffe's bilinear filler, made for an upsampling of (size + 1) // 2 whatever the stride is."""
    return bilinear_line(size)


def gaussian(size: int, stride: int) -> Tensor:
    """A Gaussian with a standard deviation of half a stride."""
    return _scaled(torch.exp(-0.5 * (_distance(size) / (stride / 2)) ** 2), stride)


#: Kernels by name: (size, stride) → one axis, (size,) float64.
LINES: dict[str, Callable[[int, int], Tensor]] = {
    "Nearest": nearest,
    "Bilinear": bilinear,
    "Gaussian": gaussian,
}
RANDOM = "Random"
NAMES = (*LINES, RANDOM)


def kernel(name: str, size: int, stride: int, axes: int = 2) -> Tensor:
    """A kernel by its name.

    Args:
        name: one of `NAMES`.
        size: of each axis.
        stride: that it is for.
        axes: 1 or 2.

    Returns:
        (size,) or (size, size) float64.
    """
    if name == RANDOM:
        return random((size,) * axes, stride)
    line = LINES[name](size, stride)
    return line if axes == 1 else torch.outer(line, line)


def random(shape: tuple[int, ...], stride: int, seed: int = 0) -> Tensor:
    """Uniform weights from 0 to 1, scaled; always the same ones for a shape and a seed."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return _scaled(values, stride ** len(shape))


def _distance(size: int) -> Tensor:
    """Distance of each tap from the kernel's centre."""
    return (torch.arange(size, dtype=torch.float64) - (size - 1) / 2).abs()


def _scaled(values: Tensor, total: int) -> Tensor:
    return values * (total / values.sum())
