"""From a file to a decoded image: its bytes, their kind, and what is refused before pixels are decoded.

Only common formats are tried, sizes are checked before pixels are decoded, and metadata that would take
Pillow's readers much memory is refused first. Any problem with a file becomes an `ImageError`.
"""

import logging
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

log = logging.getLogger(__name__)

#: Largest image in megapixels, as cameras are sold, and in pixels (width × height), checked in its header:
#: cameras of "50 megapixels" make 8192 × 6144, 8688 × 5792 or 8272 × 6200.
MEGAPIXELS, MAX_PIXELS = 50, 52_000_000
#: Largest file, unless the caller gives another limit.
MAX_BYTES = 20 * 2**20
#: Largest ratio of the sides; a thinner image shows nothing after scaling.
MAX_ASPECT = 100

#: Endings of photos that are read; of photos that are not read here, though many people have them.
ENDINGS = (".jpg", ".jpeg", ".webp", ".png", ".bmp", ".tif", ".tiff", ".gif")
UNREAD_ENDINGS = (".heic", ".heif", ".avif")

#: What an image is read from: a file's bytes, its path, or a binary file object.
Source = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO

DAMAGED = "The image is damaged, cut short or of a rare kind: save it again as a plain JPEG or PNG."
_STRIP_PIXELS = 2**20  # pixels converted at a time


class ImageError(ValueError):
    """An image that cannot be used; the message tells the user what is wrong and what to do."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the exceptions of readers, which can be of any type, into an `ImageError`."""
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(_too_many("too many")) from error
    except Exception as error:
        log.warning("an image cannot be read", exc_info=True)
        raise ImageError(DAMAGED) from error


def _too_many(pixels: str) -> str:
    return f"The image has {pixels} pixels, over {MEGAPIXELS} megapixels: scale it down and try again."


# Bytes


def read_bytes(source: Source, max_bytes: int) -> bytes:
    """Read a whole file; an open one from its current position.

    Raises:
        ImageError: it is missing, empty or larger than `max_bytes`.
        TypeError: `source` is nothing that a file can be read from.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        check_bytes(memoryview(source).nbytes, max_bytes)
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        with _readable():
            data = _read_path(source, max_bytes)
    elif hasattr(source, "read"):
        with _readable():
            data = _read_file(source, max_bytes)
    else:
        raise TypeError(_no_source(source))
    if not data:
        raise ImageError("The file is empty: choose another image.")
    return data


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a closed file, or a path that no system can hold
        raise ImageError("The file is missing or cannot be read: check its path and permissions.") from error


def _no_source(source: object) -> str:
    hint = ""
    if isinstance(source, Image.Image):
        hint = ", which is read already: use it as it is"
    elif hasattr(source, "__array__"):
        hint = ", which is no file: PIL.Image.fromarray makes an image of it"
    name = f"{type(source).__module__}.{type(source).__qualname__}"
    return f"An image is read from a file's bytes, its path or a binary file object, not from {name}{hint}."


def check_bytes(size: int, max_bytes: int) -> None:
    """Raise an `ImageError` if a file is larger than `max_bytes`."""
    if size > max_bytes:
        raise ImageError(f"The file is over {max_bytes // 2**20} MB: scale the image down and try again.")


def _read_path(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    info = Path(path).stat()
    if not stat.S_ISREG(info.st_mode):
        raise ImageError("The path is a folder or a device: give the path of an image file.")
    check_bytes(info.st_size, max_bytes)
    with Path(path).open("rb") as file:
        return _read_file(file, max_bytes)


def _read_file(file: BinaryIO, max_bytes: int) -> bytes:
    """Read up to the end; `read` may return less than it is asked for."""
    data = bytearray()
    while len(data) <= max_bytes and (part := file.read(max_bytes + 1 - len(data))):
        if isinstance(part, str):
            raise TypeError('The file is open as text: open it with mode "rb".')
        data += part
    check_bytes(len(data), max_bytes)
    return bytes(data)


# Kinds of files, by their first bytes

_KINDS = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("BMP", re.compile(rb"BM")),
    ("NumPy array", re.compile(rb"\x93NUMPY")),
    ("AVIF", re.compile(rb"....ftyp(?:....)*?(?:avif|avis)", re.DOTALL)),
    ("HEIC", re.compile(rb"....ftyp(?:....)*?(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
)
_HEADS = 64  # bytes in which a HEIC or AVIF names its kind

#: What to do with the kinds that are not read here.
UNREAD = {
    "HEIC": "This is HEIC, an iPhone's format, which is not read here: export it as JPEG and try again.",
    "AVIF": "This is AVIF, which is not read here: save it as JPEG or PNG and try again.",
}


def kind(head: bytes) -> str:
    """Tell a file's kind by its first 64 bytes, whatever its name says; "" for any other kind.

    >>> kind(b"GIF89a"), kind(b"....ftypheic"), kind(b"hello")
    ('GIF', 'HEIC', '')
    """
    return next((name for name, first in _KINDS if first.match(head[:_HEADS])), "")


# Decoding


def decode(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Check all that can be checked without decoding, then decode the first frame.

    Args:
        data: the file.
        formats: the formats that are tried, by Pillow's names.

    Raises:
        ImageError: it is none of them, too big, or would take much memory; other errors are Pillow's.
    """
    if why := UNREAD.get(kind(data)):
        raise ImageError(why)
    image = opened(data, formats)
    image.load()
    return image


