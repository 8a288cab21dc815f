"""An FCN on paper: which image sizes work with which padding, and how each crop is derived. No network.

The rows and columns of an image are alike, so everything here is about one side of n pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from functools import cache, cached_property, lru_cache

from fcnviz import backbones, geometry
from fcnviz.geometry import Crops, Layer, Place

#: Largest image side and largest padding that are considered, in pixels.
MAX_SIDE, MAX_PAD = 2000, 100


@dataclass(frozen=True)
class Setup:
    """An FCN on paper.

    Attributes:
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8, of FCN-32s, 16s or 8s.
        pad: padding of VGG16's conv1_1 in pixels; lite0 pads itself and ignores it.
        ceil: VGG16's pooling rounds up, as Caffe's does; lite0 has no pooling.
    """

    backbone: str = "vgg16"
    stride: int = 32
    pad: int = 100
    ceil: bool = True

    @cached_property
    def chain(self) -> list[Layer]:
        """The backbone's layers."""
        if self.backbone == "lite0":
            return backbones.lite0_chain()
        return [replace(c, ceil=c.ceil and self.ceil) for c in backbones.vgg16_chain(self.pad)]

    @property
    def multiple(self) -> int:
        """The image is padded at right and bottom to a multiple of this (lite0: whole coarse cells)."""
        return int(self.place(2).stride) if self.backbone == "lite0" else 1

    @property
    def padding(self) -> int:
        """Pixels of zeros that the first layer puts around the image on purpose."""
        return 0 if self.backbone == "lite0" else self.pad

    @property
    def last(self) -> str:
        """Name of the last deconvolution."""
        return "upscore" if self.stride == 32 else f"upscore{self.stride}"

    def path(self, tap: int) -> list[Layer]:
        """The layers from the image to map 0 (stride 8), 1 (stride 16) or 2 (stride 32)."""
        return backbones.until(self.chain, backbones.TAPS[self.backbone][tap])

    def place(self, tap: int, *, exact: bool = False) -> Place:
        """Where one of those maps lies.

        Args:
            tap: 0, 1 or 2.
            exact: lite0's true centres, walked layer by layer, instead of those its crops assume.
        """
        if self.backbone == "lite0" and not exact:
            return backbones.centred((8, 16, 32)[tap])
        return geometry.place(self.path(tap))

    @cached_property
    def crops(self) -> Crops:
        """The offsets at which the net aligns its maps."""
        return geometry.crops(self.place(0), self.place(1), self.place(2), self.stride)


# --- which sizes work


class Verdict(IntEnum):
    """What a net makes of an image size."""

    TOO_SMALL = 0  #: some layer has nothing left to work on
    UNCOVERED = 1  #: it runs, but its upsampled canvas does not reach over the whole image
    WORKS = 2


def verdict(setup: Setup, n: int) -> Verdict:
    """Whether an image side of n pixels works."""
    canvas = _canvas(replace(setup, pad=0), n + 2 * setup.padding)  # padding counts as the image does
    if not canvas:
        return Verdict.TOO_SMALL
    return Verdict.WORKS if missing(setup, n, canvas) == (0, 0) else Verdict.UNCOVERED


def missing(setup: Setup, n: int, canvas: int) -> tuple[int, int]:
    """Pixels of the image before the first and after the last one that a canvas of that size covers."""
    offset = _plan(setup)[1].final
    return max(0, -offset), max(0, offset + n - canvas)


@lru_cache(8192)
def _canvas(setup: Setup, n: int) -> int:
    """Size of the upsampled canvas, 0 if there is none (`layout.steps` has every size on the way)."""
    (pool3, pool4, top), crops = _plan(setup)
    n += -n % setup.multiple
    try:
        fused = geometry.size(top, n)
    except ValueError:
        return 0
    for stride, path, offset in ((16, pool4, crops.pool4), (8, pool3, crops.pool3)):
        if stride >= setup.stride:
            starts_later = (offset or 0) >= 0
            fused = geometry.deconvolution("up", 2).size(fused) if starts_later else geometry.size(path, n)
    return geometry.deconvolution(setup.last, setup.stride).size(fused)


