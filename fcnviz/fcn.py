"""FCN-32s, FCN-16s and FCN-8s (Long, Shelhamer & Darrell, CVPR 2015, section 4) on any backbone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz import backbones, geometry
from fcnviz.upsampling import deconvolution

STRIDES = (32, 16, 8)


@dataclass(frozen=True)
class ScoreMaps:
    """What the network says before the last upsampling: all that a page needs to draw everything else.

    Attributes:
        s32: (N, C, H/32, W/32), score_fr.
        s16: (N, C, H/16, W/16), upscore2(s32) + score_pool4; None in FCN-32s.
        s8: (N, C, H/8, W/8), upscore_pool4(s16) + score_pool3; None in FCN-32s and FCN-16s.
    """

    s32: Tensor
    s16: Tensor | None = None
    s8: Tensor | None = None

    @property
    def finest(self) -> Tensor:
        """The map that the last deconvolution upsamples."""
        return next(s for s in (self.s8, self.s16, self.s32) if s is not None)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> ScoreMaps:
        """The same maps elsewhere, or in another precision."""
        maps = (s if s is None else s.to(device, dtype or s.dtype) for s in (self.s32, self.s16, self.s8))
        return ScoreMaps(*maps)  # type: ignore[arg-type]


class FCN(nn.Module):
    """A fully convolutional network: backbone, 1 × 1 score layers, skips, deconvolutions.

    Its state dict has the paper's layer names at top level: conv1_1 … fc7, score_fr, upscore2, score_pool4 ….
    """

    def __init__(
        self,
        backbone: backbones.Backbone,
        stride: int,
        num_classes: int = 21,
        *,
        learned: bool | None = None,
        skip_scales: tuple[float, float] = (1.0, 1.0),
    ):
        """Use `build` instead, which finds the backbone by name."""
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"stride is 32, 16 or 8, not {stride}")
        self.backbone, self.stride, self.num_classes = backbone, stride, num_classes
        self.skip_scales = skip_scales
        self.crops = geometry.crops(*backbone.places, stride)
        for name, layer in backbone.layers.items():
            self.add_module(name, layer)
        self._add_score_layers()
        self._add_deconvolutions(backbone.learned if learned is None else learned)

    def _add_score_layers(self) -> None:
        pool3, pool4, top = self.backbone.channels
        self.score_fr = _score_layer(top, self.num_classes)
        if self.stride <= 16:
            self.score_pool4 = _score_layer(pool4, self.num_classes)
        if self.stride <= 8:
            self.score_pool3 = _score_layer(pool3, self.num_classes)

    def _add_deconvolutions(self, learned: bool) -> None:
        for name, factor in self.upsamplers.items():
            # the switch is about the last one; those between the skips follow the backbone
            free = learned if name == self.last else self.backbone.learned
            layer = deconvolution(self.num_classes, factor, per_class=self.backbone.per_class, learned=free)
            self.add_module(name, layer)

    @property
    def last(self) -> str:
        """Name of the last deconvolution: upscore, upscore16 or upscore8."""
        return "upscore" if self.stride == 32 else f"upscore{self.stride}"

    @property
    def upsamplers(self) -> dict[str, int]:
        """Deconvolutions by name, in the order they run, with their factors."""
        middle = {32: (), 16: ("upscore2",), 8: ("upscore2", "upscore_pool4")}[self.stride]
        return {**dict.fromkeys(middle, 2), self.last: self.stride}

    def scores(self, x: Tensor) -> ScoreMaps:
        """Preprocessed image (N, 3, H, W) → coarse scores. This is the one costly step.

        Any size from 1 × 1 on works; lite0 pads to a multiple of 32 at right and bottom.
        """
        pool3, pool4, top = self.backbone.run(self, self._pad(x))
        top = F.dropout(top, self.backbone.dropout, self.training)
        s32 = self.score_fr(top)  # (N, C, H/32, W/32)
        s16 = s8 = None
        if self.stride <= 16:
            skip = self.score_pool4(pool4 * self.skip_scales[0])
            s16 = self._fuse("upscore2", s32, skip, self.crops.pool4)  # (N, C, H/16, W/16)
        if self.stride <= 8 and s16 is not None:
            skip = self.score_pool3(pool3 * self.skip_scales[1])
            s8 = self._fuse("upscore_pool4", s16, skip, self.crops.pool3)  # (N, C, H/8, W/8)
        return ScoreMaps(s32, s16, s8)

    def upsample(self, scores: ScoreMaps, size: tuple[int, int]) -> Tensor:
        """Coarse scores → logits (N, C, *size) by the last deconvolution, cropped onto the image.

        Args:
            scores: of this network.
            size: (H, W) of the image, in pixels.
        """
        dense = self.get_submodule(self.last)(scores.finest)  # (N, C, (h + 1)·stride, (w + 1)·stride)
        return _crop(dense, self.crops.final, size)

    def forward(self, x: Tensor) -> Tensor:
        """Preprocessed image (N, 3, H, W) → logits (N, C, H, W)."""
        return self.upsample(self.scores(x), (x.shape[-2], x.shape[-1]))

    def grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """(h, w) of this network's finest score map for an image of `size` (H, W), without running it."""
        if self.backbone.name == "lite0":
            return tuple(-(-n // 32) * (32 // self.stride) for n in size)  # type: ignore[return-value]
        n32 = [geometry.size(backbones.vgg16_chain(), n) for n in size]
        return tuple({32: n, 16: 2 * n + 2, 8: 4 * n + 6}[self.stride] for n in n32)  # type: ignore[return-value]

    def _pad(self, x: Tensor) -> Tensor:
        m = self.backbone.multiple
        return F.pad(x, (0, -x.shape[-1] % m, 0, -x.shape[-2] % m))

    def _fuse(self, name: str, coarse: Tensor, skip: Tensor, crop: int | None) -> Tensor:
        """Upsample `coarse` by 2 and add `skip`, after cutting the larger of the two onto the smaller."""
        assert crop is not None
        up = self.get_submodule(name)(coarse)
        if crop >= 0:
            return up + _crop(skip, crop, up.shape[-2:])
        return _crop(up, -crop, skip.shape[-2:]) + skip


def _score_layer(channels: int, num_classes: int) -> nn.Conv2d:
    """A 1 × 1 convolution to class scores, from zero as in the paper (section 4.1)."""
    layer = nn.Conv2d(channels, num_classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _crop(x: Tensor, offset: int, size: tuple[int, int] | torch.Size) -> Tensor:
    return x[..., offset : offset + size[0], offset : offset + size[1]]


def build(
    backbone: str,
    stride: int,
    num_classes: int = 21,
    *,
    learned: bool | None = None,
    skip_scales: tuple[float, float] = (1.0, 1.0),
    imagenet: bool = True,
) -> FCN:
    """FCN-32s, 16s or 8s with untrained score layers.

    Args:
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8.
        num_classes: C, background included.
        learned: whether the last deconvolution may be learned; by default as the backbone's nets were made
            (lite0: learned; vgg16: fixed bilinear, the paper's choice, section 4.3).
        skip_scales: factors on pool4 and pool3; (0.01, 0.0001) for the authors' "at once" net.
        imagenet: lite0 only: start from ImageNet weights; off when a full state dict is loaded next.

    Raises:
        ValueError: no such backbone or stride.
    """
    if backbone not in backbones.BACKBONES:
        raise ValueError(f"backbone is one of {', '.join(backbones.BACKBONES)}, not {backbone!r}")
    trunk = backbones.lite0(imagenet) if backbone == "lite0" else backbones.vgg16()
    return FCN(trunk, stride, num_classes, learned=learned, skip_scales=skip_scales)
