"""Files from outside → a safe, bounded, upright RGB image or a label mask, or one clear error.

Nothing in a file is trusted: only common formats are tried, sizes are judged before pixels are decoded, and
the tables that make Pillow's own readers swell are refused first. Pixels are converted a strip at a time, so
that the largest allowed image stays well below 1 GB. Whatever goes wrong becomes an `ImageError`.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from fcnviz import voc
from fcnviz.settings import Settings, settings

#: Most pixels (width × height) an image may have, judged from its header.
MAX_PIXELS = 50_000_000
#: Most bytes a file may have, unless FCNVIZ_UPLOAD_MB says otherwise (see `max_bytes`).
MAX_BYTES = Settings.model_fields["upload_mb"].default * 2**20
#: Longest side over shortest side; beyond it there is nothing left to see after scaling.
MAX_ASPECT = 100
#: Formats that are tried, by Pillow's names. MPO, which phones write, is found by the JPEG reader.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")

_STRIP_PIXELS = 2**20  # pixels converted at a time
_MAX_EXIF = 2**16  # bytes of EXIF that are read: what one JPEG segment holds
_DAMAGED = "The image is damaged, cut short or of a rare kind: save it again as a plain JPEG or PNG."

_Transpose = Image.Transpose
_TURNS = {  # EXIF orientation → what sets the image upright
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}


def max_bytes() -> int:
    """Most bytes a file may have on this server."""
    return settings().upload_mb * 2**20


class ImageError(ValueError):
    """A file that cannot be used; the message is one sentence for the user: what is wrong and what to do."""


def open_image(source: bytes | str | os.PathLike[str]) -> Image.Image:
    """Read a photo, whatever it is, as an upright RGB image.

    Transparency is laid on white, colours with an ICC profile are converted to sRGB, deep images are scaled
    to 8 bits, and of an animation this is the first frame.

    Args:
        source: The file's bytes, or its path.

    Returns:
        Mode RGB, at most `MAX_PIXELS` pixels, upright by its EXIF orientation.

    Raises:
        ImageError: The file is missing, too big, damaged, or not in one of `FORMATS`.
    """
    with _plain_errors():
        image = _decode(_read(source), FORMATS)
        turn = _TURNS.get(_orientation(image))
        rgb = _to_rgb(image)
        del image  # and what its reader holds, before the turn needs memory of its own
        return rgb if turn is None else rgb.transpose(turn)


def open_mask(source: bytes | str | os.PathLike[str]) -> np.ndarray:
    """Read a ground-truth PNG as VOC labels.

    Grey values and palette indices are class indices. Colours are looked up in the VOC colour map, also where
    they come from a palette that is not VOC's own but whose used colours all are.

    Args:
        source: The file's bytes, or its path.

    Returns:
        (H, W) uint8, 0 to 20, and `fcnviz.voc.VOID` for pixels that do not count.

    Raises:
        ImageError: The file is no such PNG, is too big, or has a value that is no VOC class (which, where).
    """
    with _plain_errors():
        data = _read(source)
        image = _decode(data, ("PNG",))
        table, grey_step = _label_table(image, data), _grey_step(data)
        strips = []
        for box in _strips(image.size):
            codes = _codes(image.crop(box), grey_step)  # (rows, W)
            strips.append(table[codes])
            _check_labels(strips[-1], codes, box[1], image.mode in _VALUE_MODES)
        return np.concatenate(strips)  # (H, W)


def fit(image: Image.Image, longest: int) -> Image.Image:
    """Scale an image down so that its longest side is at most `longest` pixels; never up.

    Args:
        image: Any image.
        longest: Pixels, at least 1.

    Returns:
        The scaled image, aspect kept and each side at least 1, or `image` itself if it already fits.

    Raises:
        ValueError: `longest` is below 1.

    >>> fit(Image.new("RGB", (400, 300)), 100).size
    (100, 75)
    """
    if longest < 1:
        raise ValueError(f"longest must be at least 1 pixel, got {longest}")
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


# Bytes and headers


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn whatever a reader raises on bad bytes (it may be anything) into an `ImageError`."""
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(_too_many("too many")) from error
    except Exception as error:
        raise ImageError(_DAMAGED) from error


def _too_many(pixels: str) -> str:
    return f"The image has {pixels} pixels, over {MAX_PIXELS // 10**6} million: scale it down and try again."


def _read(source: bytes | str | os.PathLike[str]) -> bytes:
    data = source if isinstance(source, bytes) else _read_file(source)
    _check_bytes(len(data))
    if not data:
        raise ImageError("The file is empty: choose another image.")
    return data


def _check_bytes(size: int) -> None:
    if size > max_bytes():
        raise ImageError(f"The file is over {max_bytes() // 2**20} MB: scale the image down and try again.")


