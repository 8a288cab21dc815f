"""Two ways to join a coarse map and a finer one: FCN adds scores, U-Net concatenates features."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from fcnviz import fcn, geometry
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup

CLASSES = 21


class Concatenation(nn.Module):
    """One step of U-Net's expanding path: up-convolution, concatenation, two 3 × 3 convolutions."""

    def __init__(self, coarse: int, finer: int):
        """Build it for maps of this many channels; its output has as many as the finer map."""
        super().__init__()
        self.up = nn.ConvTranspose2d(coarse, finer, 2, 2)
        self.first = nn.Conv2d(2 * finer, finer, 3, padding=1)
        self.second = nn.Conv2d(finer, finer, 3, padding=1)

    def joined(self, coarse: Tensor, finer: Tensor) -> Tensor:
        """(N, coarse, h, w) and (N, finer, 2·h, 2·w) → (N, 2·finer, 2·h, 2·w)."""
        return torch.cat([finer, self.up(coarse)], 1)

    def forward(self, coarse: Tensor, finer: Tensor) -> Tensor:
        """(N, coarse, h, w) and (N, finer, 2·h, 2·w) → (N, finer, 2·h, 2·w)."""
        return self.second(self.first(self.joined(coarse, finer).relu()).relu()).relu()


@dataclass(frozen=True)
class Join:
    """One join of a backbone's maps, in both ways.

    Attributes:
        stride: stride of the finer map, 16 or 8.
        features: channels of the finer map.
        coarse: channels of the coarse map in U-Net's way; FCN's has one a class.
        adds: parameters of FCN's way: score layer and 2× deconvolution.
        concatenates: parameters of U-Net's way (see `Concatenation`).
    """

    stride: int
    features: int
    coarse: int
    adds: int
    concatenates: int

    @property
    def ratio(self) -> float:
        """How many times as many parameters U-Net's way has."""
        return self.concatenates / self.adds


@cache
def joins(backbone: str) -> tuple[Join, ...]:
    """The joins of an FCN-8s on "vgg16" or "lite0", coarse to fine; counted on untrained layers."""
    with torch.device("meta"):
        model = fcn.build(backbone, 8, CLASSES, imagenet=False)
        channels, found = model.backbone.channels, []
        coarse = channels[2]
        for skip in geometry.skips(8):
            features = channels[skip.tap]
            added = [model.get_submodule(name) for name in (skip.scorer, skip.upsampler)]
            whole = Concatenation(coarse, features)
            found.append(Join(skip.stride, features, coarse, sum(map(_count, added)), _count(whole)))
            coarse = features
    return tuple(found)


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def grids(backbone: str, size: tuple[int, int]) -> dict[int, tuple[int, int]]:
    """(w, h) of the joined maps by stride.

    Args:
        backbone: "vgg16" or "lite0".
        size: (width, height) of the photo in px.
    """
    names = {stride: skip.fused for stride, skip in geometry.SKIPS.items()}
    sides = [{s.name: s.after for s in layout.steps(Setup(backbone, 8), n)} for n in size]
    return {stride: (sides[0][name], sides[1][name]) for stride, name in names.items()}
