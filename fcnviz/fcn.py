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
        pool4, pool3: score_pool4 and score_pool3 as they were added, cut to the size of the sum.
    """

    s32: Tensor
    s16: Tensor | None = None
    s8: Tensor | None = None
    pool4: Tensor | None = None
    pool3: Tensor | None = None

    @property
    def finest(self) -> Tensor:
        """The map that the last deconvolution upsamples."""
        return next(s for s in (self.s8, self.s16, self.s32) if s is not None)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> ScoreMaps:
        """The same maps elsewhere, or in another precision."""
        maps = (self.s32, self.s16, self.s8, self.pool4, self.pool3)
        return ScoreMaps(*(s if s is None else s.to(device, dtype or s.dtype) for s in maps))  # type: ignore[arg-type]

    def at(self, stride: int) -> Tensor:
        """The map of stride 32, 16 or 8.

        Raises:
            ValueError: this network has none.
        """
        found = {32: self.s32, 16: self.s16, 8: self.s8}.get(stride)
        if found is None:
            raise ValueError(f"these scores have no map of stride {stride}")
        return found


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
        #: Number of parameters, learned or not, before batch norms are folded.
        self.parameter_count = sum(p.numel() for p in self.parameters())

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

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the trunk and the score layers."""
        return self.score_fr.weight.dtype

    def lower(self, dtype: torch.dtype) -> None:
        """Run trunk and score layers in this precision from now on; sums and deconvolutions stay as is."""
        for name, child in self.named_children():
            if name not in self.upsamplers:
                child.to(dtype)

    def scores(self, x: Tensor) -> ScoreMaps:
        """Preprocessed image (N, 3, H, W) → coarse scores. This is the one costly step.

        Any size from 1 × 1 on works; lite0 pads to a multiple of 32 at right and bottom.
        """
        pool3, pool4, top = self.backbone.run(self, self._pad(x.to(self.dtype)))
        top = F.dropout(top, self.backbone.dropout, self.training)
        s32 = self._raised(self.score_fr(top))  # (N, C, H/32, W/32)
        s16 = s8 = skip4 = skip3 = None
        if self.stride <= 16:
            up = self.climb("upscore2", s32)  # (N, C, H/16, W/16)
            skip = self._raised(self.score_pool4(pool4 * self.skip_scales[0]))
            skip4 = self._cut(skip, self.crops.pool4, up)
            s16 = up + skip4
        if self.stride <= 8 and s16 is not None:
            up = self.climb("upscore_pool4", s16)  # (N, C, H/8, W/8)
            skip = self._raised(self.score_pool3(pool3 * self.skip_scales[1]))
            skip3 = self._cut(skip, self.crops.pool3, up)
            s8 = up + skip3
        return ScoreMaps(s32, s16, s8, skip4, skip3)

    def _raised(self, scores: Tensor) -> Tensor:
        """Scores in the deconvolutions' precision: sums and upsampling are never done in a lower one."""
        return scores.to(next(self.get_submodule(self.last).parameters()).dtype)

    def climb(self, name: str, coarse: Tensor) -> Tensor:
        """Upsample scores by 2 to where a skip is added: (N, C, h, w) → about (N, C, 2·h, 2·w).

        Args:
            name: "upscore2" or "upscore_pool4".
            coarse: scores of stride 32, or 16.
        """
        up = self.get_submodule(name)(coarse)  # (N, C, 2·h + 2, 2·w + 2)
        crop = {"upscore2": self.crops.pool4, "upscore_pool4": self.crops.pool3}[name]
        assert crop is not None
        # the skip starts later than this: cut as much off on every side (if earlier, the skip is cut)
        return up if crop >= 0 else up[..., -crop:crop, -crop:crop]

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

    def grid(self, size: tuple[int, int], stride: int | None = None) -> tuple[int, int]:
        """(h, w) of a score map for an image of `size` (H, W), without running the network.

        Args:
            size: of the image, in pixels.
            stride: 32, 16 or 8; by default this network's own, of its finest map.
        """
        stride = stride or self.stride
        if self.backbone.name in backbones.LITE:
            return tuple(-(-n // 32) * (32 // stride) for n in size)  # type: ignore[return-value]
        n32 = [geometry.size(self.backbone.chain, n) for n in size]
        return tuple({32: n, 16: 2 * n + 2, 8: 4 * n + 6}[stride] for n in n32)  # type: ignore[return-value]

    def _pad(self, x: Tensor) -> Tensor:
        m = self.backbone.multiple
        return F.pad(x, (0, -x.shape[-1] % m, 0, -x.shape[-2] % m))

    @staticmethod
    def _cut(skip: Tensor, crop: int | None, up: Tensor) -> Tensor:
        """Cut a skip onto the upsampled scores that it is added to."""
        assert crop is not None
        return _crop(skip, max(crop, 0), up.shape[-2:])


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
        backbone: "vgg16", "lite0" or "lite2".
        stride: 32, 16 or 8.
        num_classes: C, background included.
        learned: whether the last deconvolution may be learned; by default as the backbone's nets were made
            (lite0: learned; vgg16: fixed bilinear, the paper's choice, section 4.3).
        skip_scales: factors on pool4 and pool3; (0.01, 0.0001) for the authors' "at once" net.
        imagenet: lite0 only: start from ImageNet weights; off when a full state dict is loaded next.

    Raises:
        ValueError: no such backbone or stride.
    """
    if backbone not in ("vgg16", *backbones.LITE):
        raise ValueError(f"backbone is one of vgg16, {', '.join(backbones.LITE)}, not {backbone!r}")
    trunk = backbones.vgg16() if backbone == "vgg16" else backbones.lite0(imagenet, backbone)
    return FCN(trunk, stride, num_classes, learned=learned, skip_scales=skip_scales)
