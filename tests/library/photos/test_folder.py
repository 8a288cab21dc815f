"""VOC folders: their lists, and photos and masks that are read as uploads are."""

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz.photos.folder import VocFolder, splits
from fcnviz.photos.images import BinaryMaskError, ImageError, open_image
from fcnviz.photos.voc import VOID, palette
from tests import masks
from tests.hostile import saved


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three photos, one a format, in a VOCdevkit/ folder; masks with the VOC palette."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for i, (stem, ext) in enumerate([("2007_000032", "jpg"), ("coco_7", "webp"), ("x", "png")]):
        Image.new("RGB", (6 + i, 4), (80 * i, 200, 30)).save(
            root / "JPEGImages" / f"{stem}.{ext}", quality=95
        )
        labels = np.full((4, 6 + i), i, np.uint8)
        labels[0, 0], labels[3, 5] = 15, VOID
        mask = Image.fromarray(labels)
        mask.putpalette(palette().tobytes())
        assert mask.mode == "P"
        mask.save(root / "SegmentationClass" / f"{stem}.png")
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("2007_000032\ncoco_7\nx\n")
    (lists / "val.txt").write_text("x\n\n2007_000032")
    return root.parent


def test_folder_reads_jpeg_webp_and_png(folder):
    voc = VocFolder.open(folder, "train")
    assert len(voc) == 3
    assert voc.ids == ("2007_000032", "coco_7", "x")
    for i in range(3):
        photo, mask = voc.photo(i), voc.mask(i)
        assert photo.mode == "RGB"
        assert photo.size == (6 + i, 4)
        assert np.abs(np.asarray(photo).astype(int) - (80 * i, 200, 30)).max() <= 12
        expected = np.full((4, 6 + i), i)
        expected[0, 0], expected[3, 5] = 15, 255
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, expected)


def test_folder_opens_from_the_devkit_or_from_inside_and_keeps_the_lists_order(folder):
    for root in (folder, str(folder), folder / "VOC2012"):
        voc = VocFolder.open(root, "val")
        assert voc.root == folder / "VOC2012"
        assert voc.split == "val"
        assert voc.ids == ("x", "2007_000032")
        assert voc.photo(0).size == (8, 4)


def test_grey_and_transparent_photos_become_rgb(folder):
    path = folder / "VOC2012" / "JPEGImages" / "x.png"
    for mode in ("L", "LA", "RGBA", "P"):
        Image.new("RGB", (8, 4), (204, 204, 204)).convert(mode).save(path)
        photo = VocFolder.open(folder, "val").photo(0)
        assert photo.mode == "RGB"
        assert photo.getpixel((0, 0)) == (204, 204, 204)


def test_a_jpeg_comes_before_other_formats(folder):
    Image.new("RGB", (50, 50)).save(folder / "VOC2012" / "JPEGImages" / "2007_000032.png")
    assert VocFolder.open(folder, "train").photo(0).size == (6, 4)


def test_the_held_part_is_a_fifth_of_the_official_list_and_fit_is_the_rest(tmp_path):
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    official, other = ([f"{year}_{i:06d}" for i in range(500)] for year in (2007, 2008))
    (lists / "train.txt").write_text("\n".join(official))
    (lists / "train_aug.txt").write_text("\n".join(other + official))
    (lists / "my-own.txt").write_text("a\nb")
    fit, kept = (VocFolder.open(tmp_path, f"train_aug-{part}").ids for part in ("fit", "held"))
    assert sorted(fit + kept) == sorted(other + official)
    assert set(kept) < set(official)
    assert 75 <= len(kept) <= 125
    assert kept == VocFolder.open(tmp_path, "train-held").ids
    assert VocFolder.open(tmp_path, "my-own").ids == ("a", "b")


@pytest.mark.parametrize("split", ["test", "train_aug", "test-fit"])
def test_a_missing_split_is_an_error_that_names_the_file(folder, split):
    with pytest.raises(FileNotFoundError, match=rf"no split .*{split.removesuffix('-fit')}\.txt"):
        VocFolder.open(folder, split)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        VocFolder.open(tmp_path / "nowhere", "train")


def test_a_missing_photo_or_mask_is_an_error_that_names_it(folder):
    for path in ("JPEGImages/coco_7.webp", "SegmentationClass/coco_7.png"):
        (folder / "VOC2012" / path).unlink()
    voc = VocFolder.open(folder, "train")
    with pytest.raises(ImageError, match=r"no JPEGImages/coco_7\.jpg: "):
        voc.photo(1)
    with pytest.raises(ImageError, match=r"no SegmentationClass/coco_7\.png: "):
        voc.mask(1)
    assert voc.photo(2).size == (8, 4)


def test_a_photos_name_may_hold_a_dot(folder):
    Image.new("RGB", (3, 2)).save(folder / "VOC2012" / "JPEGImages" / "photo.v2.jpg")
    (folder / "VOC2012" / "ImageSets" / "Segmentation" / "own.txt").write_text("photo.v2\n")
    assert VocFolder.open(folder, "own").photo(0).size == (3, 2)


# --- lists


