"""Builders of image files for the tests of untrusted input, among them files that lie about themselves."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

from fcnviz.photos.images import ImageError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """An image file as Pillow writes it."""
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A PNG chunk, with its right checksum unless another one is given."""
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def raw_png(width: int, height: int, packed: bytes, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header need not fit its compressed pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG_MAGIC + head + b"".join(chunks) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def png(size: tuple[int, int], depth: int, colour: int, row: bytes, *chunks: bytes) -> bytes:
    """A PNG whose rows are all `row`; colour is 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"\0" + row) for _ in range(size[1])) + packer.flush()
    return raw_png(*size, packed, *chunks, depth=depth, colour=colour)


def assert_plain(error: ImageError) -> None:
    """One sentence: what is wrong, a colon, what to do."""
    message = str(error)
    assert message[0].isupper()
    assert message.endswith(".")
    assert message.count(". ") == 0
    assert "\n" not in message
    assert ": " in message
    assert len(message) < 200
