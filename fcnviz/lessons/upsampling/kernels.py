"""Fixed kernels to upsample with, along one axis; a 2-D kernel is the outer product of an axis with itself.

Each is scaled to sum to the stride, so that upsampling keeps the mean of a map far from its border; only
Caffe's bilinear kernel is taken as it is.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fcnviz.upsampling import bilinear_line


def nearest(size: int, stride: int) -> Tensor:
    """A box as wide as the stride at the kernel's centre, which repeats each cell.

    If only one of size and stride is odd, the box ends inside a pixel, which then has half the weight. A
    kernel smaller than the stride is a box of its own size, and leaves holes between the cells.

    Returns:
        (size,) float64.

    >>> nearest(4, 2).tolist(), nearest(3, 2).tolist()
    ([0.0, 1.0, 1.0, 0.0], [0.5, 1.0, 0.5])
    """
    line = (0.5 + stride / 2 - _distance(size)).clamp(0, 1)
    return _scaled(line, stride)


def bilinear(size: int, stride: int) -> Tensor:  # noqa: ARG001 (all kernels are made alike)
    """Caffe's bilinear filler, made for an upsampling of (size + 1) // 2 whatever the stride is."""
    return bilinear_line(size)


def gaussian(size: int, stride: int) -> Tensor:
    """A Gaussian with a standard deviation of half a stride."""
    return _scaled(torch.exp(-0.5 * (_distance(size) / (stride / 2)) ** 2), stride)


#: Kernels by name: (size, stride) → one axis, (size,) float64.
LINES: dict[str, Callable[[int, int], Tensor]] = {
    "nearest": nearest,
    "bilinear": bilinear,
    "gaussian": gaussian,
}
RANDOM = "random"
NAMES = (*LINES, RANDOM)


def kernel(name: str, size: int, stride: int, axes: int = 2) -> Tensor:
    """The kernel of that name.

    Args:
        name: one of `NAMES`.
        size: length of each axis.
        stride: stride of the upsampling.
        axes: number of axes, 1 or 2.

    Returns:
        (size,) or (size, size) float64.
    """
    if name == RANDOM:
        return random((size,) * axes, stride)
    line = LINES[name](size, stride)
    return line if axes == 1 else torch.outer(line, line)


def random(shape: tuple[int, ...], stride: int, seed: int = 0) -> Tensor:
    """Uniform random weights, scaled; the same for the same shape and seed."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return _scaled(values, stride ** len(shape))


def _distance(size: int) -> Tensor:
    """Distance of each weight from the kernel's centre, (size,)."""
    return (torch.arange(size, dtype=torch.float64) - (size - 1) / 2).abs()


def _scaled(values: Tensor, total: int) -> Tensor:
    return values * (total / values.sum())
