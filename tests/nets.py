"""Small random networks with the real graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from fcnviz import backbones, geometry
from fcnviz.fcn import FCN


def thin_vgg16() -> backbones.Backbone:
    """VGG16's graph and geometry with few channels, so that it is quick."""
    with torch.device("meta"):
        full = backbones.build("vgg16")
    layers, width = {}, 3
    for name, layer in full.layers.items():
        out = {"fc6": 12, "fc7": 10}.get(name, 6)
        layers[name] = nn.Conv2d(width, out, layer.kernel_size, padding=layer.padding)
        width = out
    return replace(full, layers=layers, channels=(6, 6, 10))


def random_net(backbone: str, stride: int) -> FCN:
    """Random weights everywhere, deconvolutions too."""
    torch.manual_seed(stride)
    trunk = thin_vgg16() if backbone == "vgg16" else backbones.build("lite0", imagenet=False)
    net = FCN(trunk, stride, 5).eval().requires_grad_(False)
    for name, p in net.named_parameters():
        if name.startswith(("score", "upscore")):
            p += 0.3 * torch.randn_like(p)
    return net


def grid(net: FCN, size: tuple[int, int], stride: int) -> tuple[int, int]:
    """(h, w) of a score map of the paper's net or of lite0, for an image of (H, W)."""
    if net.backbone.name == "lite0":
        return tuple(-(-n // 32) * (32 // stride) for n in size)
    n32 = [geometry.size(net.backbone.chain, n) for n in size]
    return tuple({32: n, 16: 2 * n + 2, 8: 4 * n + 6}[stride] for n in n32)


def photo(size: tuple[int, int]) -> Image.Image:
    """Noise, (H, W)."""
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    return Image.fromarray(pixels)
