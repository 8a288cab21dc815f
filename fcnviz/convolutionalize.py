"""A dense layer is a convolution: "Adapting classifiers for dense prediction" (CVPR 2015, section 3.1).

A fully connected layer that reads a C × H × W map is a convolution whose kernel covers that whole map.
Turning one into the other computes, trains and copies nothing: both layers read the same memory. Only the
input that they accept differs: the convolution also takes larger maps and answers per window, with a heatmap.
`convolutionalize` turns whole classifiers, and `sliding_window` is what the result must equal.
"""

from collections.abc import Callable, Iterator
from math import isqrt, prod
from typing import Any

import torch
from torch import Tensor, nn


def linear_to_conv(linear: nn.Linear, shape: tuple[int, int, int]) -> nn.Conv2d:
    """Turn a dense layer into the equal convolution (section 3.1).

    On a (N, C, H, W) map, `conv(x)` is `linear(x.flatten(1))` as a (N, out, 1, 1) map. On a larger map it is
    a (N, out, h − H + 1, w − W + 1) map: the dense layer, applied to every H × W window.

    The two layers share their storage: changing one changes the other. They are two sets of parameters,
    though, each with its own `grad`, so give an optimiser only one of the two. Moving one to another device
    or dtype ends the sharing.

    Args:
        linear: a dense layer, weight (out, C·H·W).
        shape: (C, H, W) of the map that was flattened for it.

    Returns:
        a convolution with kernel H × W, weight (out, C, H, W).

    Raises:
        ValueError: a map of that shape does not flatten to what the layer reads.

    >>> dense = nn.Linear(16 * 4 * 4, 10)
    >>> conv = linear_to_conv(dense, (16, 4, 4))
    >>> conv.weight.shape, conv.weight.numel(), dense.weight.numel()
    (torch.Size([10, 16, 4, 4]), 2560, 2560)
    >>> conv.weight.data_ptr() == dense.weight.data_ptr()
    True
    """
    channels, height, width = shape
    if min(shape) < 1 or prod(shape) != linear.in_features:
        raise ValueError(
            f"a map of {channels} × {height} × {width} has {prod(shape):,} values,"
            f" but the layer reads {linear.in_features:,}"
        )
    conv = nn.Conv2d(channels, linear.out_features, (height, width), bias=False, device="meta")
    conv.weight = _shared(linear.weight, (linear.out_features, *shape))  # (out, C·H·W) → (out, C, H, W)
    conv.bias = None if linear.bias is None else _shared(linear.bias)
    return conv.train(linear.training)


def _shared(parameter: Tensor, shape: tuple[int, ...] | None = None) -> nn.Parameter:
    """A second parameter on the same storage."""
    view = parameter.detach() if shape is None else parameter.detach().view(shape)
    return nn.Parameter(view, requires_grad=parameter.requires_grad)


# --- whole classifiers


def convolutionalize(classifier: nn.Module) -> nn.Sequential:
    """Turn a classifier into a network that answers per window, on the classifier's own weights.

    Where the classifier takes one window and returns (N, classes), this takes any image that is at least as
    large and returns (N, classes, h, w). Supported are classifiers built as torchvision's VGG or
    `digits.Digits` (dense layers on a flattened square map) or as timm's EfficientNet (average pooling, one
    dense layer).

    The result equals the classifier on every window if the features are unpadded. Padded features see zeros
    around a window on its own, but its surroundings where it is part of an image.

    Args:
        classifier: is not changed. Its modules are used, not copied; see `linear_to_conv`.

    Raises:
        ValueError: the classifier is built in another way.
    """
    if isinstance(getattr(classifier, "global_pool", None), nn.Module):
        return _pooled(classifier)
    features, dense = getattr(classifier, "features", None), getattr(classifier, "classifier", None)
    if not (isinstance(features, nn.Module) and isinstance(dense, nn.Sequential)):
        raise ValueError(f"{type(classifier).__name__} is built as none of VGG, Digits and EfficientNet")
    channels = [m.out_channels for m in features.modules() if isinstance(m, nn.Conv2d)][-1]
    inputs = next(m.in_features for m in dense if isinstance(m, nn.Linear))
    side = isqrt(inputs // channels)
    return nn.Sequential(features, dense_to_conv(dense, (channels, side, side)))


def dense_to_conv(layers: nn.Sequential, shape: tuple[int, int, int]) -> nn.Sequential:
    """Turn dense layers into convolutions and keep the layers between them.

    The first dense layer reads a map, the others are 1 × 1 convolutions.

    Args:
        layers: `nn.Linear`, activations and dropout.
        shape: (C, H, W) of the map that was flattened for the first.
    """
    result: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.Linear):
            result.append(linear_to_conv(layer, shape))
            shape = (layer.out_features, 1, 1)
        else:
            result.append(layer)
    return nn.Sequential(*result)


def _pooled(net: Any) -> nn.Sequential:
    """An EfficientNet whose pooling averages every window instead of the whole map."""
    side = net.default_cfg["input_size"][-1] // net.feature_info[-1]["reduction"]
    features = nn.Sequential(net.conv_stem, net.bn1, net.blocks, net.conv_head, net.bn2)
    head = linear_to_conv(net.classifier, (net.classifier.in_features, 1, 1))
    return nn.Sequential(features, nn.AvgPool2d(side, stride=1), head)


# --- the oracle


def sliding_window(classifier: Callable[[Tensor], Tensor], image: Tensor, window: int, stride: int) -> Tensor:
    """Cut out every window and classify it on its own: what a convolutionalised classifier must equal.

    Args:
        classifier: (N, C, window, window) → (N, classes).
        image: (1, C, H, W), at least one window large.
        window: side in pixels.
        stride: pixels from one window to the next.

    Returns:
        (1, classes, h, w).
    """
    return torch.stack(list(window_rows(classifier, image, window, stride)), 1)[None]


def window_rows(
    classifier: Callable[[Tensor], Tensor], image: Tensor, window: int, stride: int, batch: int = 64
) -> Iterator[Tensor]:
    """Yield `sliding_window` by rows of windows, (classes, w) each; at most `batch` windows run at once."""
    for top in range(0, image.shape[-2] - window + 1, stride):
        lefts = range(0, image.shape[-1] - window + 1, stride)
        crops = torch.stack([image[0, :, top : top + window, left : left + window] for left in lefts])
        yield torch.cat([classifier(some) for some in crops.split(batch)]).T