def listed(folder: Path, text: str | bytes) -> tuple[str, ...]:
    """The names that are read from a list."""
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "VOC2012" / "ImageSets" / "Segmentation" / "own.txt").write_bytes(data)
    return VocFolder.open(folder, "own").ids


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\ufeffx\r\ncoco_7\r\n", ("x", "coco_7")),  # as Notepad saves it
        ("x  1\ncoco_7 -1\n2007_000032  0\n", ("x", "2007_000032")),  # ImageSets/Main: -1 is absent
        ("x.png\ncoco_7.webp\n2007_000032.JPG", ("x", "coco_7", "2007_000032")),
        ("my photo 3\n  my photo 4  \n\n", ("my photo 3", "my photo 4")),
        ("x\nx\ncoco_7\nx", ("x", "coco_7")),
        ("caf\xe9 1".encode("cp1252"), ("caf\ufffd",)),
        ("", ()),
    ],
)
def test_lists(folder, text, names):
    assert listed(folder, text) == names


def test_a_name_that_ends_like_a_flag_is_a_name_if_there_is_such_a_photo(folder):
    for name in ("photo 1.jpg", "photo -1.JPG"):
        (folder / "VOC2012" / "JPEGImages" / name).write_bytes(saved(Image.new("RGB", (2, 2)), "JPEG"))
    assert listed(folder, "photo 1\nphoto -1\nphoto 0\nx 1") == ("photo 1", "photo -1", "photo", "x")


def test_splits_are_the_lists(folder, tmp_path):
    assert splits(folder) == splits(folder / "VOC2012") == ["train", "val"]
    assert splits(tmp_path / "nowhere") == []


# --- files


@pytest.mark.parametrize("ending", ["JPG", "jpeg", "JPEG", "WebP", "PNG", "bmp", "tif", "TIFF", "gif"])
def test_photos_of_any_ending(folder, ending):
    image = Image.new("RGB", (9, 4), (200, 0, 0))
    form = {"jpg": "JPEG", "tif": "TIFF"}.get(ending.lower(), ending.upper())
    (folder / "VOC2012" / "JPEGImages" / f"new.{ending}").write_bytes(saved(image, form))
    (folder / "VOC2012" / "SegmentationClass" / "new.PNG").write_bytes(masks.grey(np.full((4, 9), 7)))
    assert listed(folder, "new") == ("new",)
    voc = VocFolder.open(folder, "own")
    assert voc.photo(0).size == (9, 4)
    assert (voc.mask(0) == 7).all()


def test_names_from_another_system(folder):
    """Decomposed by macOS, or in another case."""
    name = "고양이é"
    (folder / "VOC2012" / "JPEGImages" / unicodedata.normalize("NFD", f"{name}.jpg")).write_bytes(
        saved(Image.new("RGB", (9, 4)), "JPEG")
    )
    listed(folder, f"{name}\nX")
    voc = VocFolder.open(folder, "own")
    assert voc.photo(0).size == (9, 4)
    assert voc.photo(1).size == (8, 4)


def test_photos_are_read_as_uploads_are(folder):
    """Upright, by their profile, on white; a plain JPEG is Pillow's, bit by bit."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    plain, exif = saved(Image.fromarray(pixels), "JPEG"), saved(Image.fromarray(pixels), "JPEG", exif=turned)
    clear = saved(Image.new("RGBA", (6, 4), (255, 0, 0, 0)), "PNG")
    for data in (plain, exif, clear):
        (folder / "VOC2012" / "JPEGImages" / "2007_000032.jpg").write_bytes(data)
        photo = VocFolder.open(folder, "train").photo(0)
        assert np.array_equal(photo, open_image(data))
        if data is not clear:
            with Image.open(folder / "VOC2012" / "JPEGImages" / "2007_000032.jpg") as image:
                assert np.array_equal(photo, np.rot90(image, 3) if data is exif else image)


def test_a_refusal_names_the_file_and_not_where_it_is(folder):
    (folder / "VOC2012" / "JPEGImages" / "x.png").write_bytes(b"nonsense")
    (folder / "VOC2012" / "SegmentationClass" / "x.png").write_bytes(masks.grey([[100]]))
    (folder / "VOC2012" / "SegmentationClass" / "coco_7.png").write_bytes(masks.grey([[0, 255]]))
    voc = VocFolder.open(folder, "train")
    with pytest.raises(ImageError, match=r"^JPEGImages/x\.png: The file is not a readable image"):
        voc.photo(2)
    with pytest.raises(ImageError, match=r"^SegmentationClass/x\.png: The mask has the value 100 "):
        voc.mask(2)
    with pytest.raises(BinaryMaskError, match=r"^SegmentationClass/coco_7\.png: "):
        voc.mask(1)
    assert voc.read_mask(1, white=15).labels.tolist() == [[0, 15]]
    assert voc.photo(1).size == (7, 4)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\ud800", ".."])
def test_odd_names_are_missing_files(folder, name):
    voc = replace(VocFolder.open(folder, "train"), ids=(name,))
    with pytest.raises(ImageError, match="There is no "):
        voc.photo(0)
