"""lite0's last stage at stride 16 by dilation (à trous) instead of striding: the same weights, a denser map.

Cell 2i of the denser map is cell i of the striding network. The cells between are what the striding network
answers for the photo moved by 16 px (shift-and-stitch), as long as they see no padding.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import geometry
from fcnviz.backbones import lite0
from fcnviz.fcn import FCN
from fcnviz.geometry import Layer
from fcnviz.inference import coarse
from fcnviz.lessons.upsampling import stitch

#: Strides of the last map with striding and with dilation, and by how much it becomes denser.
STRIDE, DENSE, FACTOR = 32, 16, 2


def dilated(model: FCN) -> FCN:
    """Copy an FCN-32s on lite0 without the stride of its last strided convolution; all weights are shared.

    The kernels after that convolution are dilated by 2, and padded by twice as much.

    Returns:
        a network whose map `scores(x).s32` has a stride of 16 px.

    Raises:
        ValueError: it is no FCN-32s on lite0.
    """
    if model.backbone.name != "lite0" or model.stride != STRIDE:
        raise ValueError("only an FCN-32s on lite0 can be dilated here")
    shared: dict[int, object] = {id(t): t for t in (*model.parameters(), *model.buffers())}
    shared[id(model.backbone)] = model.backbone
    net = deepcopy(model, shared)
    kernels = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d) and max(m.kernel_size) > 1]
    last = max(i for i, (_, conv) in enumerate(kernels) if conv.stride[0] > 1)
    for _, conv in kernels[last + 1 :]:
        pad = FACTOR * (conv.kernel_size[0] // 2)
        vars(conv).update(dilation=(FACTOR, FACTOR), padding=(pad, pad))
    name, conv = kernels[last]
    parent, _, own = name.rpartition(".")
    setattr(net.get_submodule(parent), own, _unstrided(conv))
    return net


def _unstrided(conv: nn.Conv2d) -> nn.Sequential:
    """A "SAME" convolution of stride 2 with stride 1: output 2i reads what output i has read."""
    channels, kernel = conv.in_channels, conv.kernel_size[0]
    before = (kernel - FACTOR) // 2  # of kernel − stride rows of padding, as TensorFlow divides them
    after = kernel - 1 - before
    bias = conv.bias is not None
    plain = nn.Conv2d(channels, channels, kernel, groups=conv.groups, bias=bias, device="meta")
    plain.weight, plain.bias = conv.weight, conv.bias
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), plain)


def dense(model: FCN, image: Image.Image) -> Tensor:
    """Run an FCN-32s on lite0, dilated: one forward pass.

    Returns:
        (1, C, h, w) float32 on the CPU, of stride 16; its cell 0 lies where cell 0 of the coarse map does.
    """
    return coarse(dilated(model), image).s32.float().cpu()


# --- the same by shift-and-stitch


@torch.no_grad()
def stitched(model: FCN, image: Image.Image) -> Iterator[Tensor]:
    """Run the striding network on the photo, and on the photo moved by 16 px: four passes.

    Yields:
        the answer of each pass, (1, C, h, w) float32 on the CPU; last, all interlaced, (1, C, 2·h, 2·w).
    """
    x = model.backbone.preprocess(image).to(model.device, memory_format=torch.channels_last)
    answers = {}
    for shift, moved in stitch.shifts(x, STRIDE, FACTOR):
        answers[shift] = model.scores(moved).s32.float().cpu()
        yield answers[shift]
    yield stitch.interlace(answers)


@dataclass(frozen=True)
class Comparison:
    """How far two maps of stride 16 are apart, in scores.

    Attributes:
        same: largest difference on every second cell, which the striding network has without a shift.
        between: largest difference on the cells between.
        typical: median over the cells between of the largest difference over the classes.
        largest: largest score, without its sign.
    """

    same: float
    between: float
    typical: float
    largest: float


def compare(ours: Tensor, other: Tensor) -> tuple[np.ndarray, Comparison]:
    """Compare two maps (1, C, 2·h, 2·w) → the largest difference over the classes (2·h, 2·w), and numbers."""
    apart = (ours - other).abs().amax(1)[0].numpy()
    between = np.ones(apart.shape, bool)
    between[::FACTOR, ::FACTOR] = False
    largest = float(ours.abs().max())
    found = float(apart[~between].max()), float(apart[between].max()), float(np.median(apart[between]))
    return apart, Comparison(*found, largest)


# --- where both are the same


def chain() -> list[Layer]:
    """The layers of the dilated lite0, as geometry describes them."""
    layers = lite0.chain()
    last = max(i for i, layer in enumerate(layers) if layer.stride > 1)
    return [*layers[:last], _one_by_one(layers[last]), *map(_spread, layers[last + 1 :])]


def _one_by_one(layer: Layer) -> Layer:
    return replace(layer, stride=1, pad_after=layer.kernel - 1 - layer.pad)


def _spread(layer: Layer) -> Layer:
    return replace(layer, kernel=FACTOR * (layer.kernel - 1) + 1, pad=FACTOR * layer.pad, pad_after=None)


def field() -> int:
    """Side of the square of pixels that a cell sees, the same with striding and with dilation."""
    return int(geometry.place(chain()).field)


def unpadded(n: int, layers: list[Layer] | None = None) -> range:
    """Cells of the denser map that see no padding, be the photo moved or not: there both ways agree.

    Args:
        n: side of the photo in px, a multiple of 32.
        layers: the layers of the dilated network; by default all of lite0's.
    """
    layers = layers or chain()
    seen = (geometry.sees(layers, cell, cell) for cell in range(n // DENSE))
    found = [cell for cell, (first, last) in enumerate(seen) if first >= DENSE and last < n]
    return range(found[0], found[-1] + 1) if found else range(0)
