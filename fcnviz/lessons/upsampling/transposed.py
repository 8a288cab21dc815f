"""The transposed convolution ("deconvolution") taken apart: stamps, overlaps, and four ways to compute it.

CVPR 2015, section 3.3: upsampling by a factor f is convolution with a fractional input stride of 1/f, the
backward pass of an ordinary convolution with stride f. Everything here works on one map without channels,
(n,) or (h, w), with a kernel of as many axes. It is exact and slow, for maps small enough to look at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz.geometry import Layer

Cell = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Stamp:
    """What one input value adds to the output.

    Attributes:
        cell: cell of the input.
        value: value of that cell.
        start: where the stamp begins on the canvas, which is the output before the padding is cut off.
        patch: value × kernel.
    """

    cell: Cell
    value: float
    start: Cell
    patch: Tensor


@dataclass(frozen=True)
class Term:
    """One product in the sum that makes an output cell.

    Attributes:
        cell: cell of the input.
        value: value of that cell.
        tap: cell of the kernel.
        weight: weight of that tap.
    """

    cell: Cell
    value: float
    tap: Cell
    weight: float


def output_size(size: Sequence[int], kernel: Sequence[int], stride: int, pad: int) -> Cell:
    """Size of a transposed convolution's output: (n − 1) · stride + kernel − 2 · pad on each axis.

    Args:
        size: size of the input.
        kernel: size of the kernel.
        stride: at least 1.
        pad: number of cells that are cut off each side of the output, at least 0.

    Raises:
        ValueError: there is no such layer, or the padding cuts the whole output away; the message then names
            the largest possible padding.

    >>> output_size((3, 4), (4, 4), stride=2, pad=1)
    (6, 8)
    """
    if stride < 1 or pad < 0 or min(*size, *kernel) < 1:
        raise ValueError("size, kernel and stride are at least 1, and the padding is at least 0")
    layers = [Layer("deconvolution", k, stride, pad, transposed=True) for k in kernel]
    out = tuple(layer.size(n) for layer, n in zip(layers, size, strict=True))
    if min(out) < 1:
        largest = (min(out) + 2 * pad - 1) // 2
        raise ValueError(f"padding {pad} cuts everything away: here it is at most {largest}")
    return out


# --- stamping


def stamps(x: Tensor, kernel: Tensor, stride: int) -> Iterator[Stamp]:
    """Yield each input value times the kernel, row by row, with its position on the canvas."""
    for cell in product(*map(range, x.shape)):
        value = x[cell]
        yield Stamp(cell, float(value), tuple(stride * i for i in cell), value * kernel)


def canvas(x: Tensor, kernel: Tensor, stride: int, count: int | None = None) -> Tensor:
    """Add up the first `count` stamps, by default all, before the padding is cut off."""
    total = x.new_zeros(output_size(x.shape, kernel.shape, stride, 0))
    for stamp in islice(stamps(x, kernel, stride), count):
        total[_window(stamp.start, kernel.shape)] += stamp.patch
    return total


def cut(whole: Tensor, pad: int) -> Tensor:
    """Cut `pad` cells off each side of a canvas, which gives the output."""
    return whole[_window((pad,) * whole.ndim, [n - 2 * pad for n in whole.shape])]


def by_stamping(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """The output as the sum of the stamps."""
    output_size(x.shape, kernel.shape, stride, pad)
    return cut(canvas(x, kernel, stride), pad)


def terms(x: Tensor, kernel: Tensor, stride: int, pad: int, cell: Cell) -> list[Term]:
    """The products whose sum is one cell of the output; none if no stamp reaches it.

    >>> x, kernel = torch.tensor([2.0, 3.0]), torch.tensor([1.0, 5.0, 4.0])
    >>> [(t.value, t.weight) for t in terms(x, kernel, stride=2, pad=0, cell=(2,))]
    [(2.0, 4.0), (3.0, 1.0)]
    """
    found = []
    for i in product(*map(range, x.shape)):
        tap = tuple(c + pad - stride * a for c, a in zip(cell, i, strict=True))
        if all(0 <= t < k for t, k in zip(tap, kernel.shape, strict=True)):
            found.append(Term(i, float(x[i]), tap, float(kernel[tap])))
    return found


def _window(start: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))


# --- four ways


def directly(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """The library's transposed convolution, `nn.ConvTranspose1d` or `2d`."""
    output_size(x.shape, kernel.shape, stride, pad)
    deconvolve = F.conv_transpose1d if x.ndim == 1 else F.conv_transpose2d
    return deconvolve(x[None, None], kernel[None, None], stride=stride, padding=pad)[0, 0]


def zeros_inserted(x: Tensor, kernel: Sequence[int], stride: int, pad: int) -> Tensor:
    """Insert stride − 1 zeros between the input's cells and kernel − 1 − pad zeros around them.

    If pad exceeds kernel − 1, cells are cut off instead.
    """
    spread = x.new_zeros([(n - 1) * stride + 1 for n in x.shape])
    spread[(slice(None, None, stride),) * x.ndim] = x
    return F.pad(spread, [k - 1 - pad for k in reversed(kernel) for _ in range(2)])


