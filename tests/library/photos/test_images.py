"""Odd images, each built here from its bytes: an upright RGB image comes out, or one clear ImageError."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz.photos import decode, images
from fcnviz.photos.images import ImageError, fit, open_image, open_mask
from tests.hostile import PNG_MAGIC, assert_plain, chunk, png, saved

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns about most of these files

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
MB = 2**20

# Builders


def plain(colour: object = RED, mode: str = "RGB", size: tuple[int, int] = (8, 6)) -> Image.Image:
    return Image.new(mode, size, colour)


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def header(size: tuple[int, int], depth: int, kind: int) -> bytes:
    return struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)


def tiff(tags: dict[int, tuple[int, int, bytes]], pixels: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of these tags (type, count, value bytes), then `pixels`, to which tags 273 and 324 point."""
    at = 8 + 2 + 12 * len(tags) + 4
    end = at + sum(len(value) for _, _, value in tags.values() if len(value) > 4)
    entries, longs = b"", b""
    for tag, (kind, count, value) in sorted(tags.items()):
        if tag in (273, 324) and count == 1:
            value = struct.pack(order + "I", end)
        if len(value) > 4:
            value, longs = struct.pack(order + "I", at + len(longs)), longs + value
        entries += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    magic = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return magic + struct.pack(order + "H", len(tags)) + entries + bytes(4) + longs + pixels


def tags(
    size: tuple[int, int], bits: int, order: str = "<", **more: int
) -> dict[int, tuple[int, int, bytes]]:
    """The tags of an uncompressed grey TIFF; `more` is t<tag>=value, all LONG."""
    values = {256: size[0], 257: size[1], 258: bits, 259: 1, 262: 1, 277: 1, 273: 0, 279: size[0] * bits // 8}
    values |= {279: min(values[279] * size[1], 2**32 - 1)} | {int(name[1:]): more[name] for name in more}
    return {tag: (4, 1, struct.pack(order + "I", value)) for tag, value in values.items()}


def bmp(size: tuple[int, int], bits: int, data: bytes, compression: int = 0, palette: bytes = b"") -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def gif(canvas: tuple[int, int], frame: tuple[int, int, int, int]) -> bytes:
    """A GIF with a black screen and one white frame (left, top, width, height), its LZW codes written out."""
    codes = 0b001_100  # index 1 after a clear code, 3 bits each, lowest first
    bits = sum(codes << 6 * i for i in range(frame[2] * frame[3])) | 0b101 << 6 * frame[2] * frame[3]
    lzw = bits.to_bytes(frame[2] * frame[3] * 6 // 8 + 1, "little")
    start = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(BLACK) + bytes(WHITE)
    return start + b"," + struct.pack("<HHHHB", *frame, 0) + bytes([2, len(lzw)]) + lzw + b"\0;"


def swapped_profile() -> bytes:
    """An ICC profile in which red and blue have changed places: sRGB's colourants in each other's tags."""

    def xyz(*values: float) -> bytes:
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))

    colourants = {
        b"rXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
    }
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    parts = colourants | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data, at = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for name, part in parts.items():
        table += name + struct.pack(">II", at + len(data), len(part))
        data += part
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data


def jpeg_with(segment: bytes, times: int = 1, marker: int = 0xE1, image: bytes | None = None) -> bytes:
    """A JPEG with a header segment put in right after its first bytes."""
    image = image or saved(plain(), "JPEG")
    return (
        image[:2]
        + (bytes([0xFF, marker]) + struct.pack(">H", len(segment) + 2) + segment) * times
        + image[2:]
    )


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def mpo() -> bytes:
    return saved(plain(), "MPO", save_all=True, append_images=[plain(BLUE)])


def many_scans() -> bytes:
    jpeg = saved(plain(), "JPEG", progressive=True)
    last_scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last_scan * 1000 + jpeg[-2:]


def frames(form: str, mode: str = "RGB", **options: object) -> bytes:
    rest = [plain(BLUE).convert(mode), plain(GREEN).convert(mode)]
    return saved(plain().convert(mode), form, save_all=True, append_images=rest, **options)


def grey_alpha_png(depth: int) -> bytes:
    """Black at half opacity: mid-grey on white."""
    row = b"\0\x80" if depth == 8 else b"\0\0\x80\x80"
    return png((8, 6), depth, 4, row * 8)


def floats(*values: float) -> bytes:
    """A row of 32-bit floats, as a TIFF."""
    return saved(Image.fromarray(np.array([values], np.float32)), "TIFF")


