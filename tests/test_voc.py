from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz.voc import CLASSES, VOID, VocFolder, palette

COLOURS = {  # as printed in the VOC development kit's documentation
    "background": (0, 0, 0),
    "aeroplane": (128, 0, 0),
    "bicycle": (0, 128, 0),
    "bird": (128, 128, 0),
    "boat": (0, 0, 128),
    "bottle": (128, 0, 128),
    "bus": (0, 128, 128),
    "car": (128, 128, 128),
    "cat": (64, 0, 0),
    "chair": (192, 0, 0),
    "cow": (64, 128, 0),
    "diningtable": (192, 128, 0),
    "dog": (64, 0, 128),
    "horse": (192, 0, 128),
    "motorbike": (64, 128, 128),
    "person": (192, 128, 128),
    "pottedplant": (0, 64, 0),
    "sheep": (128, 64, 0),
    "sofa": (0, 192, 0),
    "train": (128, 192, 0),
    "tvmonitor": (0, 64, 128),
}


def test_palette_has_the_voc_colours():
    colours = palette()
    assert colours.shape == (256, 3) and colours.dtype == np.uint8
    assert {name: tuple(colours[i].tolist()) for i, name in enumerate(CLASSES)} == COLOURS
    assert colours[VOID].tolist() == [224, 224, 192]
    assert len({tuple(c) for c in colours.tolist()}) == 256


def test_classes():
    assert tuple(COLOURS) == CLASSES and len(CLASSES) == 21
    assert VOID == 255


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
    assert len(voc) == 3 and voc.ids == ("2007_000032", "coco_7", "x")
    for i in range(3):
        photo, mask = voc.photo(i), voc.mask(i)
        assert photo.mode == "RGB" and photo.size == (6 + i, 4)
        assert np.abs(np.asarray(photo).astype(int) - (80 * i, 200, 30)).max() <= 12
        expected = np.full((4, 6 + i), i)
        expected[0, 0], expected[3, 5] = 15, 255
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, expected)


def test_folder_opens_from_the_devkit_or_from_inside_and_keeps_the_lists_order(folder):
    for root in (folder, str(folder), folder / "VOC2012"):
        voc = VocFolder.open(root, "val")
        assert voc.root == folder / "VOC2012" and voc.split == "val"
        assert voc.ids == ("x", "2007_000032")
        assert voc.photo(0).size == (8, 4)


def test_grey_and_transparent_photos_become_rgb(folder):
    path = folder / "VOC2012" / "JPEGImages" / "x.png"
    for mode in ("L", "LA", "RGBA", "P"):
        Image.new("RGB", (8, 4), (204, 204, 204)).convert(mode).save(path)
        photo = VocFolder.open(folder, "val").photo(0)
        assert photo.mode == "RGB" and photo.getpixel((0, 0)) == (204, 204, 204)


def test_a_jpeg_comes_before_other_formats(folder):
    Image.new("RGB", (50, 50)).save(folder / "VOC2012" / "JPEGImages" / "2007_000032.png")
    assert VocFolder.open(folder, "train").photo(0).size == (6, 4)


def test_the_held_part_is_a_fifth_of_the_official_list_and_fit_is_the_rest(tmp_path):
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    official, other = ([f"{year}_{i:06d}" for i in range(500)] for year in (2007, 2008))
    (lists / "train.txt").write_text("\n".join(official))
    (lists / "train_aug.txt").write_text("\n".join(other + official))
    (lists / "my-own.txt").write_text("a b")
    fit, kept = (VocFolder.open(tmp_path, f"train_aug-{part}").ids for part in ("fit", "held"))
    assert sorted(fit + kept) == sorted(other + official) and set(kept) < set(official)
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
    with pytest.raises(FileNotFoundError, match=r"coco_7\.jpg, \.webp or \.png"):
        voc.photo(1)
    with pytest.raises(FileNotFoundError, match=r"coco_7\.png"):
        voc.mask(1)
    assert voc.photo(2).size == (8, 4)


def test_a_photos_name_may_hold_a_dot(folder):
    Image.new("RGB", (3, 2)).save(folder / "VOC2012" / "JPEGImages" / "photo.v2.jpg")
    (folder / "VOC2012" / "ImageSets" / "Segmentation" / "own.txt").write_text("photo.v2\n")
    assert VocFolder.open(folder, "own").photo(0).size == (3, 2)