@lru_cache(1024)
def _plan(setup: Setup) -> tuple[list[list[Layer]], Crops]:
    return [setup.path(tap) for tap in range(3)], setup.crops


def smallest(setup: Setup, wanted: Verdict = Verdict.WORKS, start: int = 1) -> int | None:
    """The smallest image side, from `start` up to `MAX_SIDE`, for which the verdict is at least that."""
    return next((n for n in range(start, MAX_SIDE + 1) if verdict(setup, n) >= wanted), None)


@cache
def least_pad(setup: Setup) -> int | None:
    """The least padding, up to `MAX_PAD`, with which every image from 1 × 1 px on works."""
    for pad in range(MAX_PAD + 1):
        trial = replace(setup, pad=pad)
        if all(verdict(trial, n) is Verdict.WORKS for n in range(1, MAX_SIDE + 1)):
            return pad
    return None


# --- how a crop is derived


@dataclass(frozen=True)
class Move:
    """One layer's part in where pixel 0 of a map lies, in input pixels.

    Attributes:
        name: of the layer.
        by: how far it moves pixel 0.
        place: of its output.
    """

    name: str
    by: Fraction
    place: Place


def moves(layers: Sequence[Layer]) -> list[Move]:
    """The layers that move pixel 0 or change the stride, in their order."""
    found, at = [], Place()
    for layer in layers:
        new = at.after(layer)
        if (new.offset, new.stride) != (at.offset, at.stride):
            found.append(Move(layer.name, new.offset - at.offset, new))
        at = new
    return found


@dataclass(frozen=True)
class Derivation:
    """Why two maps are cut onto one another where they are.

    Attributes:
        name: the map that is cut (if the crop is negative: the other one is).
        onto: the map that it must lie over, or "image".
        path: the layers from the image to the later of the two.
        source, reference: their places.
    """

    name: str
    onto: str
    path: tuple[Layer, ...]
    source: Place
    reference: Place

    @property
    def apart(self) -> Fraction:
        """From pixel 0 of the map to pixel 0 of what it is cut onto, in input pixels."""
        return self.reference.offset - self.source.offset

    @property
    def pixels(self) -> Fraction:
        """The same in pixels of the maps; only a whole number can be cropped."""
        return self.apart / self.source.stride

    @property
    def crop(self) -> int:
        """The offset, as `geometry.crop` finds it.

        Raises:
            ValueError: the maps are apart by part of a pixel.
        """
        return geometry.crop(self.source, self.reference)


#: The crops of the three nets: the map that is cut, and the stride of the net that a final crop belongs to.
CROPS = {"score_pool4": 16, "score_pool3": 8, "upscore": 32, "upscore16": 16, "upscore8": 8}


def derive(setup: Setup, name: str, *, exact: bool = False) -> Derivation:
    """How one crop comes about; `setup.stride` does not matter.

    Args:
        setup: backbone and padding.
        name: a key of `CROPS`.
        exact: from lite0's true centres instead of those its crops assume.
    """
    stride = CROPS[name]
    if name.startswith("upscore"):
        path = (*_score_path(setup, stride, exact), geometry.deconvolution(name, stride))
        return Derivation(name, "image", path, geometry.place(path), Place())
    up, tap = ("upscore2", 1) if stride == 16 else ("upscore_pool4", 0)
    path = (*_score_path(setup, 2 * stride, exact), geometry.deconvolution(up, 2))
    return Derivation(name, up, path, setup.place(tap, exact=exact), geometry.place(path))


def _score_path(setup: Setup, stride: int, exact: bool) -> list[Layer]:
    """The way to the score map of that stride that runs over score_fr, cuts included."""
    whole = setup.path(2)
    if setup.backbone == "lite0" and not exact:  # as if one layer had made its cells
        whole = [Layer("score_fr", int(setup.place(2).stride), int(setup.place(2).stride))]
    offsets = replace(setup, stride=8).crops
    for step, offset in ((16, offsets.pool4), (8, offsets.pool3)):
        if stride <= step:
            up = "upscore2" if step == 16 else "upscore_pool4"
            whole = [*whole, geometry.deconvolution(up, 2)]
            if (offset or 0) < 0:
                whole.append(Layer(f"{up}c", 1, pad=offset or 0))
    return whole
