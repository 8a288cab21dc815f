"""From a ground-truth PNG to VOC labels: what its values mean, and which of them cannot be meant.

A pixel's code is its value, its palette index, or its colour as one number 0xRRGGBB. The codes that occur in
a mask decide together how all of them are read:

- black and white only: a binary mask, of which somebody must say what class white is;
- grey values: class indices;
- colours of the VOC colour map (in RGB, or in a palette of any order): its classes;
- another palette: its indices; RGB that is all grey: its values.

What has no class is refused, with the likely cause. What can be read in two ways is read in the usual one,
with a note that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fcnviz.photos import voc
from fcnviz.photos.decode import (
    MAX_BYTES,
    UNREAD,
    ImageError,
    Source,
    decode,
    kind,
    plain_errors,
    read_bytes,
    strips,
)  # fmt: skip

_BAD = 254  # label of a code that is no VOC class
_LABELS = np.array([*range(len(voc.CLASSES)), voc.VOID], np.uint8)
_VALUE_MODES, _COLOUR_MODES = ("1", "L", "I;16", "P"), ("RGB", "RGBA")
_WHITE = 0xFFFFFF
_NAMES = {**dict(enumerate(voc.CLASSES)), voc.VOID: "ignored"}

Labels = np.ndarray
Notes = tuple[str, ...]


class BinaryMaskError(ImageError):
    """A mask of black and white only, of which nobody has said what class white is."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask, read.

    Attributes:
        labels: (H, W) uint8, classes 0 to 20, or `voc.VOID` for ignored pixels.
        notes: full sentences for the user on what the reader had to decide.
    """

    labels: np.ndarray
    notes: Notes = ()


def open_mask(source: Source, *, max_bytes: int = MAX_BYTES, white: int | None = None) -> np.ndarray:
    """Read a ground-truth PNG as VOC labels: the labels of `read_mask`, without its notes."""
    return read_mask(source, max_bytes=max_bytes, white=white).labels


def read_mask(source: Source, *, max_bytes: int = MAX_BYTES, white: int | None = None) -> Mask:
    """Read a ground-truth PNG as VOC labels.

    Args:
        source: the file's bytes, its path, or a binary file object, which is read from where it stands.
        max_bytes: largest file that is read.
        white: class (0 to 20, or `voc.VOID`) of the white pixels of a black-and-white mask, whose black is
            background; other masks are read without it.

    Raises:
        BinaryMaskError: the mask is black and white, and `white` is None.
        ImageError: the file is no such PNG, is too big, or has a value that is no VOC class.
        TypeError: `source` is something else.
        ValueError: `white` is no class.
    """
    if white is not None and white not in _NAMES:
        raise ValueError(f"white must be a class, 0 to {len(voc.CLASSES) - 1}, or {voc.VOID}, not {white}")
    data = read_bytes(source, max_bytes)
    with plain_errors():
        stored = _stored(data)
        used = stored.used()
        found, notes = _meaning(stored, used, white)
        if (found == _BAD).any():
            raise ImageError(_no_class(stored, used[found == _BAD], len(used)))
        table = np.zeros(stored.size, np.uint8)
        table[used] = found
        labels = np.concatenate([table[codes] for codes in stored.codes()])
        return Mask(labels, notes + _shifted(labels))


# --- what is stored


@dataclass(frozen=True, eq=False)
class _Stored:
    """The pixels of a decoded PNG.

    Attributes:
        image: in one of the modes above.
        depth: bits per value in the file.
    """

    image: Image.Image
    depth: int

    @property
    def by_value(self) -> bool:
        """Whether codes are values or palette indices, not colours."""
        return self.image.mode in _VALUE_MODES

    @property
    def size(self) -> int:
        """Number of possible codes."""
        return 2**16 if self.by_value else 2**24

    @property
    def stretch(self) -> int:
        """The factor by which Pillow has stretched grey of 1, 2 or 4 bits to 0…255."""
        return 255 // (2**self.depth - 1) if self.depth < 8 and self.image.mode != "P" else 1

    def codes(self) -> Iterator[np.ndarray]:
        """Yield the codes, (rows, W) integers, strip by strip."""
        for box in strips(self.image.size):
            strip = self.image.crop(box)
            if not self.by_value:
                yield _pack(np.asarray(strip.convert("RGB")))
            elif self.image.mode in ("1", "L") and self.depth < 8:
                yield np.asarray(strip.convert("L")) // self.stretch
            else:
                yield np.asarray(strip)

    def used(self) -> np.ndarray:
        """List the codes that occur, ascending."""
        if self.image.mode in ("1", "L", "P"):
            return np.flatnonzero(self.image.histogram()) // self.stretch
        seen = np.zeros(self.size, bool)
        for codes in self.codes():
            seen[codes] = True
        return np.flatnonzero(seen)


#: What to do with files that are no PNG, by their kind; any of them may be called .png.
_NO_PNG = {
    "JPEG": "The mask is a JPEG, which blurs its colours: export it as a PNG from the tool that drew it.",
    "WEBP": "The mask is a WebP, which may blur its colours: export it as a PNG from the tool that drew it.",
    **UNREAD,
}


def _stored(data: bytes) -> _Stored:
    there = kind(data)
    if there not in ("PNG", ""):
        raise ImageError(_NO_PNG.get(there, f"The mask is a {there}, and masks are PNGs: save it as PNG."))
    image = decode(data, ("PNG",))
    depth, colour = data[24:26]  # from the header: Pillow reads 16-bit grey with alpha as RGBA of 8
    if colour == 4 or image.mode not in _VALUE_MODES + _COLOUR_MODES:
        raise ImageError("The mask has grey with alpha: save it as a palette, grey or RGB PNG and try again.")
    if depth == 16 and image.mode in _COLOUR_MODES:  # of which Pillow keeps the upper 8
        raise ImageError("The mask has 16 bits per colour: save it with 8, or as class indices.")
    return _Stored(image, depth)


def _pack(colours: np.ndarray) -> np.ndarray:
    """Pack (..., 3) uint8 into (...) uint32, 0xRRGGBB."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), -1, 0)
    return red << 16 | green << 8 | blue


