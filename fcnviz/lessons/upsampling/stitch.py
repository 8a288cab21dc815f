"""Shift-and-stitch: a denser map without new weights (CVPR 2015, section 3.2; OverFeat's trick).

A network of stride s answers every s pixels. Shift the image by multiples of s/f pixels, f of them on each
axis, run the network f² times and interlace the answers: one every s/f pixels. One run gives the same numbers
if the network's stride is reduced and its later kernels are dilated (the "à trous" algorithm), see `dilated`.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from itertools import product
from math import gcd

import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz.geometry import Place, final_crop
from fcnviz.upsampling import bilinear_kernel

Shift = tuple[int, int]


def shifts(x: Tensor, stride: int, factor: int) -> Iterator[tuple[Shift, Tensor]]:
    """The f² shifted images.

    Args:
        x: (N, C, H, W).
        stride: s of the network, in pixels.
        factor: f, by how much the map becomes denser on each axis; divides the stride.

    Yields:
        (a, b) and the image of x's size, moved up by a·s/f and left by b·s/f pixels and filled with zeros.

    Raises:
        ValueError: the factor does not divide the stride.
    """
    if factor < 1 or stride % factor:
        raise ValueError(f"the stride {stride} cannot be divided into {factor} equal shifts")
    step, (height, width) = stride // factor, x.shape[-2:]
    for a, b in product(range(factor), repeat=2):
        down, right = min(a * step, height), min(b * step, width)
        yield (a, b), F.pad(x[..., down:, right:], (0, right, 0, down))


def interlace(answers: Mapping[Shift, Tensor]) -> Tensor:
    """Join the answers to all f² shifts, each (N, C, h, w), into one map (N, C, f·h, f·w)."""
    factor = max(a for a, _ in answers) + 1
    first = answers[0, 0]
    n, c, h, w = first.shape
    whole = first.new_empty(n, c, h * factor, w * factor)
    for (a, b), answer in answers.items():
        whole[..., a::factor, b::factor] = answer
    return whole


def shift_and_stitch(net: Callable[[Tensor], Tensor], x: Tensor, stride: int, factor: int) -> Tensor:
    """Run a network of this stride factor² times → (N, C, factor·h, factor·w)."""
    return interlace({shift: net(moved) for shift, moved in shifts(x, stride, factor)})


def dilated(net: nn.Sequential, factor: int) -> nn.Sequential:
    """Divide a network's stride by `factor` and dilate its later kernels to fit; the weights stay the same.

    Strides are removed from the last layer backwards. The layers after a removed stride read a denser map, so
    their kernels' weights move apart by the same factor.

    Args:
        net: consists of convolutions and max pooling without padding, and of layers that work on each cell
            alone.
        factor: divides the product of the strides.

    Returns:
        a network that answers every stride/factor pixels, and shares its parameters with `net`.

    Raises:
        ValueError: a layer is padded, or the strides cannot be divided by the factor.
    """
    reduced = _divide([_stride(layer) for layer in net], factor)
    layers: list[nn.Module] = []
    dilation = 1
    for layer, stride in zip(net, reduced, strict=True):
        layers.append(_respaced(layer, stride, dilation))
        dilation *= _stride(layer) // stride
    return nn.Sequential(*layers)


def _divide(strides: list[int], factor: int) -> list[int]:
    result, left = list(strides), factor
    for i in reversed(range(len(strides))):
        part = gcd(left, strides[i])
        result[i], left = strides[i] // part, left // part
    if left != 1:
        raise ValueError(f"strides {strides} cannot be divided by {factor}")
    return result


def _stride(layer: nn.Module) -> int:
    """The stride of a layer, the same on both axes."""
    stride = getattr(layer, "stride", 1)
    return stride[0] if isinstance(stride, tuple) else stride


def _respaced(layer: nn.Module, stride: int, dilation: int) -> nn.Module:
    """A layer with this stride and dilation; a layer without a kernel is returned as it is."""
    if not hasattr(layer, "kernel_size"):
        return layer
    if layer.padding not in (0, (0, 0)):
        raise ValueError("shift-and-stitch and dilation are equal only without padding")
    result = copy(layer)  # shallow: the same parameters
    vars(result).update(stride=(stride, stride), dilation=(dilation, dilation))
    return result


def upsampled(answers: Tensor, place: Place, size: tuple[int, int]) -> Tensor:
    """Upsample scores of any stride to (N, C, *size) by fixed bilinear deconvolution, cropped onto the image.

    Args:
        answers: (N, C, h, w).
        place: where the answers lie over the image; a stitched map's stride is the network's, divided by f.
        size: (H, W) of the image; pixels before the first answer are copies of the nearest ones.
    """
    factor, crop = int(place.stride), final_crop(place)
    weight = bilinear_kernel(2 * factor).to(answers).expand(answers.shape[1], 1, -1, -1)
    dense = F.conv_transpose2d(answers, weight, stride=factor, groups=answers.shape[1])
    if crop < 0:
        dense = F.pad(dense, (-crop, 0, -crop, 0), mode="replicate")
    first = max(crop, 0)
    return dense[..., first : first + size[0], first : first + size[1]]
