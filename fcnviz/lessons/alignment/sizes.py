"""An FCN on paper, without a network: which image sizes work with which padding, and how crops are derived.

Rows and columns are treated alike, so everything here is about one side of n pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from functools import cache, cached_property, lru_cache

from fcnviz import backbones, geometry
from fcnviz.backbones import lite0, vgg16
from fcnviz.geometry import Crops, Layer, Place

#: The largest image side that is considered, in pixels.
MAX_SIDE = 2000

#: The largest padding that is considered, in pixels.
MAX_PAD = 100


@dataclass(frozen=True)
class Setup:
    """The settings of an FCN on paper.

    Attributes:
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8, for FCN-32s, 16s or 8s.
        pad: padding of VGG16's conv1_1 in pixels; ignored by lite0, which pads every layer itself.
        ceil: whether VGG16's pooling rounds up, as Caffe's does; lite0 has no pooling.
    """

    backbone: str = "vgg16"
    stride: int = 32
    pad: int = 100
    ceil: bool = True

    @cached_property
    def chain(self) -> list[Layer]:
        """The backbone's layers."""
        if self.backbone == "lite0":
            return lite0.chain()
        return [replace(layer, ceil=layer.ceil and self.ceil) for layer in vgg16.chain(self.pad)]

    @property
    def multiple(self) -> int:
        """The image is padded at right and bottom to a multiple of this many pixels: lite0's coarse cell."""
        return int(self.place(2).stride) if self.backbone == "lite0" else 1

    @property
    def padding(self) -> int:
        """Pixels of zeros that conv1_1 puts around the image."""
        return 0 if self.backbone == "lite0" else self.pad

    @property
    def last(self) -> str:
        """Name of the last deconvolution."""
        return geometry.last_deconvolution(self.stride).name

    def path(self, tap: int) -> list[Layer]:
        """The layers from the image to map 0 (stride 8), 1 (stride 16) or 2 (stride 32)."""
        return backbones.until(self.chain, backbones.TAPS[self.backbone][tap])

    def place(self, tap: int, *, exact: bool = False) -> Place:
        """Where map 0, 1 or 2 lies over the image.

        Args:
            tap: 0, 1 or 2.
            exact: use lite0's true centres, derived layer by layer, instead of those that its crops assume.
        """
        if self.backbone == "lite0" and not exact:
            return backbones.centred(geometry.STRIDES[::-1][tap])
        return geometry.place(self.path(tap))

    @cached_property
    def crops(self) -> Crops:
        """The offsets at which the net aligns its maps."""
        return geometry.crops(self.place(0), self.place(1), self.place(2), self.stride)


# --- which sizes work


class Verdict(IntEnum):
    """Whether a net works on an image size."""

    TOO_SMALL = 0  #: the input of some layer is too small
    UNCOVERED = 1  #: the net runs, but its upsampled canvas does not cover the whole image
    WORKS = 2


def verdict(setup: Setup, n: int) -> Verdict:
    """Whether an image side of n pixels works."""
    canvas = _canvas(replace(setup, pad=0), n + 2 * setup.padding)  # padding counts as the image does
    if not canvas:
        return Verdict.TOO_SMALL
    return Verdict.WORKS if missing(setup, n, canvas) == (0, 0) else Verdict.UNCOVERED


def missing(setup: Setup, n: int, canvas: int) -> tuple[int, int]:
    """Pixels of the image that a canvas of this size does not cover, at the start and at the end."""
    offset = _plan(setup)[1].final
    return max(0, -offset), max(0, offset + n - canvas)


@lru_cache(8192)
def _canvas(setup: Setup, n: int) -> int:
    """Size of the upsampled canvas, or 0 if a layer's input is too small (all sizes: `layout.steps`)."""
    paths, crops = _plan(setup)
    n += -n % setup.multiple
    try:
        scores = geometry.size(paths[2], n)
    except ValueError:
        return 0
    for skip in geometry.skips(setup.stride):
        if crops.skips[skip.stride] >= 0:  # the skip is cut onto the upsampled scores
            scores = geometry.deconvolution(skip.upsampler, 2).size(scores)
        else:
            scores = geometry.size(paths[skip.tap], n)
    return geometry.last_deconvolution(setup.stride).size(scores)