def _unpack(codes: np.ndarray) -> np.ndarray:
    """Split (...) integers 0xRRGGBB into (..., 3)."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1)


def _swap(codes: np.ndarray) -> np.ndarray:
    """Swap red and blue."""
    return _pack(_unpack(codes)[:, ::-1])


_COLOURS = _pack(voc.palette()[_LABELS])


# --- what it means: for each code that occurs its label, and notes


def _meaning(stored: _Stored, used: np.ndarray, white: int | None) -> tuple[Labels, Notes]:
    if stored.image.mode == "P":
        return _by_palette(used, _palette(stored.image)[used], white)
    return _by_value(used, stored.depth, white) if stored.by_value else _by_colour(used, white)


def _labels(known: np.ndarray, codes: np.ndarray) -> Labels:
    """Look codes up; `known` holds the codes of `_LABELS`."""
    labels = np.full(len(codes), _BAD, np.uint8)
    for code, label in zip(known, _LABELS, strict=True):  # little memory: a photo has millions of codes
        labels[codes == code] = label
    return labels


def _by_value(used: np.ndarray, depth: int, white: int | None) -> tuple[Labels, Notes]:
    if used[-1] in (255, 2**depth - 1) and _is_binary(used):
        return _binary(used > 0, white)
    if used[-1] == 1:
        told = "The mask's only values are 0 and 1, so 1 was read as aeroplane: store the index of the class."
        return used.astype(np.uint8), (told,)
    return _labels(_LABELS, used), ()


def _by_colour(used: np.ndarray, white: int | None) -> tuple[Labels, Notes]:
    if used[-1] == _WHITE and _is_binary(used):
        return _binary(used > 0, white)
    labels = _labels(_COLOURS, used)
    if len(used) > 256:  # no mask of classes
        return labels, ()
    swapped = _labels(_COLOURS, _swap(used))
    if (labels != _BAD).all():
        return labels, _two_ways(labels, swapped)
    if (used == (used & 255) * 0x010101).all():
        return _by_value(used & 255, 8, white)
    if (swapped != _BAD).all():  # refused, as boats would be aeroplanes in the other masks of this hand
        raise ImageError(
            "The mask's colours are VOC's with red and blue swapped, which OpenCV does to RGB: "
            "swap them, as in cv2.imwrite(name, mask[:, :, ::-1])."
        )
    return labels, ()


def _by_palette(used: np.ndarray, colours: np.ndarray, white: int | None) -> tuple[Labels, Notes]:
    """Read by colour if the colours that occur are VOC's and all different, else by index."""
    different = np.unique(colours)
    if different[-1] == _WHITE and _is_binary(different):
        return _binary(colours > 0, white)
    labels = _labels(_COLOURS, colours)
    if (labels == used).all():
        return labels, ()
    if (labels != _BAD).all() and len(different) == len(used):
        return labels, _two_ways(labels, _labels(_COLOURS, _swap(colours)))
    read = [f"{index} = {_NAMES.get(index)}" for index in used.tolist()]
    more = f" and {len(read) - 6} more" if len(read) > 6 else ""
    told = f"The palette's colours are not VOC's, so indices were read: {', '.join(read[:6])}{more}."
    return _labels(_LABELS, used), (told,)


