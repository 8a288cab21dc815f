"""VGG16's dense layers fc6, fc7 and fc8 as convolutions on their own memory, checked on a photo.

fc6 alone takes 411 MB. So the layers come and go one after the other, each is looked at both ways while it is
there, and nothing makes a second copy of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import imagenet
from fcnviz.convolutionalize import linear_to_conv, sliding_window

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
        moved: how far fc6's first output moved, dense and convolutional, when 1 was added to a weight of its
            matrix.
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
    net = imagenet.vgg16_empty()
    dense = {name: _count(net.classifier[i]) for name, i in DENSE.items()}
    return {"conv1_1 … conv5_3": _count(net.features), **dense}


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def check(image: Image.Image) -> Check:
    """All of `steps` at once."""
    return next(found for found in steps(image) if isinstance(found, Check))


@torch.no_grad()
def steps(image: Image.Image) -> Iterator[str | Check]:
    """Run VGG16 on a photo, its dense layers both ways: on windows as matrices, on maps as convolutions.

    Args:
        image: RGB.

    Yields:
        the name of each part as soon as it has run and its memory is free again; at last what was found.

    Raises:
        WeightsError: torchvision's file is there, but damaged.
    """
    file = imagenet.vgg16_file()
    state = None if file is None else imagenet.vgg16_state(file)
    net, layers, moved = imagenet.vgg16_empty(), [], (0.0, 0.0)
    with _here(net.features, "features", state) as features:
        maps = [features(x) for x in _inputs(image)]  # (1, 512, 7, 7), (1, 512, 9, 11)
    pool5 = (maps[1].shape[-2], maps[1].shape[-1])
    yield "pool5"
    cut = [sliding_window(nn.Flatten(), x, POOL5[1], stride=1) for x in maps]  # (1, 25088, h, w) each
    rows = torch.cat([x[0].flatten(1).T for x in cut])  # (1 + 15 windows, 25088)
    for name, i in DENSE.items():
        with _here(net.classifier[i], f"classifier.{i}", state) as linear:
            conv = linear_to_conv(linear, POOL5 if name == "fc6" else (linear.in_features, 1, 1))
            layers.append(_layer(name, linear, conv))
            if name == "fc6":
                moved = _move(linear, conv, maps[0])
            rows, maps = linear(rows), [_run(conv, x) for x in maps]
            del conv
        if name != "fc8":
            rows, maps = rows.relu(), [x.relu() for x in maps]
        yield name
    yield Check(file is not None, tuple(layers), pool5, *_compare(rows, maps), moved, _best(rows[0]))


def _compare(rows: Tensor, maps: list[Tensor]) -> tuple[tuple[int, int], float, float, float]:
    """Grid of the larger map; largest |Δ| on the crop and on the larger map's windows; largest |score|."""
    one, every = (x[0].flatten(1).T for x in maps)
    grid = (maps[1].shape[-2], maps[1].shape[-1])
    deltas = ((rows[:1] - one).abs().max().item(), (rows[1:] - every).abs().max().item())
    return grid, *deltas, rows.abs().max().item()


def _best(scores: Tensor) -> tuple[tuple[str, float], ...]:
    top = scores.softmax(0).topk(5)
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return tuple((imagenet.names()[i], p) for i, p in pairs)


def _inputs(image: Image.Image) -> tuple[Tensor, Tensor]:
    """The centre crop, and the photo at 352 × 288 px, so that pool5 has 11 × 9 positions."""
    whole = image.resize((352, 288), Image.Resampling.BICUBIC)
    return imagenet.vgg16_prepare(imagenet.centre(image)[0]), imagenet.vgg16_prepare(whole)


@contextmanager
def _here(module: Any, name: str, state: Mapping[str, Tensor] | None) -> Iterator[Any]:
    """A part of the network with numbers in it, as long as it is needed: trained, or random."""
    if state is not None:
        own = {key.removeprefix(f"{name}."): v for key, v in state.items() if key.startswith(f"{name}.")}
        module.load_state_dict(own, assign=True)
    else:
        module.to_empty(device="cpu")
        for layer in module.modules():
            _random(layer)
    try:
        yield module
    finally:
        module.to("meta")


def _random(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
    if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _run(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution, without oneDNN, which would reorder the weights into a second 400 MB."""
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        return conv(x)


def _layer(name: str, linear: nn.Linear, conv: nn.Conv2d) -> Layer:
    matrix, kernels = linear.weight, conv.weight
    same = matrix.untyped_storage().data_ptr() == kernels.untyped_storage().data_ptr()
    return Layer(name, tuple(matrix.shape), tuple(kernels.shape), same)


def _move(linear: nn.Linear, conv: nn.Conv2d, crop: Tensor) -> tuple[float, float]:
    """Add 1 to one weight of the matrix for a while: how far its output moves, dense and convolutional."""
    column = int(crop.argmax())  # a weight that reads something
    before = linear(crop.flatten(1))[0, 0], _run(conv, crop)[0, 0, 0, 0]
    old = linear.weight[0, column].item()
    linear.weight[0, column] += 1
    after = linear(crop.flatten(1))[0, 0], _run(conv, crop)[0, 0, 0, 0]
    linear.weight[0, column] = old
    return (after[0] - before[0]).item(), (after[1] - before[1]).item()