def data_cells(size: Sequence[int], kernel: Sequence[int], stride: int, pad: int) -> Tensor:
    """Tell which cells of `zeros_inserted` are the input's, bool: the others are zeros that were put in.

    >>> data_cells((2,), (2,), stride=2, pad=0).tolist()
    [False, True, False, True, False]
    """
    return zeros_inserted(torch.ones(*size), kernel, stride, pad) > 0


def by_convolution(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """Zeros inserted, enough padding, then a plain convolution (stride 1) with the flipped kernel."""
    output_size(x.shape, kernel.shape, stride, pad)
    wide = zeros_inserted(x, kernel.shape, stride, pad)
    return _convolve(wide, kernel.flip(tuple(range(kernel.ndim))), 1, 0)


def matrix(size: Sequence[int], kernel: Tensor, stride: int, pad: int) -> Tensor:
    """The matrix C of an ordinary convolution: C @ image.flatten() is its output, flattened.

    Args:
        size: size of the convolution's input.
        kernel: kernel of the convolution.
        stride: stride of the convolution.
        pad: number of zeros on each side of its input.

    Returns:
        (outputs, inputs).
    """
    layers = [Layer("conv", k, stride, pad) for k in kernel.shape]
    small = [layer.size(n) for layer, n in zip(layers, size, strict=True)]
    entries = kernel.new_zeros(*small, *size)
    for i in product(*map(range, small)):
        for tap in product(*map(range, kernel.shape)):
            at = tuple(stride * a - pad + t for a, t in zip(i, tap, strict=True))
            if all(0 <= a < n for a, n in zip(at, size, strict=True)):
                entries[(*i, *at)] = kernel[tap]
    return entries.reshape(prod(small), prod(size))


def by_matrix(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """The transpose of the convolution's matrix, times the input."""
    out = output_size(x.shape, kernel.shape, stride, pad)
    return (matrix(out, kernel, stride, pad).T @ x.flatten()).reshape(out)


def by_gradient(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """The backward pass of a convolution: the gradient at its input if x is the gradient at its output."""
    with torch.enable_grad():
        image = x.new_zeros(output_size(x.shape, kernel.shape, stride, pad), requires_grad=True)
        return torch.autograd.grad(_convolve(image, kernel, stride, pad), image, x)[0]


def round_trip(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    """Transposed convolution, then convolution with the same kernel: of x's size, but in general not x."""
    return _convolve(directly(x, kernel, stride, pad), kernel, stride, pad)


def four_ways(x: Tensor, kernel: Tensor, stride: int, pad: int) -> dict[str, Tensor]:
    """The same output, computed in four ways."""
    ways = {"direct": directly, "convolution": by_convolution, "matrix": by_matrix, "gradient": by_gradient}
    return {name: way(x, kernel, stride, pad) for name, way in ways.items()}


def largest_difference(results: Mapping[str, Tensor]) -> float:
    """Max |Δ| over all cells and all pairs of results."""
    values = torch.stack(list(results.values()))
    return float((values.amax(0) - values.amin(0)).max())


def _convolve(x: Tensor, kernel: Tensor, stride: int, pad: int) -> Tensor:
    convolve = F.conv1d if x.ndim == 1 else F.conv2d
    return convolve(x[None, None], kernel[None, None], stride=stride, padding=pad)[0, 0]


# --- overlaps and the checkerboard


def overlaps(size: Sequence[int], kernel: Sequence[int], stride: int, pad: int) -> Tensor:
    """How many stamps reach each output cell, int64."""
    return by_stamping(torch.ones(*size), torch.ones(*kernel), stride, pad).long()


def phases(kernel: Tensor, stride: int) -> Tensor:
    """Upsample a constant input of ones far from the border: a pattern of `stride` cells on each axis.

    >>> phases(torch.ones(3), 2).tolist()
    [2.0, 1.0]
    """
    gaps = [-n % stride for n in kernel.shape]
    blocks = F.pad(kernel, [side for gap in reversed(gaps) for side in (0, gap)])
    for axis in range(kernel.ndim):
        blocks = blocks.unflatten(axis, (-1, stride)).sum(axis)
    return blocks


def checkerboard(kernel: Tensor, stride: int) -> float:
    """Relative variance, variance / mean², of the interior of a constant map after upsampling.

    It is 0 if every output cell gets the same total weight. A kernel of ones measures how uneven the overlaps
    are.

    Returns:
        NaN if the kernel's weights sum to zero.

    >>> checkerboard(torch.ones(4, 4), 2), round(checkerboard(torch.ones(3, 3), 2), 4)
    (0.0, 0.2346)
    """
    pattern = phases(kernel.double(), stride)
    mean = float(pattern.mean())
    return float(pattern.var(correction=0)) / mean**2 if mean else float("nan")