@lru_cache(1024)
def _plan(setup: Setup) -> tuple[list[list[Layer]], Crops]:
    return [setup.path(tap) for tap in range(3)], setup.crops


def smallest(setup: Setup, wanted: Verdict = Verdict.WORKS, start: int = 1) -> int | None:
    """The smallest image side, from `start` up to `MAX_SIDE`, for which the verdict is at least that."""
    return next((n for n in range(start, MAX_SIDE + 1) if verdict(setup, n) >= wanted), None)


@cache
def least_pad(setup: Setup) -> int | None:
    """The smallest padding up to `MAX_PAD` with which every image from 1 × 1 px on works."""
    for pad in range(MAX_PAD + 1):
        trial = replace(setup, pad=pad)
        if all(verdict(trial, n) is Verdict.WORKS for n in range(1, MAX_SIDE + 1)):
            return pad
    return None


# --- how a crop is derived


@dataclass(frozen=True)
class Move:
    """How one layer moves pixel 0 of a map.

    Attributes:
        name: name of the layer.
        by: how far the layer moves pixel 0, in input pixels.
        place: where the layer's output lies.
    """

    name: str
    by: Fraction
    place: Place


def moves(layers: Sequence[Layer]) -> list[Move]:
    """The moves of the layers that move pixel 0 or change the stride, in order."""
    found, at = [], Place()
    for layer in layers:
        new = at.after(layer)
        if (new.offset, new.stride) != (at.offset, at.stride):
            found.append(Move(layer.name, new.offset - at.offset, new))
        at = new
    return found


@dataclass(frozen=True)
class Derivation:
    """How the crop that aligns two maps is derived.

    Attributes:
        name: the map that is cropped; if the crop is negative, the other map is.
        onto: the map that it is aligned with, or "image".
        path: the layers from the image to the later map of the two.
        source, reference: the places of the two maps.
    """

    name: str
    onto: str
    path: tuple[Layer, ...]
    source: Place
    reference: Place

    @property
    def apart(self) -> Fraction:
        """Distance from pixel 0 of the map to pixel 0 of the map it is aligned with, in input pixels."""
        return self.reference.offset - self.source.offset

    @property
    def pixels(self) -> Fraction:
        """The distance in pixels of the maps; it can be cropped only if it is a whole number."""
        return self.apart / self.source.stride

    @property
    def crop(self) -> int:
        """The offset, as `geometry.crop` finds it.

        Raises:
            ValueError: the maps are apart by part of a pixel.
        """
        return geometry.crop(self.source, self.reference)


#: The crops of the three nets: the map that is cropped, and the stride of the scores that it holds.
CROPS = {skip.scorer: skip.stride for skip in geometry.SKIPS.values()} | {
    geometry.last_deconvolution(stride).name: stride for stride in geometry.STRIDES
}


def derive(setup: Setup, name: str, *, exact: bool = False) -> Derivation:
    """Derive one crop.

    Args:
        setup: backbone and padding; its stride does not matter.
        name: a key of `CROPS`.
        exact: use lite0's true centres instead of those that its crops assume.
    """
    stride = CROPS[name]
    last = geometry.last_deconvolution(stride)
    if name == last.name:
        path = (*_score_path(setup, stride, exact), last)
        return Derivation(name, "image", path, geometry.place(path), Place())
    skip = geometry.SKIPS[stride]
    path = (*_score_path(setup, 2 * stride, exact), geometry.deconvolution(skip.upsampler, 2))
    return Derivation(name, skip.upsampler, path, setup.place(skip.tap, exact=exact), geometry.place(path))


def _score_path(setup: Setup, stride: int, exact: bool) -> list[Layer]:
    """The layers from the image over score_fr to the score map of that stride, crops included."""
    path = setup.path(2)
    if setup.backbone == "lite0" and not exact:  # as if a single layer had made the cells
        cell = int(setup.place(2).stride)
        path = [Layer("score_fr", cell, cell)]
    offsets = replace(setup, stride=stride).crops.skips
    for skip in geometry.skips(stride):
        path.append(geometry.deconvolution(skip.upsampler, 2))
        if (offset := offsets[skip.stride]) < 0:
            path.append(Layer(f"{skip.upsampler}c", 1, pad=offset))
    return path
