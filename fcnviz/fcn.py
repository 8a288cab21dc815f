"""FCN-32s, FCN-16s and FCN-8s (Long, Shelhamer & Darrell, CVPR 2015, section 4) on any backbone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz import backbones, geometry
from fcnviz.geometry import SKIPS, Skip
from fcnviz.upsampling import deconvolution

STRIDES = geometry.STRIDES


@dataclass(frozen=True)
class ScoreMaps:
    """The score maps before the last upsampling; everything that a page draws derives from them.

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
        """The same maps on another device or in another precision."""
        maps = (self.s32, self.s16, self.s8, self.pool4, self.pool3)
        return ScoreMaps(*(s if s is None else s.to(device, dtype or s.dtype) for s in maps))  # type: ignore[arg-type]

    def at(self, stride: int) -> Tensor:
        """The map of stride 32, 16 or 8.

        Raises:
            ValueError: this network has none.
        """
        return self._existing({32: self.s32, 16: self.s16, 8: self.s8}, stride)

    def added(self, stride: int) -> Tensor:
        """The skip's scores in the sum of stride 16 or 8.

        Raises:
            ValueError: this network has none.
        """
        return self._existing({16: self.pool4, 8: self.pool3}, stride)

    @staticmethod
    def _existing(maps: dict[int, Tensor | None], stride: int) -> Tensor:
        if (found := maps.get(stride)) is None:
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
        """Use `build`, which finds the backbone by name."""
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"stride is 32, 16 or 8, not {stride}")
        self.backbone, self.stride, self.num_classes = backbone, stride, num_classes
        self.skip_scales = skip_scales
        #: Longest side in px to which larger photos are reduced for these weights; 0: as the photo is.
        self.longest = 0
        self.crops = geometry.crops(*backbone.places, stride)
        for name, layer in backbone.layers.items():
            self.add_module(name, layer)
        self._add_score_layers()
        self._add_deconvolutions(backbone.learned if learned is None else learned)
        #: Number of parameters, learned or not, before batch norms are folded.
        self.parameter_count = sum(p.numel() for p in self.parameters())

    def _add_score_layers(self) -> None:
        channels = self.backbone.channels
        self.score_fr = _score_layer(channels[2], self.num_classes)
        for skip in geometry.skips(self.stride):
            self.add_module(skip.scorer, _score_layer(channels[skip.tap], self.num_classes))

    def _add_deconvolutions(self, learned: bool) -> None:
        for name, factor in self.upsamplers.items():
            # `learned` is about the last deconvolution; those between the skips follow the backbone
            free = learned if name == self.last else self.backbone.learned
            layer = deconvolution(self.num_classes, factor, per_class=self.backbone.per_class, learned=free)
            self.add_module(name, layer)

    @property
    def last(self) -> str:
        """Name of the last deconvolution: upscore, upscore16 or upscore8."""
        return geometry.last_deconvolution(self.stride).name

    @property
    def upsamplers(self) -> dict[str, int]:
        """Deconvolutions by name, in the order they run, with their factors."""
        return {**{skip.upsampler: 2 for skip in geometry.skips(self.stride)}, self.last: self.stride}

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.score_fr.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the trunk and the score layers."""
        return self.score_fr.weight.dtype

    def set_trunk_dtype(self, dtype: torch.dtype) -> None:
        """Run trunk and score layers in this precision; sums and deconvolutions keep theirs."""
        for name, child in self.named_children():
            if name not in self.upsamplers:
                child.to(dtype)

    def scores(self, x: Tensor) -> ScoreMaps:
        """Preprocessed image (N, 3, H, W) of any size → coarse scores. This is the only costly step.

        lite0 pads the image to a multiple of 32 at right and bottom.
        """
        multiple = self.backbone.multiple
        x = F.pad(x.to(self.dtype), (0, -x.shape[-1] % multiple, 0, -x.shape[-2] % multiple))
        pool3, pool4, top = self.backbone.run(self, x)
        top = F.dropout(top, self.backbone.dropout, self.training)
        s32 = self._full_precision(self.score_fr(top))  # (N, C, H/32, W/32)
        s16 = s8 = skip4 = skip3 = None
        if self.stride <= 16:
            up, skip4 = self._aligned(SKIPS[16], s32, pool4 * self.skip_scales[0])  # (N, C, H/16, W/16) each
            s16 = up + skip4  # upscore2(s32) + score_pool4(pool4)
        if self.stride <= 8 and s16 is not None:
            up, skip3 = self._aligned(SKIPS[8], s16, pool3 * self.skip_scales[1])  # (N, C, H/8, W/8) each
            s8 = up + skip3  # upscore_pool4(s16) + score_pool3(pool3)
        return ScoreMaps(s32, s16, s8, skip4, skip3)

    def _aligned(self, skip: Skip, coarse: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """The two terms of a sum, of one size: coarse scores upsampled by 2, and the features' scores."""
        up = self.upsample_to_skip(skip, coarse)
        finer = self._full_precision(self.get_submodule(skip.scorer)(features))
        first = max(self.crops.skips[skip.stride], 0)
        return up, finer[..., first : first + up.shape[-2], first : first + up.shape[-1]]

    def _full_precision(self, scores: Tensor) -> Tensor:
        """Scores in the deconvolutions' precision: sums and upsampling are never done in a lower one."""
        return scores.to(next(self.get_submodule(self.last).parameters()).dtype)

    def upsample_to_skip(self, skip: Skip, coarse: Tensor) -> Tensor:
        """Upsample scores by 2 to where a skip is added: (N, C, h, w) → about (N, C, 2·h, 2·w)."""
        up = self.get_submodule(skip.upsampler)(coarse)  # (N, C, 2·h + 2, 2·w + 2)
        crop = self.crops.skips[skip.stride]
        # negative: the skip starts later, so cut this map by as much on every side (positive: cut the skip)
        return up if crop >= 0 else up[..., -crop:crop, -crop:crop]

    def upsample(
        self,
        scores: ScoreMaps,
        size: tuple[int, int],
        *,
        rows: range | None = None,
        columns: range | None = None,
        only: int | None = None,
    ) -> Tensor:
        """Coarse scores → logits (N, C, H, W) by the last deconvolution, cropped onto the image.

        Args:
            scores: score maps of this network.
            size: (H, W) of the image, in pixels.
            rows: compute only these rows of the image, from the cells that reach them.
            columns: compute only these columns.
            only: compute only this class: (N, 1, H, W).
        """
        finest = scores.finest
        cells_y, pixels_y = self._window(rows, size[0], finest.shape[-2])
        cells_x, pixels_x = self._window(columns, size[1], finest.shape[-1])
        dense = self._deconvolved(finest[..., cells_y, cells_x], only)
        return dense[..., pixels_y, pixels_x]

    def _window(self, wanted: range | None, length: int, cells: int) -> tuple[slice, slice]:
        """Along one axis, the cells that reach the wanted pixels, and the pixels' place in the cells' output.

        Args:
            wanted: pixels of the image; None selects all pixels and all cells.
            length: side of the image in pixels.
            cells: number of cells.
        """
        if wanted is None:
            return slice(None), slice(self.crops.final, self.crops.final + length)
        first = self.crops.final + wanted.start  # on the canvas before the crop
        layer = geometry.last_deconvolution(self.stride)
        start, end = geometry.clip(layer.reads(first, first + len(wanted) - 1), cells)
        first -= start * self.stride
        return slice(start, end + 1), slice(first, first + len(wanted))

    def _deconvolved(self, finest: Tensor, only: int | None) -> Tensor:
        """(N, C, h, w) → (N, C or 1, (h + 1)·stride, (w + 1)·stride)."""
        layer = self.get_submodule(self.last)
        assert isinstance(layer, nn.ConvTranspose2d)
        if only is None:
            return layer(finest)
        one = slice(only, only + 1)
        if layer.groups == 1:  # full C × C kernels: every class may contribute
            return F.conv_transpose2d(finest, layer.weight[:, one], stride=layer.stride)
        return F.conv_transpose2d(finest[:, one], layer.weight[one], stride=layer.stride)

    def forward(self, x: Tensor) -> Tensor:
        """Preprocessed image (N, 3, H, W) → logits (N, C, H, W)."""
        return self.upsample(self.scores(x), (x.shape[-2], x.shape[-1]))


def _score_layer(channels: int, num_classes: int) -> nn.Conv2d:
    """A 1 × 1 convolution to class scores, initialised to zero as in the paper (section 4.1)."""
    layer = nn.Conv2d(channels, num_classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


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
        learned: whether the last deconvolution may be learned. The default depends on the backbone: lite0
            learns it; vgg16 keeps it bilinear, which is the paper's choice (section 4.3).
        skip_scales: factors on pool4 and pool3; (0.01, 0.0001) for the authors' "at once" net.
        imagenet: lite0 and lite2 only: start from ImageNet weights; not needed before a state dict is loaded.

    Raises:
        ValueError: no such backbone or stride.
    """
    trunk = backbones.build(backbone, imagenet)
    return FCN(trunk, stride, num_classes, learned=learned, skip_scales=skip_scales)