def opened(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Open an image like `decode`, but leave its pixels packed."""
    _check_repeats(data)
    if data[:2] in (b"II", b"MM"):
        _check_tiff(data)
    try:
        image = Image.open(BytesIO(data), formats=formats)
    except UnidentifiedImageError as error:
        names = ", ".join(formats)
        raise ImageError(f"The file is not a readable image: save it as {names} and try again.") from error
    _check_size(*image.size)
    return image


def strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes of full width that cover an image from top to bottom, so that not all is converted at once.

    >>> list(strips((2**19, 5)))
    [(0, 0, 524288, 2), (0, 2, 524288, 4), (0, 4, 524288, 5)]
    """
    width, height = size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(_too_many(f"{width} × {height}"))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"The image is {width} × {height}, too thin to be a picture: crop it and try again.")


# How often a file may repeat a pattern, by the file's first bytes. Pillow makes a Python object of each JPEG
# segment, PNG text and piece of a GIF comment, and unpacks all EXIF; libjpeg decodes the whole image once per
# scan.
_REPEATS = {
    b"\xff\xd8": (
        (re.compile(rb"\xff[\xc0-\xcf\xdb-\xfe]"), 100_000),  # segments; compressed pixels never match
        (re.compile(rb"\xff\xe1..Exif\0\0", re.DOTALL), 50),
        (re.compile(rb"\xff\xda\0[\x06\x08\x0a\x0c][\x01-\x04]"), 500),  # scans
    ),
    b"GI": (
        (re.compile(rb"!\xfe"), 10_000),  # comments
        (re.compile(rb"(?:\x01.|\x02..|\x03...){16}", re.DOTALL), 10_000),  # in pieces of 1 to 3 bytes
    ),
}


#: Kinds of text in a PNG, counted as they are: a regular expression for them takes a hundred times as long.
_PNG_TEXTS, _MOST_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt"), 10_000


def _check_repeats(data: bytes) -> None:
    if data[:2] == b"\x89P" and sum(map(data.count, _PNG_TEXTS)) > _MOST_PNG_TEXTS:
        raise ImageError(DAMAGED)
    for pattern, limit in _REPEATS.get(data[:2], ()):
        if next(islice(pattern.finditer(data), limit, None), None):
            raise ImageError(DAMAGED)


# TIFF tags and types, and the most numbers in all tags: Pillow makes a Python object of each.
_TILE_SIDES = (322, 323)
_TABLE_POINTERS = (34665, 34853, 40965)
_BYTE_TYPES, _SHORT, _LONG = (1, 2, 7), 3, 4
_MAX_TAG_NUMBERS, _MAX_TABLES = 2**18, 10


def _check_tiff(data: bytes) -> None:
    """Refuse a TIFF whose tag tables or tiles would take much memory."""
    if 43 in data[2:4]:
        raise ImageError("The file is a BigTIFF, which is not read here: save it as an ordinary TIFF or PNG.")
    order = "<" if data[:2] == b"II" else ">"
    tables, numbers, tile = list(struct.unpack_from(order + "I", data, 4)), 0, dict.fromkeys(_TILE_SIDES, 1)
    for table in tables:  # the list grows while tables point to further tables
        for tag, kind, count, value in _tiff_entries(data, order, table):
            numbers += count if kind not in _BYTE_TYPES and count <= len(data) else 1
            if tag in _TABLE_POINTERS and value not in tables:
                tables.append(value)
            if tag in _TILE_SIDES:
                plain = kind in (_SHORT, _LONG) and count == 1
                tile[tag] = max(tile[tag], value if plain else MAX_PIXELS + 1)
            if numbers > _MAX_TAG_NUMBERS or len(tables) > _MAX_TABLES or tile[322] * tile[323] > MAX_PIXELS:
                raise ImageError(DAMAGED)


def _tiff_entries(data: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield a table's entries (tag, type, count, value or offset), up to where the file is cut short."""
    try:
        (entries,) = struct.unpack_from(order + "H", data, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", data, at)
            (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, at + 8)
            yield tag, kind, count, value
    except struct.error:
        return
