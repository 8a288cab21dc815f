"""Masks of every kind: the labels that they mean, noted if they could mean others, or one clear error."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz.photos import voc
from fcnviz.photos.images import BinaryMaskError, ImageError, open_mask, read_mask
from tests import masks
from tests.hostile import assert_plain, chunk, png, saved
from tests.masks import OBJECT, labels


@pytest.mark.parametrize("name", masks.PLAIN)
def test_mask_round_trip(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(masks.PLAIN[name]())
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        mask = read_mask(source)
        assert mask.labels.dtype == np.uint8
        assert np.array_equal(mask.labels, labels())
        assert not mask.notes


@pytest.mark.parametrize("name", masks.BINARY)
def test_white_needs_a_class(name: str) -> None:
    data = masks.BINARY[name]()
    with pytest.raises(BinaryMaskError, match="black and white only") as caught:
        open_mask(data)
    assert_plain(caught.value)
    for white in (0, 15, voc.VOID):
        expected = white * OBJECT if name != "4 bits" else np.repeat([[0, 0, 1, 1, 1, 0, 0, 0]], 5, 0) * white
        assert np.array_equal(open_mask(data, white=white), expected)


@pytest.mark.parametrize("white", [-1, 21, 254, 256])
def test_white_is_a_class(white: int) -> None:
    with pytest.raises(ValueError, match=f"not {white}"):
        open_mask(masks.BINARY["0 and 255"](), white=white)


@pytest.mark.parametrize("name", masks.PLAIN)
def test_white_changes_no_other_mask(name: str) -> None:
    assert np.array_equal(open_mask(masks.PLAIN[name](), white=8), labels())


@pytest.mark.parametrize(
    "data",
    [
        masks.grey(0 * OBJECT),
        masks.colours(np.zeros((5, 22, 3))),
        masks.indexed(0 * OBJECT, masks.BLACK_WHITE),
        png((22, 5), 1, 0, bytes(3)),
    ],
)
def test_black_alone_is_background(data: bytes) -> None:
    mask = read_mask(data)
    assert (mask.labels == 0).all()
    assert not mask.notes


def test_the_void_of_voc_is_not_white() -> None:
    mask = read_mask(masks.indexed(255 * OBJECT, voc.palette()))
    assert np.array_equal(mask.labels, 255 * OBJECT)
    assert not mask.notes


@pytest.mark.parametrize("name", masks.NOTED)
def test_what_could_be_meant_otherwise_is_noted(name: str) -> None:
    build, expected, words = masks.NOTED[name]
    mask = read_mask(build())
    assert np.array_equal(mask.labels, expected)
    (note,) = mask.notes
    assert note.endswith(".")
    assert re.search(words, note)


@pytest.mark.parametrize("name", masks.REFUSED)
def test_what_cannot_be_meant_is_refused(name: str) -> None:
    build, words = masks.REFUSED[name]
    with pytest.raises(ImageError, match=words) as caught:
        open_mask(build(), white=8)
    assert_plain(caught.value)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", [0, 3])
def test_mask_of_few_bits(depth: int, kind: int) -> None:
    """Pillow stretches grey of 1, 2 and 4 bits to 0…255; a mask's values are what is stored."""
    if (depth, kind) == (16, 3):
        pytest.skip("PNG has no such palettes")
    row = bytes([0b01010101] * depth) if depth < 8 else (b"\1" if depth == 8 else b"\0\1") * 8
    expected = {1: [0, 1] * 4, 2: [1] * 8, 4: [5] * 8, 8: [1] * 8, 16: [1] * 8}[depth]
    palette = chunk(b"PLTE", voc.palette()[: min(256, 2**depth)].tobytes())
    mask = open_mask(png((8, 6), depth, kind, row, *([palette] if kind == 3 else [])), white=1)
    assert np.array_equal(mask, [expected] * 6)


def test_tall_mask_keeps_its_rows() -> None:
    """More than one strip."""
    values = np.random.default_rng(2).integers(0, 21, (1100, 1000), np.uint8)
    assert np.array_equal(open_mask(saved(Image.fromarray(values), "PNG")), values)
    assert np.array_equal(open_mask(saved(Image.fromarray(voc.palette()[values]), "PNG")), values)


def test_mask_colours_are_voc() -> None:
    assert open_mask(png((8, 6), 8, 2, bytes((192, 128, 128)) * 8))[0, 0] == 15  # person
    assert open_mask(png((8, 6), 8, 2, bytes((224, 224, 192)) * 8))[0, 0] == voc.VOID


def spoilt(value: int, dtype: type = np.uint8, shape: tuple[int, int] = (1500, 1000)) -> np.ndarray:
    """Background but for two bad pixels, the first in reading order at x=7, y=1400, in the second strip."""
    values = np.zeros(shape, dtype)
    values[1400, 7] = values[1401, 2] = value
    return values


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        (lambda: Image.fromarray(spoilt(21)), "value 21 "),
        (lambda: Image.fromarray(spoilt(254)), "value 254 "),
        (lambda: Image.fromarray(spoilt(256, np.uint16)), "value 256 "),
        (lambda: Image.fromarray(spoilt(5 * 256, np.uint16)), "value 1280 "),
        (lambda: Image.fromarray(spoilt(65534, np.uint16)), "value 65534 "),
        (lambda: Image.fromarray(voc.palette()[spoilt(30)]), r"colour \(64, 192, 128\) "),
        (lambda: Image.fromarray(np.dstack([spoilt(200), spoilt(9), spoilt(1)])), r"colour \(200, 9, 1\) "),
    ],
)
def test_mask_names_the_bad_pixel(mask: Callable[[], Image.Image], named: str) -> None:
    with pytest.raises(ImageError, match=named + "at x=7, y=1400,") as caught:
        open_mask(saved(mask(), "PNG"))
    assert str(caught.value).count(": ") == 1
    assert str(caught.value).endswith(".")