def _palette(image: Image.Image) -> np.ndarray:
    """Return the palette's colours as codes, (256,)."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)[:256]
    colours[: len(given)] = given
    return _pack(colours)


def _is_binary(codes: np.ndarray) -> bool:
    """Tell whether there is only one code but black; `codes` are different and ascend."""
    return len(codes) == 1 or (len(codes) == 2 and codes[0] == 0)


def _binary(is_white: np.ndarray, white: int | None) -> tuple[Labels, Notes]:
    if white is None:
        raise BinaryMaskError(
            "The mask is black and white only (a binary mask): choose the class of its white pixels."
        )
    return np.where(is_white, white, 0).astype(np.uint8), ()


def _two_ways(labels: Labels, swapped: Labels) -> Notes:
    """Say which classes other ones would be with red and blue swapped, if all colours would be VOC's then."""
    if (swapped == _BAD).any() or (labels == swapped).all():
        return ()
    pairs = zip(labels.tolist(), swapped.tolist(), strict=True)
    read = ", ".join(f"{_NAMES[one]}, not {_NAMES[other]}" for one, other in pairs if one != other)
    return (f"Its colours do not tell whether red and blue are swapped (OpenCV's BGR): read as {read}.",)


def _shifted(labels: np.ndarray) -> Notes:
    """Say that 1 seems to be the background, if there is almost no 0."""
    counts = Image.fromarray(labels).histogram()[: len(voc.CLASSES)]
    if counts[1] == 0 or counts[1] < max(counts) or 200 * counts[0] >= sum(counts):
        return ()
    return (
        "The mask has almost no background (0) and mostly aeroplane (1): "
        "if 1 is its background, subtract 1 from each value.",
    )


# --- what has no class


def _no_class(stored: _Stored, bad: np.ndarray, count: int) -> str:
    """Say why a mask is refused, if the cause can be told, else name its first pixel that is no class."""
    if count > len(_LABELS) + 1 and _is_blurred(stored.image):
        what = "values" if stored.by_value else "colours"
        return (
            f"The mask has {count:,} {what}, most of them close to black, white or VOC's colours, as after a "
            "JPEG or a smooth resize: export it again as a PNG."
        )
    code, x, y = _first(stored, bad)
    what = f"value {code}" if stored.by_value else f"colour {tuple(_unpack(np.array(code)).tolist())}"
    advice = f"use the indices 0 to {len(voc.CLASSES) - 1}, {voc.VOID} for void, or the VOC colours"
    if stored.by_value and bad.tolist() == [len(voc.CLASSES)]:
        advice = "if its labels are shifted by one (1 is background), subtract 1 from each value"
    return f"The mask has the {what} at x={x}, y={y}, which is no VOC class: {advice}."


def _first(stored: _Stored, bad: np.ndarray) -> tuple[int, int, int]:
    """Return the first code, in reading order, that is one of `bad`, with its x and y."""
    top = 0
    is_bad = np.zeros(stored.size, bool)
    is_bad[bad] = True
    for codes in stored.codes():
        hits = is_bad[codes]
        if hits.any():
            y, x = np.unravel_index(hits.argmax(), hits.shape)
            return int(codes[y, x]), int(x), int(y) + top
        top += len(codes)
    raise AssertionError("a code that occurs is somewhere")


def _is_blurred(image: Image.Image) -> bool:
    """Tell whether nearly all pixels of a sample are close to black, white or a VOC colour."""
    if image.mode == "I;16":
        return False
    pixels = np.asarray(image.resize((128, 128), Image.Resampling.NEAREST).convert("RGB"), np.int16)
    known = np.append(_unpack(_COLOURS), [[255, 255, 255]], 0).astype(np.int16)
    away = np.abs(pixels.reshape(-1, 1, 3) - known).max(-1).min(-1)
    return bool((away <= 24).mean() >= 0.9)
