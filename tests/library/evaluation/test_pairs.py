"""Uploaded photos and masks: what matches, what is refused, and hostile zips."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from fcnviz.evaluation import archive, pairs
from fcnviz.photos import images, voc
from fcnviz.photos.folder import VocFolder, splits
from fcnviz.photos.images import ImageError, Mask, Opened
from tests import masks
from tests.hostile import saved


def picture(kind: str = "JPEG", mode: str = "RGB", size: tuple[int, int] = (12, 9), value: int = 0) -> bytes:
    image = Image.new(mode, size, value)
    if mode == "P":
        image.putpalette(voc.palette().tobytes())
    return saved(image, kind)


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
    assert [p.name for p in found.pairs] == ["a"]
    assert len(found.problems) == len(files) - 2
    read = found.pairs[0].open()
    photo, mask = read.photo, read.labels
    assert photo.mode == "RGB"
    assert photo.size == (12, 9)
    assert mask.shape == (9, 12)
    assert set(np.unique(mask)) <= {8, 15}


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
    assert len(twice) == 3
    assert set(twice.values()) == {"2 photos and 1 mask have this name: one of each is needed."}
    assert set(problems({"1/a.png": GREY, "2/a.png": GREY}).values()) == {
        "Several masks have this name, and no photo."
    }


def test_every_file_that_is_left_out_is_listed():
    other = ["notes.txt", "inner.zip.exe", "b/._a.jpg", "SegmentationObject/a.png"]
    found = pairs.match([("a.jpg", PHOTO), ("a.png", GREY), *((name, b"?") for name in other)])
    assert len(found.pairs) == 1
    assert {name for name, _ in found.problems} == set(other)


def test_many_files_of_a_kind_are_one_line():
    found = pairs.match([("a.jpg", PHOTO), ("a.png", GREY), *((f"{i}.txt", b"?") for i in range(1, 9))])
    assert dict(found.problems) == dict.fromkeys(
        ("1.txt", "2.txt", "6 files like 8.txt"), "Neither a photo nor a mask."
    )


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
    assert dict(pairs.match([("all.zip", data)]).problems)["a.jpg"].startswith("The file is over 20 MB")


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


@pytest.mark.parametrize(
    ("raw", "flag", "name"),
    [
        ("고양이".encode(), True, "고양이"),
        ("고양이".encode(), False, "고양이"),  # as macOS packs it
        ("고양이".encode("cp949"), False, "고양이"),  # as Windows in Korean does
        ("똠방각하 1".encode("cp949"), False, "똠방각하 1"),
        ("Zürich café".encode("cp437"), False, "Zürich café"),
        (b"plain", False, "plain"),
    ],
)
def test_names_of_other_systems_are_readable(raw, flag, name):
    data = zipped({"P" * len(raw) + ".jpg": PHOTO, "P" * len(raw) + ".png": GREY})
    data = bytearray(data.replace(b"P" * len(raw), raw))
    for signature, place in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        for at in (i for i in range(len(data)) if data.startswith(signature, i)):
            data[at + place] |= 8 * flag
    (pair,) = pairs.match([("all.zip", bytes(data))]).pairs
    assert pair.name == name
    assert (pair.open().labels == 8).all()


# --- through all doors alike


def folder_of(root: Path, photo: bytes, mask: bytes) -> VocFolder:
    for name, data in {
        "JPEGImages/a.jpg": photo, "SegmentationClass/a.png": mask, "ImageSets/Segmentation/val.txt": b"a",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return VocFolder.open(root, "val")


def outcome(found: pairs.Found) -> tuple:
    """What comes of the only pair: pixels, labels and notes, or the refusal without the file's name."""
    (pair,) = found.pairs
    try:
        read = pair.open()
    except ImageError as error:
        return type(error), re.sub(r"^\w+/a\.\w+: ", "", str(error))
    return np.asarray(read.photo).tolist(), read.labels.tolist(), read.notes


def through_all_doors(root: Path, photo: bytes, mask: bytes, white: int | None = None) -> tuple:
    """The outcome as uploads, in a zip and in a VOC folder, which must be one."""
    files = {"JPEGImages/a.jpg": photo, "SegmentationClass/a.png": mask}
    uploaded = pairs.match([("a.jpg", photo), ("a_mask.png", mask)], white=white)
    packed = pairs.match([("all.zip", zipped(files))], white=white)
    lying = pairs.from_folder(folder_of(root, photo, mask), white)
    first, *others = map(outcome, (uploaded, packed, lying))
    assert others == [first, first]
    return first


