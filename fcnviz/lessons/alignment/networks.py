"""What table 1 of the paper says of its networks, derived for those of this app, and what their skips add."""

from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from fcnviz import fcn, geometry
from fcnviz.fcn import FCN


class Facts(NamedTuple):
    """What a network is like before it has learned anything.

    Attributes:
        layers: convolutions, the score layer too, without the deconvolution.
        parameters: number of those that are learned.
        field: side of the theoretical receptive field of a cell of score_fr, in px.
        stride: distance from one such cell to the next, in px.
    """

    layers: int
    parameters: int
    field: int
    stride: int


@cache
def facts(backbone: str) -> Facts:
    """Derive the facts of FCN-32s on a backbone, "vgg16" or "lite0", without its weights."""
    with torch.device("meta"):  # tensors without memory
        net = fcn.build(backbone, 32, imagenet=False)
    place = geometry.place(net.backbone.chain)
    layers = sum(isinstance(module, nn.Conv2d) for module in net.modules())
    learned = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return Facts(layers, learned, int(place.field), int(place.stride))


class Parts(NamedTuple):
    """Parameters by which networks of one backbone differ.

    Attributes:
        kernels: kernels of the last deconvolution.
        side: their side, in px.
        deconvolutions: weights of all deconvolutions.
        scores: weights and biases of the skips' score layers.
    """

    kernels: int
    side: int
    deconvolutions: int
    scores: int


def parts(net: FCN) -> Parts:
    """Count the parameters that another FCN on the same backbone does not have."""
    last = net.get_parameter(f"{net.last}.weight")
    scorers = (net.get_submodule(skip.scorer) for skip in geometry.skips(net.stride))
    return Parts(
        last.shape[0] * last.shape[1],
        last.shape[-1],
        sum(net.get_parameter(f"{name}.weight").numel() for name in net.upsamplers),
        sum(p.numel() for layer in scorers for p in layer.parameters()),
    )
