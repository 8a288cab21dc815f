"""VGG16 down to pool4 without the constant border that padding by 100 pixels creates: the same maps, faster.

Most of a padded photo is zeros, and what the layers make of zeros does not depend on the photo. Far from the
photo and from the outer edge every map is constant, channel by channel; near the outer edge it is constant
along that edge. So only a window around the photo is computed, as the difference from that constant (of a
difference, zero padding is correct), and pasted onto the padding map: the map that padding alone gives,
enlarged from a small one.
"""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Layers to pool4, in the order they run.
_STAGES = (("conv1_1", "conv1_2"), ("conv2_1", "conv2_2"), ("conv3_1", "conv3_2", "conv3_3"),
           ("conv4_1", "conv4_2", "conv4_3"))  # fmt: skip
#: How far the outer edge can change a map, in pixels: 46 by conv4_3, rounded up to whole cells of pool4.
_EDGE = 64

#: The most padding maps that are cached for one network; they differ by the size modulo pool4's stride.
_CACHED = 16


@dataclass
class _Window:
    """A window of a feature map, stored relative to the constant that the map has far from the photo.

    Attributes:
        x: (N, C, h, w), zero where the photo has no influence.
        far: (C,) the constant.
        top, left: position of the window on the whole map.
    """

    x: Tensor
    far: Tensor
    top: int
    left: int


def taps(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Preprocessed image (N, 3, H, W) → pool3 and pool4 of VGG16 with conv1_1 padded by 100.

    Equal to running every layer on the whole padded image, up to rounding.
    """
    sizes = [n + 198 for n in x.shape[-2:]]  # of conv1_1's output
    window = _Window(x, x.new_zeros(3), 100 - 1, 100 - 1)
    found = []
    for names in _STAGES:
        for name in names:
            window = _conv(window, net.get_submodule(name))
        window = _pool(window)
        found.append(window)
    pool3, pool4 = map(_pasted, found[2:], _padding_maps(net, sizes, x))
    return pool3, pool4


def _conv(w: _Window, layer: nn.Module) -> _Window:
    """A 3 × 3 convolution and ReLU: the window grows by a pixel on every side."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    # conv(x + far) = conv(x) + the kernel's sum · far, and the second term joins the bias
    fine = torch.promote_types(w.x.dtype, torch.float32)
    bias = layer.bias.to(fine) + layer.weight.sum((2, 3), dtype=fine) @ w.far.to(fine)
    bias = bias.to(w.x.dtype)
    y, far = F.relu(F.conv2d(w.x, layer.weight, bias, padding=2)), F.relu(bias)
    return _Window(y - far[:, None, None], far, w.top - 1, w.left - 1)


def _pool(w: _Window) -> _Window:
    """2 × 2 max pooling: the window first grows by up to a pixel on each side, to whole cells."""
    top, left = w.top % 2, w.left % 2
    h, width = w.x.shape[-2:]
    x = F.pad(w.x, (left, (left + width) % 2, top, (top + h) % 2))
    return _Window(
        F.max_pool2d(x, 2, stride=2, ceil_mode=True), w.far, (w.top - top) // 2, (w.left - left) // 2
    )


def _pasted(w: _Window, padding_map: Tensor) -> Tensor:
    """The whole map: the window on top of what padding alone gives."""
    n, (h, width) = w.x.shape[0], w.x.shape[-2:]
    whole = padding_map.repeat(n, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    whole[..., w.top : w.top + h, w.left : w.left + width] = w.x + w.far[:, None, None]
    return whole


# --- the maps of padding alone

_Maps = tuple[Tensor, Tensor]  # pool3 and pool4, (1, C, h, w)


@dataclass
class _Cached:
    """Small padding maps of one network, and the weights that they were computed with.

    Attributes:
        weights: address, version and precision of each parameter, and the parameter itself, so that no other
            tensor can take its address.
        maps: pool3 and pool4 by the size of conv1_1's output.
    """

    weights: list[tuple[int, int, torch.dtype, nn.Parameter]] = field(default_factory=list)
    maps: dict[tuple[int, ...], _Maps] = field(default_factory=dict)


_CACHE: WeakKeyDictionary[nn.Module, _Cached] = WeakKeyDictionary()


def _padding_maps(net: nn.Module, sizes: list[int], like: Tensor) -> list[Tensor]:
    """pool3 and pool4 of padding alone for these sizes of conv1_1's output."""
    small = [2 * _EDGE + 16 + n % 16 for n in sizes]
    maps = _small_padding_maps(net, small, like)
    return [_enlarged(m, stride, sizes, small) for m, stride in zip(maps, (8, 16), strict=True)]


def _small_padding_maps(net: nn.Module, sizes: list[int], like: Tensor) -> _Maps:
    """The padding maps of a small size, computed once for given weights."""
    parameters = [p for names in _STAGES for name in names for p in net.get_submodule(name).parameters()]
    weights = [(p.data_ptr(), p._version, p.dtype, p) for p in parameters]
    cached = _CACHE.get(net, _Cached())
    if [w[:3] for w in cached.weights] != [w[:3] for w in weights]:
        cached = _Cached(weights)
    if (key := tuple(sizes)) not in cached.maps:
        while len(cached.maps) >= _CACHED:
            cached.maps.pop(next(iter(cached.maps)))
        cached.maps[key] = _every_layer(net, sizes, like)
    _CACHE[net] = cached
    return cached.maps[key]


@torch.no_grad()
def _every_layer(net: nn.Module, sizes: list[int], like: Tensor) -> _Maps:
    """The padding maps by running every layer."""
    bias = net.get_submodule("conv1_1").bias
    assert isinstance(bias, Tensor)
    x = F.relu(bias.to(like.dtype))[:, None, None].expand(-1, *sizes)[None]  # conv1_1 of zeros is its bias
    maps = []
    for names in _STAGES:
        for name in names:
            x = x if name == "conv1_1" else F.relu(net.get_submodule(name)(x))
        x = F.max_pool2d(x, 2, stride=2, ceil_mode=True)
        maps.append(x)
    return maps[2], maps[3]


def _enlarged(m: Tensor, stride: int, sizes: list[int], small: list[int]) -> Tensor:
    """A small padding map with its constant middle repeated to the wanted size."""
    edge = _EDGE // stride
    rows, columns = (
        [*range(edge), *[edge] * ((n - s) // stride), *range(edge, have)]
        for n, s, have in zip(sizes, small, m.shape[-2:], strict=True)
    )
    return m[..., rows, :][..., columns]
