"""VGG16's dense layers fc6, fc7 and fc8 as convolutions on their own memory, checked on real activations.

fc6 has three quarters of the network's weights, so nothing here makes a second copy of them: the network is
built, viewed, run and dropped by one call.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import VGG, vgg16

from fcnviz import imagenet
from fcnviz.convolutionalize import dense_to_conv, sliding_window

#: What fc6 reads of one 224 × 224 crop, (C, H, W), and where the dense layers stand in torchvision's list.
POOL5 = (512, 7, 7)
DENSE = {"fc6": 0, "fc7": 3, "fc8": 6}


@dataclass(frozen=True)
class Layer:
    """One dense layer, both ways.

    Attributes:
        name: fc6, fc7 or fc8.
        dense: shape of its weight matrix.
        kernels: shape of the same weights as kernels.
        one_memory: whether both were found in the same storage.
    """

    name: str
    dense: tuple[int, ...]
    kernels: tuple[int, ...]
    one_memory: bool

    @property
    def weights(self) -> int:
        """How many, without the biases."""
        return prod(self.kernels)


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        trained: with torchvision's weights; otherwise random ones.
        layers: fc6, fc7 and fc8.
        pool5: (H, W) of the larger map.
        grid: (h, w) of the answers on it.
        one_window: largest |Δ| between dense and convolutional scores of one 7 × 7 map.
        every_window: the same over every window of the larger map.
        largest: |score|, to compare these with.
        moved: by how much each output moved, dense and convolutional, when one weight of fc6's matrix did.
        top: the five best (name, probability) of the crop.
    """

    trained: bool
    layers: tuple[Layer, ...]
    pool5: tuple[int, int]
    grid: tuple[int, int]
    one_window: float
    every_window: float
    largest: float
    moved: tuple[float, float]
    top: tuple[tuple[str, float], ...]


def sizes() -> dict[str, int]:
    """Parameters of VGG16 by part: its thirteen convolutions, then fc6, fc7 and fc8. Allocates nothing."""
    with torch.device("meta"):
        net = vgg16(weights=None, init_weights=False)
    dense = {name: _count(net.classifier[i]) for name, i in DENSE.items()}
    return {"conv1_1 … conv5_3": _count(net.features), **dense}


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def check(image: Image.Image) -> Check:
    """Build VGG16, look at its dense layers as convolutions, run both on a photo, and let it go again.

    Args:
        image: RGB.

    Raises:
        WeightsError: torchvision's file is there, but damaged.
    """
    file = imagenet.vgg16_file()
    net = imagenet.vgg16_net(file)
    dense = nn.Sequential(OrderedDict(flatten=nn.Flatten(), **dict(net.classifier.named_children())))
    conv = dense_to_conv(net.classifier, POOL5)
    crop = net.features(imagenet.vgg16_prepare(imagenet.centre(image)[0]))  # (1, 512, 7, 7)
    wide = net.features(imagenet.vgg16_prepare(_wide(image)))  # (1, 512, 9, 11)
    one, answers = dense(crop), _run(conv, wide)
    every = sliding_window(dense, wide, POOL5[1], stride=1)
    best = one[0].softmax(0).topk(5)
    return Check(
        trained=file is not None,
        layers=tuple(_layer(name, net.classifier[i], conv[i]) for name, i in DENSE.items()),
        pool5=(wide.shape[-2], wide.shape[-1]),
        grid=(answers.shape[-2], answers.shape[-1]),
        one_window=(one - _run(conv, crop).flatten(1)).abs().max().item(),
        every_window=(every - answers).abs().max().item(),
        largest=answers.abs().max().item(),
        moved=_move(net, conv, crop),
        top=tuple((imagenet.names()[i], p) for p, i in zip(*(t.tolist() for t in best), strict=True)),
    )


def _wide(image: Image.Image) -> Image.Image:
    """352 × 288 px, so that pool5 has 11 × 9 positions."""
    return image.resize((352, 288), Image.Resampling.BICUBIC)


def _run(conv: nn.Module, x: Tensor) -> Tensor:
    """The convolutions, without oneDNN, which would reorder the weights into a second 400 MB."""
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        return conv(x)


def _layer(name: str, linear: Any, conv: Any) -> Layer:
    matrix, kernels = linear.weight, conv.weight
    same = matrix.untyped_storage().data_ptr() == kernels.untyped_storage().data_ptr()
    return Layer(name, tuple(matrix.shape), tuple(kernels.shape), same)


def _move(net: VGG, conv: nn.Sequential, crop: Tensor) -> tuple[float, float]:
    """Add 1 to one weight of fc6's matrix: how far its output moves, dense and convolutional."""
    column = int(crop.argmax())  # a weight that reads something
    matrix, kernels = net.classifier[DENSE["fc6"]], conv[DENSE["fc6"]]

    def outputs() -> tuple[Tensor, Tensor]:
        return matrix(crop.flatten(1))[0, 0], _run(kernels, crop)[0, 0, 0, 0]

    before = outputs()
    matrix.weight[0, column] += 1
    return tuple((b - a).item() for a, b in zip(before, outputs(), strict=True))  # type: ignore[return-value]
