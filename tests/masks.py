"""Masks of every kind that the tests know: as people make them, and wrong ones.

All that can be read hold `labels()`, unless a table says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from fcnviz.photos import voc
from tests.hostile import png, saved

Build = Callable[[], bytes]


def labels() -> np.ndarray:
    """(5, 22) uint8 with every class and void."""
    return np.array([[*range(21), voc.VOID]] * 5, np.uint8)


def grey(values: np.ndarray | list, dtype: type = np.uint8) -> bytes:
    """A grey PNG of 8 or 16 bits."""
    return saved(Image.fromarray(np.array(values, dtype)), "PNG")


def colours(values: np.ndarray | list, mode: str = "RGB") -> bytes:
    """A PNG of colours, (H, W, 3)."""
    return saved(Image.fromarray(np.array(values, np.uint8)).convert(mode), "PNG")


def indexed(values: np.ndarray | list, palette: np.ndarray | bytes, **options: object) -> bytes:
    """A PNG of indices into a palette."""
    mask = Image.fromarray(np.array(values, np.uint8))
    mask.putpalette(bytes(palette) if isinstance(palette, bytes) else palette.tobytes())
    return saved(mask, "PNG", **options)


def quantised() -> bytes:
    return saved(Image.fromarray(voc.palette()[labels()]).quantize(), "PNG")


def shuffled() -> bytes:
    """VOC colours, in a palette of another order."""
    order = np.random.default_rng(1).permutation(256)
    return indexed(np.argsort(order)[labels()], voc.palette()[order])


def own_palette() -> np.ndarray:
    """Colours of somebody's own, (256, 3): none of them is VOC's."""
    return np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 7)], -1).astype(np.uint8)


def jpeg_again(values: np.ndarray) -> bytes:
    """An image saved as a JPEG, and then as a PNG."""
    return saved(Image.open(BytesIO(saved(Image.fromarray(values), "JPEG", quality=90))), "PNG")


def smooth(values: np.ndarray) -> bytes:
    return saved(Image.fromarray(values).resize((200, 200), Image.Resampling.BICUBIC), "PNG")


def disc() -> np.ndarray:
    """(96, 96) bool."""
    y, x = np.mgrid[-48:48, -48:48]
    return x**2 + y**2 < 30**2


BLACK_WHITE = bytes(3) + b"\xff" * 3
OBJECT = np.pad(np.ones((2, 10), np.uint8), ((1, 2), (4, 8)))  # (5, 22), 1 in the middle

#: Masks that are read as `labels()`, without a note.
PLAIN: dict[str, Build] = {
    "palette": lambda: indexed(labels(), voc.palette()),
    "palette, clear void": lambda: indexed(labels(), voc.palette(), transparency=255),
    "grey": lambda: grey(labels()),
    "16-bit grey": lambda: grey(labels(), np.uint16),
    "RGB": lambda: colours(voc.palette()[labels()]),
    "RGBA": lambda: colours(voc.palette()[labels()], "RGBA"),
    "quantised": quantised,
    "shuffled palette": shuffled,
    "grey as RGB": lambda: colours(labels()[..., None].repeat(3, 2)),
}

#: Black-and-white masks, of `OBJECT`.
BINARY: dict[str, Build] = {
    "0 and 255": lambda: grey(255 * OBJECT),
    "0 and 65535": lambda: grey(65535 * OBJECT.astype(np.uint16), np.uint16),
    "0 and 255 in 16 bits": lambda: grey(255 * OBJECT.astype(np.uint16), np.uint16),
    "1 bit": lambda: saved(Image.fromarray(255 * OBJECT).convert("1"), "PNG"),
    "4 bits": lambda: png((8, 5), 4, 0, b"\0\xff\xf0\0"),
    "black and white palette": lambda: indexed(OBJECT, BLACK_WHITE),
    "white and black palette": lambda: indexed(1 - OBJECT, BLACK_WHITE[::-1]),
    "grey palette": lambda: indexed(255 * OBJECT, np.arange(256, dtype=np.uint8).repeat(3)),
    "black and white RGB": lambda: colours(255 * OBJECT[..., None].repeat(3, 2)),
    "black and white RGBA": lambda: colours(255 * OBJECT[..., None].repeat(3, 2), "RGBA"),
}

#: Masks that are read with a note: the file, the labels, and words of the note.
NOTED: dict[str, tuple[Build, np.ndarray, str]] = {
    "0 and 1": (lambda: grey(OBJECT), OBJECT, "1 was read as aeroplane"),
    "0 and 1 as RGB": (lambda: colours(OBJECT[..., None].repeat(3, 2)), OBJECT, "1 was read as aeroplane"),
    "foreign palette": (lambda: indexed(labels(), own_palette()), labels(), "1 = aeroplane, 2 = bicycle"),
    "all-black palette": (lambda: indexed(8 * OBJECT, bytes(768)), 8 * OBJECT, "0 = background, 8 = cat"),
    "red or blue": (
        lambda: colours(voc.palette()[OBJECT]), OBJECT, "red and blue are swapped .*aeroplane, not boat",
    ),
    "red or blue in a palette": (
        lambda: indexed(OBJECT, bytes([0, 0, 0, 0, 128, 128])), 6 * OBJECT, "bus, not bird",
    ),
    "shifted by one": (lambda: grey(8 * OBJECT + 1), 8 * OBJECT + 1, "if 1 is its background, subtract 1"),
    "shifted by one, VOC palette": (
        lambda: indexed(8 * OBJECT + 1, voc.palette()), 8 * OBJECT + 1, "if 1 is its background, subtract 1",
    ),
}  # fmt: skip

#: Masks that are refused, and words of the refusal.
REFUSED: dict[str, tuple[Build, str]] = {
    "value 100": (lambda: grey(100 * OBJECT), "value 100 at x=4, y=1,"),
    "300 in 16 bits": (lambda: grey(300 * OBJECT.astype(np.uint16), np.uint16), "value 300 at x=4, y=1,"),
    "shifted by one, 21": (lambda: grey(20 * OBJECT + 1), "value 21 at .* subtract 1"),
    "unknown colour": (lambda: colours(OBJECT[..., None] * [200, 9, 1]), r"colour \(200, 9, 1\) at x=4"),
    "red and blue swapped": (lambda: colours(voc.palette()[labels()][..., ::-1]), "red and blue swapped"),
    "grey as RGB, 100": (lambda: colours(OBJECT[..., None].repeat(3, 2) * 100), r"colour \(100, 100, 100\)"),
    "index 30": (lambda: indexed(30 * OBJECT, voc.palette()), "value 30 at x=4, y=1,"),
    "grey with alpha": (lambda: png((22, 5), 8, 4, b"\5\xff" * 22), "grey with alpha"),
    "16-bit grey with alpha": (lambda: png((22, 5), 16, 4, b"\0\5\xff\xff" * 22), "grey with alpha"),
    "16-bit RGB": (lambda: png((22, 5), 16, 2, b"\0\5" * 66), "16 bits per colour"),
    "JPEG": (lambda: saved(Image.fromarray(voc.palette()[labels()]), "JPEG"), "is a JPEG, .* from the tool"),
    "grey JPEG": (lambda: saved(Image.fromarray(labels()), "JPEG"), "is a JPEG, .* from the tool"),
    "WebP": (lambda: saved(Image.fromarray(labels()), "WEBP"), "is a WebP, .* from the tool"),
    "BMP": (lambda: saved(Image.fromarray(labels()), "BMP"), "is a BMP, .*save it as PNG"),
    "GIF": (lambda: saved(Image.fromarray(labels()), "GIF"), "is a GIF, .*save it as PNG"),
    "TIFF": (lambda: saved(Image.fromarray(labels()), "TIFF"), "is a TIFF, .*save it as PNG"),
    "PPM": (lambda: saved(Image.fromarray(labels()), "PPM"), "save it as PNG"),
    "NumPy": (lambda: numpy_file(labels()), "is a NumPy array, .*save it as PNG"),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "HEIC, an iPhone's format"),
    "JPEG saved as PNG": (lambda: jpeg_again(voc.palette()[15 * disc()]), "JPEG or a smooth resize"),
    "binary JPEG saved as PNG": (lambda: jpeg_again(255 * disc().astype(np.uint8)), "JPEG or a smooth"),
    "smoothly resized": (lambda: smooth(255 * disc().astype(np.uint8)), "JPEG or a smooth resize"),
    "cut short": (lambda: grey(labels())[:-50], "damaged"),
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"This is no mask.", "not a readable image"),
}  # fmt: skip


def numpy_file(values: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


#: All of them.
ALL: dict[str, Build] = {
    **PLAIN,
    **BINARY,
    **{name: build for name, (build, _, _) in NOTED.items()},
    **{name: build for name, (build, _) in REFUSED.items()},
}