@pytest.mark.parametrize("white", [None, 15])
@pytest.mark.parametrize("name", [name for name in masks.ALL if name != "HEIC"])
def test_a_mask_is_read_alike_through_all_doors(name, white, tmp_path):
    mask = masks.ALL[name]()
    try:
        size = images.open_mask(mask, white=15).shape[::-1]
    except ImageError:
        size = (22, 5)
    photo = picture(size=size)
    found = through_all_doors(tmp_path, photo, mask, white)
    if name in masks.REFUSED or (name in masks.BINARY and not white):
        assert issubclass(found[0], ImageError)
    else:
        assert found[1] == images.open_mask(mask, white=white).tolist()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def coloured(mode: str = "RGB", form: str = "PNG", **options: object) -> bytes:
    pixels = np.arange(22 * 5 * 3, dtype=np.uint8).reshape(5, 22, 3)
    return saved(Image.fromarray(pixels).convert(mode), form, **options)


SRGB = ImageCms.createProfile("sRGB")
PHOTOS = {
    "plain": lambda: coloured(form="JPEG"),
    "grey": lambda: coloured("L"),
    "CMYK": lambda: coloured("CMYK", "JPEG"),
    "transparent": lambda: saved(Image.new("RGBA", (22, 5), (9, 9, 9, 99)), "PNG"),
    "deep": lambda: masks.grey(np.arange(110).reshape(5, 22), np.uint16),
    "turned": lambda: coloured(form="JPEG", exif=exif(6)),
    "upside down": lambda: coloured(form="JPEG", exif=exif(3)),
    "a profile": lambda: coloured(icc_profile=ImageCms.ImageCmsProfile(SRGB).tobytes()),
    "another size": lambda: picture(size=(9, 9)),
    "cut short": lambda: coloured(form="JPEG")[:-100],
    "text": lambda: b"This is no photo.",
    "empty": lambda: b"",
}


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_is_read_alike_through_all_doors(name, tmp_path):
    photo = PHOTOS[name]()
    found = through_all_doors(tmp_path, photo, masks.PLAIN["palette"]())
    if len(found) == 3:
        assert found[0] == np.asarray(images.open_image(photo)).tolist()
    else:
        assert name in ("turned", "another size", "cut short", "text", "empty")


def test_swapped_sizes_speak_of_the_orientation():
    mask = Mask(np.zeros((5, 22), np.uint8))
    with pytest.raises(ImageError, match=r"since its EXIF orientation .*turn the mask"):
        pairs.checked(Opened(Image.new("RGB", (5, 22)), orientation=6), mask)
    with pytest.raises(ImageError, match="turned by a quarter"):
        pairs.checked(Opened(Image.new("RGB", (5, 22))), mask)
    with pytest.raises(ImageError, match="must be the same"):
        pairs.checked(Opened(Image.new("RGB", (4, 22)), orientation=6), mask)


@pytest.mark.parametrize(
    ("orientation", "size", "told"), [(1, (9, 5), 0), (3, (9, 5), 1), (6, (9, 5), 0), (6, (9, 9), 1)]
)
def test_a_turn_that_sizes_do_not_show_is_noted(orientation, size, told):
    mask = Mask(np.zeros(size[::-1], np.uint8), ("of the mask",))
    photo = Opened(Image.new("RGB", size), ("of the photo",), orientation)
    read = pairs.checked(photo, mask)
    assert read.notes[:2] == ("of the photo", "of the mask")
    assert len(read.notes) == 2 + told


def test_a_telephones_photo_is_named_and_not_lost():
    heic = masks.ALL["HEIC"]()
    for name in ("a.heic", "a.HEIC", "a.jpg", "JPEGImages/a.png"):
        found = pairs.match([("all.zip", zipped({name: heic, "SegmentationClass/a.png": GREY}))])
        assert not found.pairs
        assert dict(found.problems)[name].startswith("This is HEIC, an iPhone's format")


# --- folders


def test_a_voc_folder_gives_its_splits_and_pairs(tmp_path):
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / "VOC2012" / name).mkdir(parents=True)
    root = tmp_path / "VOC2012"
    (root / "ImageSets/Segmentation/val.txt").write_text("a\nlost\n")
    (root / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (root / "JPEGImages/a.jpg").write_bytes(PHOTO)
    (root / "SegmentationClass/a.png").write_bytes(PALETTE)
    assert splits(tmp_path) == splits(root) == ["train", "val"]
    assert splits(tmp_path / "nowhere") == []
    a, lost = pairs.from_folder(VocFolder.open(tmp_path, "val")).pairs
    assert (a.open().labels == 15).all()
    with pytest.raises(ImageError) as error:
        lost.open()
    assert str(tmp_path) not in str(error.value)
