"""What a backbone is: a classifier that becomes a segmenter, VGG16 (the paper's) or EfficientNet-Lite0.

A `Backbone` describes a classifier and does not wrap it: its named layers, how they run, and where their
outputs lie over the image. `fcn.FCN` registers the layers under these very names, so a published state dict
loads by name.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fcnviz.geometry import Layer, Place, place

Taps = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Backbone:
    """A classifier without its last layer, as FCN uses it.

    Attributes:
        name: "vgg16", "lite0" or "lite2".
        layers: the modules, by the names they have in a state dict.
        run: (net, x) → features at stride 8, 16 and 32; reads the layers as attributes of `net`.
        channels: number of channels of those three maps.
        places: where those three maps lie over the image, as the crops assume (lite0: nominal, see there).
        chain: every layer from the image to the last map, as geometry describes it.
        mean, std: (x − mean) / std, in the channel order of `bgr`, after scaling to 0…`peak`.
        bgr: channels reversed, as Caffe (OpenCV) reads them.
        peak: value of white before mean and std.
        multiple: the image is padded at right and bottom to a multiple of this many pixels.
        dropout: rate right before score_fr.
        per_class, learned: kind of the deconvolutions, see `upsampling.deconvolution`.
    """

    name: str
    layers: dict[str, nn.Module]
    run: Callable[[nn.Module, Tensor], Taps]
    channels: tuple[int, int, int]
    places: tuple[Place, Place, Place]
    chain: list[Layer]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool
    peak: float
    multiple: int
    dropout: float
    per_class: bool
    learned: bool

    def preprocess(self, image: Image.Image) -> Tensor:
        """An RGB image of any size → (1, 3, H, W) float32, as this backbone's weights expect it."""
        pixels = np.asarray(image.convert("RGB"))
        return self.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])

    def normalise(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) uint8 RGB → float32 of the same shape."""
        x = pixels.float() * (self.peak / 255)
        if self.bgr:
            x = x.flip(1)
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std


#: The layers whose outputs FCN reads, at stride 8, 16 and 32, by backbone.
TAPS = {"vgg16": ("pool3", "pool4", "fc7"), "lite0": ("blocks.2", "blocks.4", "conv_head")}


def until(chain: list[Layer], name: str) -> list[Layer]:
    """The chain up to the layer of that name, or up to the last layer of the stage of that name."""
    last = max(i for i, layer in enumerate(chain) if f"{layer.name}.".startswith(f"{name}."))
    return chain[: last + 1]


def build(name: str, imagenet: bool = True) -> Backbone:
    """Build the backbone of that name; VGG16's weights are untrained.

    Args:
        name: "vgg16", "lite0" or "lite2".
        imagenet: lite0 and lite2 only: start from ImageNet weights, otherwise from random ones.

    Raises:
        ValueError: there is no such backbone, or the package with its weights is not installed.
    """
    from fcnviz.backbones import lite0, vgg16  # here, because both import this module

    makers = {lite: partial(lite0.backbone, imagenet, lite) for lite in lite0.NAMES}
    known: dict[str, Callable[[], Backbone]] = {"vgg16": vgg16.backbone, **makers}
    if name not in known:
        raise ValueError(f"backbone is one of {', '.join(known)}, not {name!r}")
    return known[name]()


def fold_batch_norms(net: nn.Module) -> None:
    """Merge every batch norm into the convolution before it, in place: the same function, less to compute.

    For inference only: in eval mode a batch norm is a fixed scale and shift of each channel. It is replaced
    by the activation that timm puts after it, if any.
    """
    children = list(net.named_children())
    for (name, conv), (next_name, norm) in itertools.pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(net, name, fuse_conv_bn_eval(conv, norm))
            setattr(net, next_name, getattr(norm, "act", nn.Identity()))
    for _, child in net.named_children():
        fold_batch_norms(child)


def centred(stride: int) -> Place:
    """The place of a map that is centred on its cells, as if one s × s layer of stride s had made it."""
    return place([Layer("cell", stride, stride)])
