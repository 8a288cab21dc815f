"""VGG16 down to pool4 without the work that padding by 100 pixels makes: the same maps, fewer operations.

Most of a padded photo's border is zeros, and what the layers make of zeros does not depend on the photo. Far
from the photo and from the outer edge every map is constant, channel by channel; near the outer edge it is
constant along that edge. So only a window around the photo is computed, as a difference to that constant
(which makes zero padding right again), and laid into a blank map that is put together from a small one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Layers to pool4, in the order they run.
_STAGES = (("conv1_1", "conv1_2"), ("conv2_1", "conv2_2"), ("conv3_1", "conv3_2", "conv3_3"),
           ("conv4_1", "conv4_2", "conv4_3"))  # fmt: skip
#: Pixels from the outer edge that it may change, at most: 46 by conv4_3, rounded up to whole cells of pool4.
_EDGE = 64
_KEPT = 16  # blank maps by size modulo the stride of pool4


@dataclass
class _Window:
    """Part of a map as a difference to what the map is far from the photo.

    Attributes:
        x: (N, C, h, w), zero where the photo does not reach.
        far: (C,) the constant.
        top, left: where it lies on the whole map.
    """

    x: Tensor
    far: Tensor
    top: int
    left: int


def taps(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Preprocessed image (N, 3, H, W) → pool3 and pool4 of VGG16 with conv1_1 padded by 100.

    Equal to running every layer on everything, up to rounding (`tests/test_blank.py`).
    """
    sizes = [n + 198 for n in x.shape[-2:]]  # of conv1_1's output
    window = _Window(x, x.new_zeros(3), 100 - 1, 100 - 1)
    found = []
    for names in _STAGES:
        for name in names:
            window = _conv(window, net.get_submodule(name))
        window = _pool(window)
        found.append(window)
    pool3, pool4 = (_lay(w, b) for w, b in zip(found[2:], _blank(net, sizes, x), strict=True))
    return pool3, pool4


def _conv(w: _Window, layer: nn.Module) -> _Window:
    """A 3 × 3 convolution and ReLU: the window grows by a pixel on every side."""
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    # conv(x + far) = conv(x) + the kernel's sum · far: the latter joins the bias
    fine = torch.promote_types(w.x.dtype, torch.float32)
    bias = layer.bias.to(fine) + layer.weight.sum((2, 3), dtype=fine) @ w.far.to(fine)
    bias = bias.to(w.x.dtype)
    y, far = F.relu(F.conv2d(w.x, layer.weight, bias, padding=2)), F.relu(bias)
    return _Window(y - far[:, None, None], far, w.top - 1, w.left - 1)


def _pool(w: _Window) -> _Window:
    """2 × 2 max pooling; whole cells, so the window may grow by a pixel first."""
    top, left = w.top % 2, w.left % 2
    h, width = w.x.shape[-2:]
    x = F.pad(w.x, (left, (left + width) % 2, top, (top + h) % 2))
    return _Window(
        F.max_pool2d(x, 2, stride=2, ceil_mode=True), w.far, (w.top - top) // 2, (w.left - left) // 2
    )


def _lay(w: _Window, blank: Tensor) -> Tensor:
    """The window on the whole map."""
    n, (h, width) = w.x.shape[0], w.x.shape[-2:]
    whole = blank.repeat(n, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    whole[..., w.top : w.top + h, w.left : w.left + width] = w.x + w.far[:, None, None]
    return whole


def _blank(net: nn.Module, sizes: list[int], like: Tensor) -> tuple[Tensor, Tensor]:
    """pool3 and pool4 of padding alone, (1, C, h, w), for these sizes of conv1_1's output."""
    small = [2 * _EDGE + 16 + n % 16 for n in sizes]
    maps = _small(net, small, like)
    return tuple(_stretched(m, stride, sizes, small) for m, stride in zip(maps, (8, 16), strict=True))  # type: ignore[return-value]


def _small(net: nn.Module, sizes: list[int], like: Tensor) -> tuple[Tensor, Tensor]:
    """The same for a small size, computed once for given weights."""
    weights = [p for names in _STAGES for name in names for p in net.get_submodule(name).parameters()]
    # the parameters themselves are kept too, so that no other tensor can take their address
    now = [(p.data_ptr(), p._version, p.dtype, p) for p in weights]
    known, kept = net.__dict__.get("_blank_maps", ([], {}))
    if [k[:3] for k in known] != [k[:3] for k in now]:
        kept = {}
    if tuple(sizes) not in kept:
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        kept[tuple(sizes)] = _all_of_it(net, sizes, like)
    net.__dict__["_blank_maps"] = now, kept
    return kept[tuple(sizes)]


@torch.no_grad()
def _all_of_it(net: nn.Module, sizes: list[int], like: Tensor) -> tuple[Tensor, Tensor]:
    first = net.get_submodule("conv1_1").bias
    assert isinstance(first, Tensor)
    x = F.relu(first.to(like.dtype))[:, None, None].expand(-1, *sizes)[None]  # of zeros, nothing but the bias
    maps = []
    for names in _STAGES:
        for name in names:
            x = x if name == "conv1_1" else F.relu(net.get_submodule(name)(x))
        x = F.max_pool2d(x, 2, stride=2, ceil_mode=True)
        maps.append(x)
    return maps[2], maps[3]


def _stretched(m: Tensor, stride: int, sizes: list[int], small: list[int]) -> Tensor:
    """A small blank map with its constant middle repeated until it has the size that is wanted."""
    edge = _EDGE // stride
    rows, columns = (
        [*range(edge), *[edge] * ((n - s) // stride), *range(edge, have)]
        for n, s, have in zip(sizes, small, m.shape[-2:], strict=True)
    )
    return m[..., rows, :][..., columns]
