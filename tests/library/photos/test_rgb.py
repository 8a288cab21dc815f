"""Photos whose values leave something to decide: deep data in deeper files, and white on transparency."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from fcnviz.photos.images import ImageError, read_photo
from tests.hostile import assert_plain, raw_png, saved


def png16(values: np.ndarray) -> bytes:
    """(H, W, channels) uint16 as a PNG of 16 bits."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return raw_png(width, height, zlib.compress(rows), depth=16, colour=colour)


def tiff(values: np.ndarray, order: str, compression: str | None) -> bytes:
    buffer, channels = io.BytesIO(), values.shape[-1]
    kind = {"photometric": "rgb", "extrasamples": ["unassalpha"] * (channels == 4)} if channels > 2 else {}
    tifffile.imwrite(buffer, values.squeeze(), byteorder=order, compression=compression, **kind)
    return buffer.getvalue()


FILES = {
    "png": png16,
    "tiff, little endian": lambda values: tiff(values, "<", None),
    "tiff, big endian": lambda values: tiff(values, ">", None),
    "tiff, packed": lambda values: tiff(values, "<", "zlib"),
    "tiff, big endian and packed": lambda values: tiff(values, ">", "zlib"),
}


def scene(bits: int, channels: int) -> np.ndarray:
    """(5, 7, channels) uint16 with values up to the largest of so many bits; an alpha is opaque."""
    values = np.random.default_rng(bits).integers(0, 2**bits, (5, 7, channels)).astype(np.uint16)
    values[2, 3, 0] = 2**bits - 1
    if channels in (2, 4):
        values[..., -1] = 65535
    return values


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize(
    ("file", "channels"), [("png", 2), *((file, channels) for file in FILES for channels in (1, 3, 4))]
)
def test_data_of_fewer_bits_fill_the_scale(file: str, channels: int, bits: int) -> None:
    values = scene(bits, channels)
    photo = read_photo(FILES[file](values))
    expected = values[..., : 3 if channels > 2 else 1] * (255 / (2**bits - 1))
    assert np.abs(np.asarray(photo.image) - expected).max() < 1
    if bits == 16:
        assert not photo.notes
    else:
        (note,) = photo.notes
        assert f"no value is above {2**bits - 1:,}: it was read as {bits}-bit data" in note


@pytest.mark.parametrize("largest", [256, 1024, 4096, 16384])
def test_the_first_depth_that_holds_all_values_is_taken(largest: int) -> None:
    pixels = np.asarray(read_photo(png16(np.full((5, 7, 3), largest, np.uint16))).image)
    assert 55 < pixels[0, 0, 0] < 70  # just over a quarter of the next depth


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_black_is_black(channels: int) -> None:
    values = np.zeros((5, 7, channels), np.uint16)
    values[..., -1] = 65535 if channels in (2, 4) else 0
    photo = read_photo(png16(values))
    assert not np.asarray(photo.image).any()
    assert not photo.notes


def test_an_interlaced_file_is_scaled_too() -> None:
    """Adam7: of 2 × 2 pixels, pass 1 has the first, pass 6 the second and pass 7 the lower row."""
    values = np.array([[[4095, 1, 2], [300, 4, 5]], [[6, 700, 8], [9, 10, 1100]]], np.uint16)
    passes = (values[:1, :1], values[:1, 1:], values[1:])
    packed = zlib.compress(b"".join(b"\0" + part.astype(">u2").tobytes() for part in passes))
    data = bytearray(raw_png(2, 2, packed, depth=16))
    data[28] = 1
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    assert np.abs(np.asarray(read_photo(bytes(data)).image) - values * (255 / 4095)).max() <= 0.5


def test_planar_colours_that_pillow_misreads_are_refused() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.moveaxis(scene(16, 3), -1, 0), photometric="rgb", planarconfig="separate")
    with pytest.raises(ImageError) as caught:
        read_photo(buffer.getvalue())
    assert_plain(caught.value)


def test_values_beyond_16_bits_are_stretched_and_that_is_said() -> None:
    values = np.array([[-5, 0, 70_000]], np.float32)
    photo = read_photo(saved(Image.fromarray(values), "TIFF"))
    assert [pixel[0] for pixel in np.asarray(photo.image)[0]] == [0, 0, 255]
    assert "from -5 to 70000" in photo.notes[0]


# --- transparency


def logo(form: str, colour: int = 255) -> bytes:
    """A square of one grey on a transparent ground."""
    square = np.pad(np.ones((20, 20), np.uint8), ((10, 10), (20, 20)))
    if form == "GIF":
        image = Image.fromarray(square)
        image.putpalette(bytes([9, 9, 9, colour, colour, colour]))
        return saved(image, form, transparency=0)
    pixels = np.dstack([np.full((40, 60, 3), colour, np.uint8), 255 * square])
    return saved(Image.fromarray(pixels), form, **{"lossless": True} if form == "WEBP" else {})


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "GIF"])
def test_white_on_transparency_is_laid_on_grey(form: str) -> None:
    photo = read_photo(logo(form))
    assert photo.image.getpixel((30, 20)) == (255, 255, 255)
    assert photo.image.getpixel((0, 0)) == (128, 128, 128)
    (note,) = photo.notes
    assert "laid on grey" in note


def test_other_transparent_pictures_are_laid_on_white() -> None:
    photo = read_photo(logo("PNG", 60))
    assert photo.image.getpixel((30, 20)) == (60, 60, 60)
    assert photo.image.getpixel((0, 0)) == (255, 255, 255)
    assert not photo.notes


def test_an_opaque_white_picture_is_only_white() -> None:
    photo = read_photo(saved(Image.new("RGBA", (9, 9), "white"), "PNG"))
    assert photo.image.getextrema() == ((255, 255),) * 3
    assert not photo.notes


def test_a_picture_of_nothing_is_said_to_be_one() -> None:
    photo = read_photo(saved(Image.new("RGBA", (9, 9), (9, 9, 9, 0)), "PNG"))
    assert photo.image.getextrema() == ((255, 255),) * 3
    assert "transparent everywhere" in photo.notes[0]
