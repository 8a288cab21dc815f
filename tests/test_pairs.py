"""Uploaded photos and masks: what matches, what is refused, and hostile zips."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz import archive, images, pairs, voc
from fcnviz.images import ImageError


def picture(kind: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (12, 9), value: int = 0) -> bytes:
    image = Image.new(mode, size, value)
    if mode == "P":
        image.putpalette(voc.palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


PHOTO, PNG_PHOTO = picture(), picture("PNG")
GREY, PALETTE = picture("PNG", "L", value=8), picture("PNG", "P", value=15)
COLOURS = picture("PNG", "RGB", value=(64, 0, 0))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "files",
    [
        {"a.jpg": PHOTO, "a.png": GREY},
        {"a.jpg": PHOTO, "a.png": PALETTE},
        {"a.jpg": PHOTO, "a.png": COLOURS},
        {"x/a.png": PNG_PHOTO, "y/a.png": PALETTE},
        {"a.png": PNG_PHOTO, "a_mask.png": COLOURS},
        {"a.jpg": PHOTO, "a-label.png": GREY},
        {"photos/a.png": GREY, "masks/a.png": GREY},
        {"VOC2012/JPEGImages/a.jpg": PHOTO, "VOC2012/SegmentationClass/a.png": PALETTE,
         "VOC2012/SegmentationObject/a.png": PALETTE, "VOC2012/ImageSets/Segmentation/val.txt": b"a"},
        {"d\\JPEGImages\\a.jpg": PHOTO, "d\\SegmentationClass\\a.png": PALETTE},
        {"a.jpg": PHOTO, "a.png": GREY, "__MACOSX/._a.png": b"?", ".DS_Store": b"?"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_a_photo_finds_its_mask(files, packed):
    uploads = [("all.zip", zipped(files))] if packed else list(files.items())
    found = pairs.match(uploads)
    assert [p.name for p in found.pairs] == ["a"] and not found.problems
    photo, mask = found.pairs[0].open()
    assert photo.mode == "RGB" and photo.size == (12, 9)
    assert mask.shape == (9, 12) and set(np.unique(mask)) <= {8, 15}


def test_two_parts_may_come_in_two_uploads():
    found = pairs.match([("photos.zip", zipped({"a.jpg": PHOTO})), ("a.png", GREY)])
    assert [p.name for p in found.pairs] == ["a"]


def problems(files: dict[str, bytes]) -> dict[str, str]:
    found = pairs.match(files.items())
    assert not found.pairs
    return dict(found.problems)


def test_what_does_not_match_is_named():
    assert problems({"a.jpg": PHOTO}) == {"a.jpg": "No mask has this name."}
    assert problems({"masks/b.png": GREY}) == {"masks/b.png": "No photo has this name."}
    twice = problems({"1/a.jpg": PHOTO, "2/a.jpg": PHOTO, "masks/a.png": GREY})
    assert len(twice) == 3 and set(twice.values()) == {
        "2 photos and 1 masks have this name: one of each is needed."
    }
    assert set(problems({"1/a.png": GREY, "2/a.png": GREY}).values()) == {
        "Several masks have this name, and no photo."
    }


def test_other_files_are_counted():
    found = pairs.match([("a.jpg", PHOTO), ("a.png", GREY), ("notes.txt", b"?"), ("inner.zip.exe", b"?")])
    assert len(found.pairs) == 1 and found.ignored == 2


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.jpg": b"nonsense", "a.png": GREY}, "not a readable image"),
        ({"a.jpg": PHOTO, "masks/a.png": GREY[:-20]}, "damaged"),
        ({"a.jpg": PHOTO, "masks/a.png": picture("PNG", "L", value=77)}, "no VOC class"),
        (
            {"a.jpg": PHOTO, "a.png": picture("PNG", "L", size=(5, 9))},
            "The mask is 5 × 9 px and the photo 12",
        ),
        ({"a.jpg": PHOTO, "labels/a.jpg": PHOTO}, "PNG"),
    ],
)
def test_a_broken_pair_says_so_when_it_is_opened(files, says):
    (pair,) = pairs.match([("all.zip", zipped(files))]).pairs
    with pytest.raises(ImageError, match=says):
        pair.open()


# --- hostile zips


def test_names_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {"../../etc/a.jpg": PHOTO, "/masks/a.png": GREY, "C:\\b.jpg": PHOTO, "x\n\x1b[31m.jpg": PHOTO}
    found = pairs.match([("all.zip", zipped(files))])
    assert [p.name for p in found.pairs] == ["a"]
    found.pairs[0].open()
    assert not list(Path(tmp_path).iterdir())
    assert all(name.isprintable() and len(name) <= 60 for name, _ in found.problems)


def whole_problem(data: bytes) -> str:
    found = pairs.match([("all.zip", data)])
    assert not found.pairs
    ((_, problem),) = found.problems
    return problem


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + b"\xff" * 18, zipped({"a.jpg": PHOTO})[:-30]])
def test_a_damaged_zip_says_so(data):
    assert "no zip file" in whole_problem(data)


def test_too_many_files_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(archive, "MAX_ENTRIES", 10)
    data = zipped({f"{i}.jpg": b"" for i in range(11)})
    monkeypatch.setattr(archive.zipfile, "ZipFile", lambda *_: pytest.fail("it was opened"))
    assert "more than 10 files" in whole_problem(data)


def test_too_many_bytes_are_refused(monkeypatch):
    data = zipped({"a.jpg": b"0" * 1000, "b.jpg": b"0" * 1000})
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1999)
    assert "unpack to more than" in whole_problem(data)
    monkeypatch.setattr(archive, "MAX_PACKED", 10)
    assert "is over" in whole_problem(data)


def test_a_member_that_declares_too_much_is_not_unpacked():
    data = zipped({"a.jpg": b"0" * (images.MAX_BYTES + 1), "a.png": GREY})
    assert len(data) < 10**6
    assert dict(pairs.match([("all.zip", data)]).problems)["a.jpg"].startswith("It is over 20 MB")


def test_a_member_that_lies_about_its_size_is_cut_and_refused():
    data = bytearray(zipped({"a.jpg": b"0" * 10**7}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + place, 100)
    (member,) = archive.unpack("all.zip", bytes(data))
    with pytest.raises(ImageError, match="cannot be unpacked"):
        member.bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_may_need_much_memory_is_refused(method):
    (member,) = archive.unpack("all.zip", zipped({"a.jpg": PHOTO}, method))
    with pytest.raises(ImageError, match="ordinary zip"):
        member.bytes()


def test_encrypted_and_damaged_members_are_reported_and_the_rest_is_used():
    data = bytearray(
        zipped({"a.jpg": PHOTO, "a.png": GREY, "b.jpg": PHOTO, "b.png": GREY}, zipfile.ZIP_STORED)
    )
    contents = data.index(b"PK\x01\x02")
    data[contents + 8] |= 1  # the first member's flag
    data[data.index(b"PK\x03\x04") + 6] |= 1
    found = pairs.match([("all.zip", bytes(data))])
    assert [p.name for p in found.pairs] == ["b"]
    assert "encrypted" in dict(found.problems)["a.jpg"]


def test_overlapping_members_cannot_be_read_twice():
    """One packed stream that every entry of the table of contents points at."""
    data = zipped({f"{i}.jpg": PHOTO for i in range(3)})
    at = [i for i in range(len(data)) if data.startswith(b"PK\x01\x02", i)]
    overlapping = bytearray(data)
    for place in at[1:]:
        struct.pack_into("<I", overlapping, place + 42, 0)
    for member in archive.unpack("all.zip", bytes(overlapping))[1:]:
        with pytest.raises(ImageError, match="cannot be unpacked"):
            member.bytes()


# --- folders


def test_a_voc_folder_gives_its_splits_and_pairs(tmp_path):
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / "VOC2012" / name).mkdir(parents=True)
    root = tmp_path / "VOC2012"
    (root / "ImageSets/Segmentation/val.txt").write_text("a\nlost\n")
    (root / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (root / "JPEGImages/a.jpg").write_bytes(PHOTO)
    (root / "SegmentationClass/a.png").write_bytes(PALETTE)
    assert pairs.splits(tmp_path) == pairs.splits(root) == ["train", "val"]
    assert pairs.splits(tmp_path / "nowhere") == []
    a, lost = pairs.from_folder(voc.VocFolder.open(tmp_path, "val")).pairs
    assert (a.open()[1] == 15).all()
    with pytest.raises(ImageError) as error:
        lost.open()
    assert str(tmp_path) not in str(error.value)