def _read_file(path: str | os.PathLike[str]) -> bytes:
    try:
        info = Path(path).stat()
        if not stat.S_ISREG(info.st_mode):
            raise ImageError("The path is a folder or a device: give the path of an image file.")
        _check_bytes(info.st_size)
        with Path(path).open("rb") as file:
            return file.read(max_bytes() + 1)
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path that no file system can hold
        raise ImageError("The file is missing or cannot be read: check its path and permissions.") from error


def _decode(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Check everything that can be checked without decoding, then decode the first frame."""
    _check_repeats(data)
    if data[:2] in (b"II", b"MM"):
        _check_tiff(data)
    try:
        image = Image.open(BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        names = ", ".join(formats)
        raise ImageError(f"The file is not a readable image: save it as {names} and try again.") from error
    _check_size(*image.size)
    image.load()
    return image


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(_too_many(f"{width} × {height}"))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"The image is {width} × {height}, too thin to be a picture: crop it and try again.")


# By a file's first bytes: what it may repeat, and how often. Pillow makes JPEG segments, PNG texts and pieces
# of GIF comments objects of their own, and unpacks all EXIF; libjpeg passes over the whole image once a scan.
_REPEATS = {
    b"\xff\xd8": (
        (re.compile(rb"\xff[\xc0-\xcf\xdb-\xfe]"), 100_000),  # segments; compressed pixels hold none of these
        (re.compile(rb"\xff\xe1..Exif\0\0", re.DOTALL), 50),
        (re.compile(rb"\xff\xda\0[\x06\x08\x0a\x0c][\x01-\x04]"), 500),  # scans
    ),
    b"\x89P": ((re.compile(rb"[iz]TXt|tEXt"), 10_000),),
    b"GI": (
        (re.compile(rb"!\xfe"), 10_000),  # comments
        (re.compile(rb"(?:\x01.|\x02..|\x03...){16}", re.DOTALL), 10_000),  # in pieces of 1 to 3 bytes
    ),
}


def _check_repeats(data: bytes) -> None:
    for pattern, limit in _REPEATS.get(data[:2], ()):
        if next(islice(pattern.finditer(data), limit, None), None):
            raise ImageError(_DAMAGED)


# TIFF tags and types, and the most numbers that all tags may hold: Pillow unpacks them into Python objects.
_TILE_SIDES = (322, 323)
_TABLE_POINTERS = (34665, 34853, 40965)
_BYTE_TYPES, _SHORT, _LONG = (1, 2, 7), 3, 4
_MAX_TAG_NUMBERS, _MAX_TABLES = 2**18, 10


def _check_tiff(data: bytes) -> None:
    """Refuse a TIFF whose tag tables or tiles would swell in memory."""
    if 43 in data[2:4]:
        raise ImageError("The file is a BigTIFF, which is not read here: save it as an ordinary TIFF or PNG.")
    order = "<" if data[:2] == b"II" else ">"
    tables, numbers, tile = list(struct.unpack_from(order + "I", data, 4)), 0, dict.fromkeys(_TILE_SIDES, 1)
    for table in tables:  # grows by the tables that it points to
        for tag, kind, count, value in _tiff_entries(data, order, table):
            numbers += count if kind not in _BYTE_TYPES and count <= len(data) else 1
            if tag in _TABLE_POINTERS and value not in tables:
                tables.append(value)
            if tag in _TILE_SIDES:
                plain = kind in (_SHORT, _LONG) and count == 1
                tile[tag] = max(tile[tag], value if plain else MAX_PIXELS + 1)
            if numbers > _MAX_TAG_NUMBERS or len(tables) > _MAX_TABLES or tile[322] * tile[323] > MAX_PIXELS:
                raise ImageError(_DAMAGED)


def _tiff_entries(data: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """One table's entries: tag, type, count, and value or offset. A table that is cut short ends there."""
    try:
        (entries,) = struct.unpack_from(order + "H", data, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", data, at)
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, at + 8)
            yield tag, kind, count, value
    except struct.error:
        return


# Photos


def _orientation(image: Image.Image) -> int:
    """EXIF orientation of a decoded image, 1 (upright) if it has none that makes sense.

    Pillow's TIFF reader has turned the image by then, and dropped the orientation.
    """
    for key in ("exif", "Raw profile type exif"):
        if key in image.info:
            image.info[key] = image.info[key][:_MAX_EXIF]
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF raises almost anything, and is no reason to refuse the photo
        return 1


def _strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes over the full width that cover an image from top to bottom."""
    width, height = size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _to_rgb(image: Image.Image) -> Image.Image:
    levels = _levels(image)
    to_srgb = _profile_transform(image, _flat(image.crop((0, 0, 1, 1)), levels).mode)
    rgb = Image.new("RGB", image.size)
    for box in _strips(image.size):
        strip = _flat(image.crop(box), levels)
        rgb.paste(to_srgb.apply(strip) if to_srgb else strip.convert("RGB"), box)
    return rgb


def _flat(strip: Image.Image, levels: tuple[float, float] | None) -> Image.Image:
    """8 bits a channel and opaque: mode L, CMYK or RGB."""
    if levels:
        return _to_8_bits(strip, levels)
    if strip.has_transparency_data:
        strip = strip.convert("LA") if strip.mode == "La" else strip  # Pillow knows no La → RGBA
        white = Image.new("RGBA", strip.size, "white")
        return Image.alpha_composite(white, strip.convert("RGBA")).convert("RGB")
    return strip if strip.mode in ("L", "CMYK", "RGB") else strip.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float] | None:
    """The values that become black and white, for modes of more than 8 bits.

    Integers and floats are taken at their usual scales (0 to 1 for floats only, 255, 65535); other ranges are
    stretched to what the image has.
    """
    if image.mode.startswith("I;16"):
        return 0, 65535
    if image.mode not in ("I", "F"):
        return None
    low, high = _finite_range(image)
    whites = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    return next(((0, white) for white in whites if low >= 0 and high <= white), (low, high))


def _finite_range(image: Image.Image) -> tuple[float, float]:
    low, high = np.inf, -np.inf  # no finite value at all passes for the scale 0 to 1
    for box in _strips(image.size):
        values = np.asarray(image.crop(box), np.float64)
        finite = values[np.isfinite(values)]
        low, high = finite.min(initial=low), finite.max(initial=high)
    return float(low), float(high)


def _to_8_bits(strip: Image.Image, levels: tuple[float, float]) -> Image.Image:
    low, high = levels
    values = (np.asarray(strip, np.float64) - low) * (255 / ((high - low) or 1))
    values = np.nan_to_num(values, nan=0, posinf=255, neginf=0)
    return Image.fromarray(values.round().astype(np.uint8))


def _profile_transform(image: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the image's ICC profile to sRGB, or None if it has none that is valid for `mode`."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    try:
        return ImageCms.buildTransform(BytesIO(profile), ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # a damaged profile raises more than PyCMSError, and is no reason to refuse the photo
        return None


# Masks. A pixel's code is its value, or its colour as one number, 0xRRGGBB; a table turns codes into labels.

_BAD = 254  # label of a code that is no VOC class
_LABELS = np.array([*range(len(voc.CLASSES)), voc.VOID], np.uint8)
_VALUE_MODES, _COLOUR_MODES = ("1", "L", "I;16", "P"), ("RGB", "RGBA")


def _label_table(image: Image.Image, data: bytes) -> np.ndarray:
    """(codes,) uint8: the label of every code that this image's pixels may have, `_BAD` for most."""
    grey_alpha = data[25] == 4  # by the header, for Pillow reads 16 bits of it as RGBA and drops the index
    if grey_alpha or image.mode not in _VALUE_MODES + _COLOUR_MODES:
        raise ImageError("The mask has grey with alpha: save it as a palette, grey or RGB PNG and try again.")
    by_index = _table(_LABELS, 2**16)
    by_colour = _table(_pack(voc.palette()[_LABELS]), 2**24)
    if image.mode == "P":
        return _palette_table(image, by_index, by_colour)
    return by_index if image.mode in _VALUE_MODES else by_colour


def _table(codes: np.ndarray, size: int) -> np.ndarray:
    table = np.full(size, _BAD, np.uint8)
    table[codes] = _LABELS
    return table


def _palette_table(image: Image.Image, by_index: np.ndarray, by_colour: np.ndarray) -> np.ndarray:
    """By colour if all used colours are VOC's (for VOC's own palette that is the index), else by index."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)[:256]
    colours[: len(given)] = given
    used = np.flatnonzero(image.histogram())
    labels = by_colour[_pack(colours)]
    return by_index if (labels[used] == _BAD).any() else labels


def _pack(colours: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 → (...) uint32, 0xRRGGBB."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), -1, 0)
    return red << 16 | green << 8 | blue


def _grey_step(data: bytes) -> int:
    """Pillow stretches grey of 1, 2 or 4 bits to 0…255; this undoes it."""
    return {1: 255, 2: 85, 4: 17}.get(data[24], 1)  # bit depth, at its fixed place in a PNG


def _codes(strip: Image.Image, grey_step: int) -> np.ndarray:
    if strip.mode in ("1", "L"):
        return np.asarray(strip.convert("L")) // grey_step
    if strip.mode in _VALUE_MODES:
        return np.asarray(strip)
    return _pack(np.asarray(strip.convert("RGB")))


def _check_labels(labels: np.ndarray, codes: np.ndarray, top: int, by_value: bool) -> None:
    """Name the first pixel, in reading order, that is no VOC class."""
    bad = labels == _BAD
    if not bad.any():
        return
    y, x = np.unravel_index(bad.argmax(), bad.shape)
    code = int(codes[y, x])
    what = f"value {code}" if by_value else f"colour {(code >> 16, code >> 8 & 255, code & 255)}"
    raise ImageError(
        f"The mask has the {what} at x={int(x)}, y={int(y) + top}, which is no VOC class: "
        f"use the indices 0 to {len(voc.CLASSES) - 1}, {voc.VOID} for void, or the VOC colours."
    )
