"""VGG16's dense layers fc6, fc7 and fc8 as convolutions that share their memory, checked on a photo.

fc6 alone takes 411 MB. So one layer at a time is loaded, run as a matrix and as a convolution, and freed;
nothing copies its weights.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz.convolutionalize import linear_to_conv, sliding_window
from fcnviz.lessons.convolutionalize import imagenet

#: Shape (C, H, W) of fc6's input for one 224 × 224 crop.
POOL5 = (512, 7, 7)
#: Index of each dense layer in torchvision's `classifier`.
DENSE = {"fc6": 0, "fc7": 3, "fc8": 6}


@dataclass(frozen=True)
class Layer:
    """One dense layer as a matrix and as a convolution.

    Attributes:
        name: fc6, fc7 or fc8.
        dense: shape of its weight matrix.
        kernels: shape of the same weights as kernels.
        one_memory: whether both are in the same storage.
    """

    name: str
    dense: tuple[int, ...]
    kernels: tuple[int, ...]
    one_memory: bool

    @property
    def weights(self) -> int:
        """Number of weights, without the biases."""
        return prod(self.kernels)


@dataclass(frozen=True)
class Check:
    """The result of comparing both ways.

    Attributes:
        trained: whether the weights are torchvision's; otherwise they are random.
        layers: fc6, fc7 and fc8.
        pool5: (H, W) of the larger map.
        grid: (h, w) of the scores on it.
        one_window: largest |Δ| between dense and convolutional scores of one 7 × 7 map.
        every_window: the same over every window of the larger map.
        largest: largest |score|, for comparison.
        moved: change of fc6's first output, dense and convolutional, after 1 is added to a weight of its
            matrix.
        top: the crop's five best (name, probability).
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
    """Count VGG16's parameters by part: the thirteen convolutions, fc6, fc7, fc8; allocates no weights."""
    net = imagenet.vgg16_empty()
    dense = {name: _count(net.classifier[i]) for name, i in DENSE.items()}
    return {"conv1_1 … conv5_3": _count(net.features), **dense}


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@torch.no_grad()
def steps(image: Image.Image) -> Iterator[str | Check]:
    """Run VGG16 on a photo, its dense layers as matrices on windows and as convolutions on maps.

    Yields:
        the name of each part once it has run and its memory is freed; finally the `Check`.

    Raises:
        WeightsError: torchvision's file is there, but damaged.
    """
    file = imagenet.vgg16_file()
    state = None if file is None else imagenet.vgg16_state(file)
    net, layers, moved = imagenet.vgg16_empty(), [], (0.0, 0.0)
    with _loaded(net.features, "features", state) as features:
        maps = [features(x) for x in _inputs(image)]  # (1, 512, 7, 7), (1, 512, 9, 11)
    pool5 = (maps[1].shape[-2], maps[1].shape[-1])
    yield "pool5"
    cut = [sliding_window(nn.Flatten(), x, POOL5[1], stride=1) for x in maps]  # (1, 25088, h, w) each
    rows = torch.cat([x[0].flatten(1).T for x in cut])  # (1 + 15 windows, 25088)
    for name, i in DENSE.items():
        with _loaded(net.classifier[i], f"classifier.{i}", state) as linear:
            conv = linear_to_conv(linear, POOL5 if name == "fc6" else (linear.in_features, 1, 1))
            layers.append(_layer(name, linear, conv))
            if name == "fc6":
                moved = _change(linear, conv, maps[0])
            rows, maps = linear(rows), [_convolve(conv, x) for x in maps]
            del conv
        if name != "fc8":
            rows, maps = rows.relu(), [x.relu() for x in maps]
        yield name
    yield Check(file is not None, tuple(layers), pool5, *_compare(rows, maps), moved, _best(rows[0]))


def _compare(rows: Tensor, maps: list[Tensor]) -> tuple[tuple[int, int], float, float, float]:
    """Return the larger map's grid, largest |Δ| of the crop and of all windows, and largest |score|."""
    one, every = (x[0].flatten(1).T for x in maps)
    grid = (maps[1].shape[-2], maps[1].shape[-1])
    deltas = ((rows[:1] - one).abs().max().item(), (rows[1:] - every).abs().max().item())
    return grid, *deltas, rows.abs().max().item()


def _best(scores: Tensor) -> tuple[tuple[str, float], ...]:
    top = scores.softmax(0).topk(5)
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return tuple((imagenet.names()[i], p) for i, p in pairs)


def _inputs(image: Image.Image) -> tuple[Tensor, Tensor]:
    """Prepare the centre crop, and the photo at 352 × 288 px, which has 11 × 9 positions on pool5."""
    larger = image.resize((352, 288), Image.Resampling.BICUBIC)
    return imagenet.vgg16_prepare(imagenet.centre(image)), imagenet.vgg16_prepare(larger)


@contextmanager
def _loaded(module: Any, name: str, state: Mapping[str, Tensor] | None) -> Iterator[Any]:
    """Fill a part of the network with trained or random weights, and free them at the end of the block."""
    if state is not None:
        own = {key.removeprefix(f"{name}."): v for key, v in state.items() if key.startswith(f"{name}.")}
        module.load_state_dict(own, assign=True)
    else:
        module.to_empty(device="cpu")
        for layer in module.modules():
            _fill_randomly(layer)
    try:
        yield module
    finally:
        module.to("meta")


def _fill_randomly(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, 0, 0.01)
    if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _convolve(conv: nn.Module, x: Tensor) -> Tensor:
    """Run a convolution without oneDNN, which would copy the weights in another order, 400 MB more."""
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        return conv(x)


def _layer(name: str, linear: nn.Linear, conv: nn.Conv2d) -> Layer:
    matrix, kernels = linear.weight, conv.weight
    same = matrix.untyped_storage().data_ptr() == kernels.untyped_storage().data_ptr()
    return Layer(name, tuple(matrix.shape), tuple(kernels.shape), same)


def _change(linear: nn.Linear, conv: nn.Conv2d, crop: Tensor) -> tuple[float, float]:
    """Add 1 to one weight of the matrix, and measure the change of both outputs, dense and convolutional."""
    column = int(crop.argmax())  # a weight whose input is not 0
    before = linear(crop.flatten(1))[0, 0], _convolve(conv, crop)[0, 0, 0, 0]
    old = linear.weight[0, column].item()
    linear.weight[0, column] += 1
    after = linear(crop.flatten(1))[0, 0], _convolve(conv, crop)[0, 0, 0, 0]
    linear.weight[0, column] = old
    return (after[0] - before[0]).item(), (after[1] - before[1]).item()