def premultiplied() -> bytes:
    """Grey 128 at half opacity, stored as its product."""
    grey_alpha = {258: (3, 2, struct.pack("<HH", 8, 8))}
    return tiff(tags((8, 6), 16, t277=2, t338=1) | grey_alpha, b"\x40\x80" * 48)


def tile_bomb(kind: int = 4) -> bytes:
    """100 × 100 pixels in one tile of 1.6 gigapixels, which is really there: repeated deflate blocks.

    Its width as the type `kind`: Pillow does not know 17, libtiff does.
    """
    packer = zlib.compressobj(1)
    first, again = (packer.compress(bytes(16 * MB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    data = first + again * 99
    width = {322: (kind, 1, struct.pack("<I" if kind == 4 else "<Q", 40_000))}
    return tiff(tags((100, 100), 8, t259=8, t323=40_000, t324=0, t325=len(data)) | width, data)


def strip_bomb() -> bytes:
    many = 4_900_000
    offsets = {273: (4, many, struct.pack("<I", 8) * many), 278: (4, 1, struct.pack("<I", 1))}
    return tiff(tags((10, 10), 8) | offsets)


def rational_bomb(size: int) -> bytes:
    """EXIF whose orientation is 6, a million times over."""
    return tiff({0x0112: (5, size // 8, struct.pack("<II", 6, 1) * (size // 8))})


def far_orientation() -> bytes:
    """EXIF that would turn the image, but for 70 kB before it."""
    return tiff({1: (7, 70_000, bytes(70_000)), 0x0112: (5, 1, struct.pack("<II", 6, 1))})


def table_loop() -> bytes:
    """A TIFF whose EXIF table is its own first table."""
    return tiff(tags((8, 6), 8, t34665=8), b"\xff" * 48)


def with_tables(*entries: tuple[int, int, int], lost: bool = False) -> bytes:
    """A white TIFF and a chain of EXIF tables: one entry (tag, type, count) each, pointing to the next."""
    at = len(tiff(tags((8, 6), 8, t34665=0), bytes(48)))
    chain = b"".join(
        struct.pack("<HHHII4x", 1, *entry, at + 18 * number) for number, entry in enumerate(entries, 1)
    )
    return tiff(tags((8, 6), 8, t34665=10**9 if lost else at), b"\xff" * 48 + chain)


def compressed(data: bytes, name: bytes) -> bytes:
    """A zTXt, iTXt or iCCP chunk that unpacks to `data`."""
    head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[name]
    return chunk(name, head + zlib.compress(data, 9))


def rgb_png(*chunks: bytes) -> bytes:
    return png((8, 6), 8, 2, bytes(RED) * 8, *chunks)


def broken_png(old: bytes, new: bytes) -> bytes:
    return rgb_png().replace(old, new, 1)


def wide_webp(side: int) -> bytes:
    """A lossless WebP whose header claims side × side pixels."""
    data = bytearray(saved(plain(), "WEBP", lossless=True))
    data[21:25] = struct.pack("<I", (side - 1) | (side - 1) << 14)
    return bytes(data)


def zero_high_jpeg() -> bytes:
    jpeg = saved(plain(), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + b"\0\0" + jpeg[at + 2 :]


# The odd images

BAD = None  # expected to be an ImageError
RGB = ((8, 6), RED)
Build = Callable[[], bytes]
Expected = tuple[tuple[int, int], tuple[int, int, int]] | None

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"></svg>'
PALETTE = bytes([255, 0, 0, 0, 0, 255])
STEPS = b"".join(bytes([i, i, 255 - i, 0]) for i in range(256))  # a BMP palette: blue to yellow, not grey

ODD: dict[str, tuple[Build, Expected]] = {
    # JPEG
    "jpeg": (lambda: saved(plain(), "JPEG"), RGB),
    "jpeg grey": (lambda: saved(plain(99, "L"), "JPEG"), ((8, 6), (99, 99, 99))),
    "jpeg CMYK": (lambda: saved(plain((0, 255, 255, 0), "CMYK"), "JPEG"), RGB),
    "jpeg progressive": (lambda: saved(plain(), "JPEG", progressive=True), RGB),
    "jpeg trailing garbage": (lambda: saved(plain(), "JPEG") + random.Random(1).randbytes(5000), RGB),
    "jpeg MPO": (mpo, RGB),
    "jpeg MPO, one image": (lambda: mpo()[: mpo().rindex(b"\xff\xd8")], RGB),
    "jpeg truncated": (lambda: saved(noise(), "JPEG")[:-800], BAD),
    "jpeg first bytes": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF", BAD),
    "jpeg no scan": (lambda: saved(plain(), "JPEG").partition(b"\xff\xda")[0], BAD),
    "jpeg zero height": (zero_high_jpeg, BAD),
    "jpeg corrupt EXIF": (lambda: jpeg_with(b"Exif\0\0" + b"\xff" * 60), RGB),
    "jpeg EXIF cut short": (lambda: jpeg_with(b"Exif\0\0" + exif(6).tobytes()[6:20]), RGB),
    "jpeg orientation 77": (lambda: saved(plain(), "JPEG", exif=exif(77)), RGB),
    "jpeg corrupt ICC": (lambda: saved(plain(), "JPEG", icc_profile=b"not a profile" * 20), RGB),
    "jpeg swapped ICC": (lambda: saved(plain(), "JPEG", icc_profile=swapped_profile()), ((8, 6), BLUE)),
    "jpeg grey, RGB ICC": (
        lambda: saved(plain(99, "L"), "JPEG", icc_profile=swapped_profile()),
        ((8, 6), (99, 99, 99)),
    ),
    "jpeg 200k segments": (lambda: jpeg_with(b"", 200_000, 0xEE), BAD),
    "jpeg 100 EXIF": (lambda: jpeg_with(b"Exif\0\0" + bytes(6), 100), BAD),
    "jpeg 1000 scans": (many_scans, BAD),
    # PNG
    "png": (rgb_png, RGB),
    "png 1×1": (lambda: png((1, 1), 8, 2, bytes(BLUE)), ((1, 1), BLUE)),
    "png 1×20000": (lambda: png((1, 20_000), 8, 0, b"\0"), BAD),
    "png 20000×1": (lambda: png((20_000, 1), 8, 0, bytes(20_000)), BAD),
    "png 100×1": (lambda: png((100, 1), 8, 2, bytes(GREEN) * 100), ((100, 1), GREEN)),
    "png 1 bit": (lambda: png((8, 6), 1, 0, b"\xff"), ((8, 6), WHITE)),
    "png 2 bits": (lambda: png((8, 6), 2, 0, b"\x55\x55"), ((8, 6), (85, 85, 85))),
    "png 4 bits": (lambda: png((8, 6), 4, 0, b"\x33" * 4), ((8, 6), (51, 51, 51))),
    "png 16 bits": (lambda: png((8, 6), 16, 0, b"\x64\x64" * 8), ((8, 6), (100, 100, 100))),
    "png 16 bits, white": (lambda: png((8, 6), 16, 0, b"\xff\xff" * 8), ((8, 6), WHITE)),
    "png 16 bits of 8, white": (lambda: png((8, 6), 16, 0, b"\0\xff" * 8), ((8, 6), WHITE)),
    "png 16-bit RGB": (lambda: png((8, 6), 16, 2, b"\xff\xff\0\0\0\0" * 8), RGB),
    "png 16-bit RGBA": (lambda: png((8, 6), 16, 6, b"\xff\xff\0\0\0\0\xff\xff" * 8), RGB),
    "png clear": (lambda: png((8, 6), 8, 6, bytes(8 * 4)), ((8, 6), WHITE)),
    "png half red": (lambda: png((8, 6), 8, 6, b"\xff\0\0\x80" * 8), ((8, 6), (255, 127, 127))),
    "png LA": (lambda: grey_alpha_png(8), ((8, 6), (127, 127, 127))),
    "png 16-bit LA": (lambda: grey_alpha_png(16), ((8, 6), (127, 127, 127))),
    "png palette": (lambda: png((8, 6), 8, 3, b"\1" * 8, chunk(b"PLTE", PALETTE)), ((8, 6), BLUE)),
    "png palette, half clear": (
        lambda: png((8, 6), 8, 3, b"\1" * 8, chunk(b"PLTE", PALETTE), chunk(b"tRNS", b"\xff\x80")),
        ((8, 6), (127, 127, 255)),
    ),
    "png palette, none": (lambda: png((8, 6), 8, 3, b"\1" * 8), ((8, 6), BLACK)),
    "png clear RGB colour": (lambda: rgb_png(chunk(b"tRNS", b"\0\xff\0\0\0\0")), ((8, 6), WHITE)),
    "png clear grey": (lambda: png((8, 6), 8, 0, b"\7" * 8, chunk(b"tRNS", b"\0\7")), ((8, 6), WHITE)),
    "png clear bit": (lambda: png((8, 6), 1, 0, b"\0", chunk(b"tRNS", b"\0\0")), ((8, 6), WHITE)),
    "png animated": (lambda: frames("PNG"), RGB),
    "png truncated": (lambda: saved(noise(), "PNG")[:-900], BAD),
    "png without end": (lambda: rgb_png()[:-12], RGB),
    "png magic only": (lambda: PNG_MAGIC, BAD),
    "png no pixels": (lambda: PNG_MAGIC + chunk(b"IHDR", header((8, 6), 8, 2)) + chunk(b"IEND", b""), BAD),
    "png zero width": (lambda: png((0, 6), 8, 2, b""), BAD),
    "png 100000×100000": (
        lambda: PNG_MAGIC + chunk(b"IHDR", header((10**5, 10**5), 8, 2)) + rgb_png()[33:],
        BAD,
    ),
    "png 12000×12000": (
        lambda: PNG_MAGIC + chunk(b"IHDR", header((12_000, 12_000), 8, 2)) + rgb_png()[33:],
        BAD,
    ),
    "png 60 megapixels": (lambda: png((7500, 8000), 8, 0, bytes(7500)), BAD),
    "png wrong header CRC": (lambda: broken_png(rgb_png()[29:33], b"\0\1\2\3"), BAD),
    "png header of 5 bytes": (lambda: PNG_MAGIC + chunk(b"IHDR", bytes(5)) + rgb_png()[33:], BAD),
    "png unknown kind": (lambda: png((8, 6), 8, 5, bytes(24)), BAD),
    "png wrong pixel CRC": (lambda: rgb_png()[:-16] + b"\0\1\2\3" + rgb_png()[-12:], RGB),
    "png broken zlib": (lambda: broken_png(b"IDAT\x78\x01", b"IDAT\x12\x34"), BAD),
    "png zTXt bomb": (lambda: rgb_png(compressed(bytes(50 * MB), b"zTXt")), BAD),
    "png iCCP bomb": (lambda: rgb_png(compressed(bytes(50 * MB), b"iCCP")), BAD),
    "png texts bomb": (lambda: rgb_png(compressed(bytes(MB - 1), b"iTXt") * 70), BAD),
    "png 20k texts": (lambda: rgb_png(chunk(b"tEXt", b"k\0v") * 20_000), BAD),
    "png corrupt ICC": (lambda: rgb_png(compressed(b"nonsense", b"iCCP")), RGB),
    "png swapped ICC": (lambda: rgb_png(compressed(swapped_profile(), b"iCCP")), ((8, 6), BLUE)),
    "png EXIF bomb": (lambda: rgb_png(chunk(b"eXIf", rational_bomb(8 * MB))), RGB),
    "png corrupt EXIF": (lambda: rgb_png(chunk(b"eXIf", b"\xff" * 60)), RGB),
    "png far EXIF": (lambda: rgb_png(chunk(b"eXIf", far_orientation())), RGB),
    # WebP
    "webp": (lambda: saved(plain(), "WEBP"), RGB),
    "webp alpha": (lambda: saved(plain((0, 0, 0, 0), "RGBA"), "WEBP", lossless=True), ((8, 6), WHITE)),
    "webp animated": (lambda: frames("WEBP", lossless=True), RGB),
    "webp truncated": (lambda: saved(noise(), "WEBP")[:-500], BAD),
    "webp lossless, truncated": (lambda: saved(noise(), "WEBP", lossless=True)[:-500], BAD),
    "webp 13000×13000": (lambda: wide_webp(13_000), BAD),
    "webp 16383×16383": (lambda: wide_webp(16_383), BAD),
    "webp no data": (lambda: b"RIFF\x0c\0\0\0WEBPVP8 ", BAD),
    # BMP
    "bmp": (lambda: bmp((8, 6), 24, b"\0\0\xff" * 48), RGB),
    "bmp negative height": (lambda: bmp((8, -6), 24, b"\0\0\xff" * 24 + b"\xff\0\0" * 24), RGB),
    "bmp most negative height": (lambda: bmp((8, -(2**31)), 24, b"\0\0\xff" * 48), BAD),
    "bmp negative width": (lambda: bmp((-8, 6), 24, b"\0\0\xff" * 48), BAD),
    "bmp 1 bit": (lambda: bmp((8, 6), 1, b"\xff\0\0\0" * 6, palette=b"\0\0\xff\0\xff\0\0\0"), ((8, 6), BLUE)),
    "bmp 16 bits": (lambda: bmp((8, 6), 16, b"\x00\x7c" * 48), RGB),
    "bmp RLE": (lambda: bmp((8, 6), 8, b"\x08\x07\0\0" * 6 + b"\0\1", 1, STEPS), ((8, 6), (248, 7, 7))),
    "bmp RLE, no pixels": (lambda: bmp((8, 6), 8, b"\0\1", 1, STEPS), BAD),
    "bmp RLE, endless": (lambda: bmp((8, 6), 8, b"\xff\x07" * 5000, 1, STEPS), BAD),
    "bmp truncated": (lambda: bmp((8, 6), 24, b"\0\0\xff" * 40), BAD),
    "bmp 2 GB header": (lambda: b"BM" + bytes(8) + struct.pack("<II", 54, 0x7FFFFFFF) + bytes(99), BAD),
    # GIF
    "gif": (lambda: saved(plain(), "GIF"), RGB),
    "gif animated": (lambda: frames("GIF"), RGB),
    "gif clear": (lambda: saved(plain(1, "P"), "GIF", transparency=1), ((8, 6), WHITE)),
    "gif two colours": (lambda: gif((8, 6), (0, 0, 8, 6)), ((8, 6), WHITE)),
    "gif frame over canvas": (lambda: gif((4, 4), (0, 0, 8, 6)), ((8, 6), WHITE)),
    "gif frame far away": (lambda: gif((4, 4), (60_000, 60_000, 8, 6)), BAD),
    "gif 65535×65535": (lambda: gif((65_535, 65_535), (0, 0, 8, 6)), BAD),
    "gif no frames": (lambda: gif((8, 6), (0, 0, 8, 6)).partition(b",")[0] + b";", BAD),
    "gif truncated": (lambda: saved(noise(), "GIF")[:-900], BAD),
    "gif comments bomb": (
        lambda: gif((8, 6), (0, 0, 8, 6)).replace(b",", b"!\xfe\1a\0" * 20_000 + b",", 1),
        BAD,
    ),
    "gif pieces bomb": (
        lambda: gif((8, 6), (0, 0, 8, 6)).replace(b",", b"!\xfe" + b"\2ab" * 6_000_000 + b"\0,", 1),
        BAD,
    ),
    # TIFF
    "tiff": (lambda: saved(plain(), "TIFF"), RGB),
    "tiff I;16": (lambda: saved(plain(200 * 257, "I;16"), "TIFF"), ((8, 6), (200, 200, 200))),
    "tiff I;16B": (lambda: tiff(tags((8, 6), 16, ">"), b"\x64\x64" * 48, ">"), ((8, 6), (100, 100, 100))),
    "tiff I": (lambda: saved(plain(2**31 - 1, "I"), "TIFF"), ((8, 6), BLACK)),
    "tiff I, 8 bits": (lambda: saved(plain(77, "I"), "TIFF"), ((8, 6), (77, 77, 77))),
    "tiff I, 16 bits": (lambda: saved(plain(77 * 257, "I"), "TIFF"), ((8, 6), (77, 77, 77))),
    "tiff int16 below 0": (
        lambda: tiff(tags((8, 6), 16, t339=2), b"\xff\xff" * 40 + b"\0\0" * 8),
        ((8, 6), BLACK),
    ),
    "tiff float to 1": (lambda: floats(0.2, 1), ((2, 1), (51, 51, 51))),
    "tiff float to 255": (lambda: floats(51, 255), ((2, 1), (51, 51, 51))),
    "tiff float below 0": (lambda: floats(0, -1, 1), ((3, 1), (128, 128, 128))),
    "tiff float huge": (lambda: floats(3e38, -3e38), ((2, 1), WHITE)),
    "tiff float NaN": (lambda: floats(np.nan, 0.2, np.inf), ((3, 1), BLACK)),
    "tiff float beside NaN": (lambda: floats(51, np.nan, 255), ((3, 1), (51, 51, 51))),
    "tiff float rounded": (lambda: floats(0.199, 1), ((2, 1), (51, 51, 51))),
    "tiff float infinite": (lambda: floats(np.inf, 0.2, np.nan), ((3, 1), WHITE)),
    "tiff float all NaN": (lambda: floats(np.nan, np.nan), ((2, 1), BLACK)),
    "tiff 64-bit float": (lambda: tiff(tags((8, 6), 64, t339=3), bytes(8 * 48)), BAD),
    "tiff multi-page": (lambda: frames("TIFF"), RGB),
    "tiff LZW": (lambda: saved(plain(), "TIFF", compression="tiff_lzw"), RGB),
    "tiff JPEG": (lambda: saved(plain(), "TIFF", compression="jpeg"), RGB),
    "tiff CMYK": (lambda: saved(plain((0, 255, 255, 0), "CMYK"), "TIFF"), RGB),
    "tiff palette": (lambda: saved(plain().convert("P"), "TIFF"), RGB),
    "tiff LAB": (lambda: saved(plain((255, 128, 128), "LAB"), "TIFF"), ((8, 6), WHITE)),
    "tiff 1 bit": (lambda: saved(plain(1, "1"), "TIFF", compression="group4"), ((8, 6), WHITE)),
    "tiff RGBA": (lambda: saved(plain((0, 0, 0, 0), "RGBA"), "TIFF"), ((8, 6), WHITE)),
    "tiff La": (premultiplied, ((8, 6), (191, 191, 191))),
    "tiff 70000 bands": (lambda: tiff(tags((8, 6), 8, t277=70_000), bytes(48)), BAD),
    "tiff zero wide": (lambda: tiff(tags((0, 6), 8), bytes(48)), BAD),
    "tiff 4 gigapixels": (lambda: tiff(tags((2**16, 2**16), 8), bytes(48)), BAD),
    "tiff truncated": (lambda: saved(noise(), "TIFF")[:-900], BAD),
    "tiff LZW, truncated": (lambda: saved(noise(), "TIFF", compression="tiff_lzw")[:-900], BAD),
    "tiff header only": (lambda: b"II*\0\x08\0\0\0", BAD),
    "tiff big": (lambda: saved(plain(), "TIFF", big_tiff=True), BAD),
    "tiff table loop": (table_loop, ((8, 6), WHITE)),
    "tiff 3 tables": (lambda: with_tables(*[(34665, 4, 1)] * 2, (1, 3, 2)), ((8, 6), WHITE)),
    "tiff 20 tables": (lambda: with_tables(*[(34665, 4, 1)] * 20), BAD),
    "tiff lost table": (lambda: with_tables(lost=True), ((8, 6), WHITE)),
    "tiff nonsense table": (lambda: with_tables((1, 3, 2**32 - 1)), ((8, 6), WHITE)),
    "tiff tile bomb": (tile_bomb, BAD),
    "tiff tile bomb, signed": (lambda: tile_bomb(17), BAD),
    "tiff strip bomb": (strip_bomb, BAD),
    # Not ours
    "empty": (lambda: b"", BAD),
    "one byte": (lambda: b"\xff", BAD),
    "zeros": (lambda: bytes(5000), BAD),
    "random": (lambda: random.Random(0).randbytes(5000), BAD),
    "text": (lambda: b"This is no photo, whatever its name says.", BAD),
    "html": (lambda: b"<!doctype html><html><body><img src=x></body></html>", BAD),
    "svg": (lambda: SVG, BAD),
    "pdf": (lambda: saved(plain(), "PDF"), BAD),
    "zip": (lambda: b"PK\x03\x04" + bytes(60), BAD),
    "ico": (lambda: saved(plain(size=(16, 16)), "ICO"), BAD),
    "psd": (lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 6, 8, 8, 3) + bytes(300), BAD),
    "heic": (lambda: struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(200), BAD),
    "eps": (lambda: saved(plain(), "EPS"), BAD),
    "ppm": (lambda: saved(plain(), "PPM"), BAD),
    "tga": (lambda: saved(plain(), "TGA"), BAD),
    "avif": (lambda: saved(plain(), "AVIF"), BAD),
    "jpeg 2000": (lambda: saved(plain(), "JPEG2000"), BAD),
    "over 20 MB": (lambda: rgb_png() + bytes(20 * MB), BAD),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_image(name: str) -> None:
    build, expected = ODD[name]
    if expected is BAD:
        with pytest.raises(ImageError) as caught:
            open_image(build())
        assert_plain(caught.value)
        return
    image = open_image(build())
    assert (image.mode, image.size) == ("RGB", expected[0])
    lossy = any(word in name for word in ("jpeg", "JPEG", "webp", "ICC", "LAB"))
    assert np.abs(np.subtract(image.getpixel((0, 0)), expected[1])).max() <= 3 * lossy


def test_damage_never_escapes() -> None:
    """Real files, cut short or with some bytes changed: an RGB image or an ImageError, nothing else."""
    rng, outcomes = random.Random(0), set()
    good = [saved(noise((16, 12)), form) for form in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")]
    good += [saved(noise((16, 12)), "TIFF", compression=name) for name in ("tiff_lzw", "jpeg")]
    for data in good * 30:
        damaged = bytearray(data[: rng.choice((len(data), rng.randrange(len(data))))])
        for _ in range(rng.choice((0, 1, 5, 20)) if damaged else 0):
            damaged[rng.randrange(min(len(damaged), rng.choice((60, 10**6))))] = rng.randrange(256)
        for read in (open_image, open_mask):
            try:
                outcomes.add(getattr(read(bytes(damaged)), "mode", "mask"))
            except ImageError as error:
                assert_plain(error)
                outcomes.add("error")
    assert outcomes == {"RGB", "error"}


WATCH = """
import sys, types, warnings
warnings.simplefilter("ignore")
sys.modules["fcnviz"] = types.ModuleType("fcnviz")  # the package without what it imports: torch
sys.modules["fcnviz"].__path__ = ["fcnviz"]
from fcnviz.photos.images import ImageError, open_image, open_mask
def megabytes(name): return int(open("/proc/self/status").read().split(name)[1].split()[0]) / 1024
before = megabytes("VmRSS:")
for path in sys.argv[1:]:
    for read in (open_image, open_mask):
        try:
            print(path, read is open_image and read(path).size)
        except ImageError as error:
            pass
        growth = megabytes("VmHWM:") - before
        if growth > 900:
            sys.exit(f"{path} took {growth:.0f} MB")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_memory_stays_below_1_gb(tmp_path: Path) -> None:
    """Every odd image, and the biggest allowed ones, in one fresh process."""
    turned = {"lossless": True, "method": 0, "exif": exif(6)}
    full = [
        png((8192, 6144), 8, 6, b"\xff\0\0\x80" * 8192),
        png((8192, 6144), 16, 4, b"\0\5\xff\xff" * 8192),  # decoded twice
        saved(plain(size=(8192, 6144)), "WEBP", **turned),  # the hungriest format, and then a copy
    ]
    paths = []
    for number, data in enumerate([*full, *(build() for build, _ in ODD.values())]):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(data)
    root = Path(images.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *paths], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert "(8192, 6144)" in done.stdout
    assert "(6144, 8192)" in done.stdout


# Paths


def test_path_and_bytes_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a {photo} %s.txt"  # the name decides nothing
    path.write_bytes(saved(noise(), "PNG"))
    for source in (path, str(path), path.read_bytes()):
        image = open_image(source)
        assert type(image) is Image.Image
        assert np.array_equal(image, noise())


def test_every_kind_of_source_is_one(tmp_path: Path) -> None:
    data = saved(noise(), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    in_a_row = io.BytesIO(b"before" + data)
    in_a_row.seek(6)
    with path.open("rb") as file, path.open("rb", buffering=0) as unbuffered:
        for source in (
            bytearray(data),
            memoryview(data),
            io.BytesIO(data),
            file,
            unbuffered,
            in_a_row,
            Slow(data),
        ):
            assert np.array_equal(open_image(source), noise())


class Slow(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(100, size or 100))


@pytest.mark.parametrize("read", [open_image, open_mask])
def test_other_sources_are_told_what_is_taken(read: Callable[[object], object]) -> None:
    for source in (None, 3, [b"a"], noise(), np.zeros((4, 4, 3), np.uint8)):
        with pytest.raises(TypeError, match="a file's bytes, its path or a binary file object, not from"):
            read(source)
    with pytest.raises(TypeError, match=r"PIL\.Image\.fromarray"):
        read(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(TypeError, match='mode "rb"'):
        read(io.StringIO("text"))


def test_bad_file_objects() -> None:
    closed = io.BytesIO(saved(noise(), "PNG"))
    closed.close()
    with pytest.raises(ImageError, match="cannot be read"):
        open_image(closed)
    with pytest.raises(ImageError, match="is empty"):
        open_image(io.BytesIO())
    endless = Slow(bytes(3 * MB))
    with pytest.raises(ImageError, match="over 1 MB"):
        open_image(endless, max_bytes=MB)
    assert endless.tell() == MB + 1  # and no further


HEIC, AVIF = "This is HEIC, an iPhone's format", "This is AVIF"


@pytest.mark.parametrize(
    ("brands", "says"),
    [
        (b"heic\0\0\0\0mif1heic", HEIC),
        (b"mif1\0\0\0\0mif1heicmiaf", HEIC),
        (b"heix\0\0\0\0", HEIC),
        (b"msf1\0\0\0\0msf1hevc", HEIC),
        (b"avif\0\0\0\0avifmif1miaf", AVIF),
        (b"mif1\0\0\0\0mif1avif", AVIF),
        (b"isom\0\0\x02\0isomiso2avc1mp41", "not a readable image"),
    ],
)
@pytest.mark.parametrize("read", [open_image, open_mask])
def test_a_telephones_formats_are_named(read: Callable[[bytes], object], brands: bytes, says: str) -> None:
    data = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + bytes(300)
    with pytest.raises(ImageError, match=says) as caught:
        read(data)
    assert_plain(caught.value)


UNREADABLE = ["missing {0} %s.png", "a\0b.png", "x" * 5000, "\ud800.png"]
NO_FILES = [".", "", "/dev/null"]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [(path, "missing or cannot be read: ") for path in UNREADABLE]
    + [(path, "a folder or") for path in NO_FILES],
)
@pytest.mark.parametrize("read", [open_image, open_mask])
def test_bad_paths(read: Callable[[str], object], path: str, wrong: str) -> None:
    with pytest.raises(ImageError, match=wrong) as caught:
        read(path)
    assert_plain(caught.value)
    assert "%s" not in str(caught.value)


def test_huge_file_is_judged_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(rgb_png())
    os.truncate(path, images.MAX_BYTES + 1)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened"))
    with pytest.raises(ImageError, match="over 20 MB"):
        open_image(path)


def test_size_limit_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 48)
    assert open_image(rgb_png()).size == (8, 6)
    monkeypatch.setattr(decode, "MAX_PIXELS", 47)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageError, match="8 × 6 pixels"):
        open_image(rgb_png())


@pytest.mark.parametrize("size", [(8192, 6144), (8160, 6144), (8688, 5792), (8272, 6200)])
def test_cameras_of_50_megapixels_pass(size: tuple[int, int]) -> None:
    """The pixels are missing here: only the size is judged."""
    data = PNG_MAGIC + chunk(b"IHDR", header(size, 8, 2)) + rgb_png()[33:]
    with pytest.raises(ImageError, match="damaged"):
        open_image(data)


def test_more_than_50_megapixels_are_refused() -> None:
    data = PNG_MAGIC + chunk(b"IHDR", header((8800, 6000), 8, 2)) + rgb_png()[33:]
    with pytest.raises(ImageError, match="over 50 megapixels"):
        open_image(data)


def test_pillows_own_bomb_warning() -> None:
    data = ODD["png 12000×12000"][0]()
    with warnings.catch_warnings(action="error"), pytest.raises(ImageError, match="too many pixels"):
        open_image(data)


# Orientation: what is stored, from the EXIF standard's words on where row 0 and column 0 lie

STORED = {
    1: lambda up: up,
    2: lambda up: up[:, ::-1],
    3: lambda up: up[::-1, ::-1],
    4: lambda up: up[::-1],
    5: lambda up: up.transpose(1, 0, 2),
    6: lambda up: up.transpose(1, 0, 2)[::-1],
    7: lambda up: up[::-1, ::-1].transpose(1, 0, 2),
    8: lambda up: up[::-1].transpose(1, 0, 2),
}
SAVED_AS = [
    ("JPEG", {"quality": 95}),
    ("PNG", {}),
    ("WEBP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
]


def corners() -> np.ndarray:
    """(32, 48, 3): red top left, green top right, blue bottom left, white bottom right."""
    return np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8).repeat(16, 0).repeat(24, 1)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("form", "options"), SAVED_AS)
def test_upright(orientation: int, form: str, options: dict[str, object]) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](corners())))
    image = open_image(saved(stored, form, exif=exif(orientation), **options))
    assert image.size == (48, 32)
    assert np.abs(np.asarray(image, int) - corners())[4::24, 4::40].max() < 12


def test_upright_by_xmp() -> None:
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='1' tiff:Orientation=\"6\"/>"
    assert open_image(jpeg_with(xmp)).size == (6, 8)


def test_tiff_is_turned_once() -> None:
    """Adobe writes the orientation twice: as a tag, and as XMP (tag 700)."""
    xmp = b'<x tiff:Orientation="6"/>'
    twice = tags((8, 6), 8, t274=6) | {700: (1, len(xmp), xmp)}
    assert open_image(tiff(twice, bytes(range(48)))).size == (6, 8)


# Fitting


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((400, 300), 100, (100, 75)),
        ((300, 400), 100, (75, 100)),
        ((1000, 333), 500, (500, 166)),
        ((1000, 10), 20, (20, 1)),
        ((7, 5), 1, (1, 1)),
    ],
)
def test_fit_scales_down(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    image = fit(plain(BLUE, size=size), longest)
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", expected, BLUE)


def test_fit_averages() -> None:
    """One pixel for every 8 × 8 of black and white stripes is grey: nothing is skipped."""
    stripes = Image.fromarray(np.tile(np.array([[0], [255]], np.uint8), (256, 512)))
    assert np.abs(np.asarray(fit(stripes, 64), int) - 127.5).max() < 3


@pytest.mark.parametrize("longest", [64, 65, 10_000])
def test_fit_never_scales_up(longest: int) -> None:
    image = noise()
    assert fit(image, longest) is image


@pytest.mark.parametrize("longest", [0, -5])
def test_fit_needs_a_pixel(longest: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fit(noise(), longest)


# Masks; more in test_masks.py


@pytest.mark.parametrize("name", [name for name in ODD if name.startswith("png") and ODD[name][1] is BAD])
def test_bad_png_is_no_mask(name: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_mask(ODD[name][0]())
    assert_plain(caught.value)
