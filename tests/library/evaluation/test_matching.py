"""Which mask belongs to which photo: the layouts that tools and people make, and what is not guessed."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fcnviz.evaluation import archive, matching
from tests.hostile import saved

PHOTO = saved(Image.new("RGB", (4, 3)), "JPEG")
RGB = saved(Image.new("RGB", (4, 3)), "PNG")
GREY = saved(Image.new("L", (4, 3)), "PNG")
PALETTE = saved(Image.new("P", (4, 3)), "PNG")


def matched(files: dict[str, bytes] | list[str]) -> dict[str, tuple[str, str]]:
    """The pairs, as (photo, mask) by name; of listed names, .jpg is a photo and all else RGB."""
    if isinstance(files, list):
        files = {name: PHOTO if name.lower().endswith((".jpg", ".jpeg")) else RGB for name in files}
    found, _ = matching.match(archive.plain(name, data) for name, data in files.items())
    return {pair.name: (pair.photo.name, pair.mask.name) for pair in found}


def layout(text: str) -> list[str]:
    return text.split()


ONE = {  # photo, mask, and files that are in no pair
    "a.jpg a.png": "",
    "a.jpg a_mask.png": "",
    "a.png a_mask.png": "",
    "a.jpg a_seg.png": "",
    "a.jpg a_segmentation.png": "",
    "a.jpg a-label.png": "",
    "a.jpg a_labels.png": "",
    "a.jpg a.gt.png": "",
    "a.jpg a_truth.png": "",
    "a.jpg a_ground_truth.png": "",
    "a.jpg mask_a.png": "",
    "a.jpg label_a.png": "",
    "a.jpg seg_a.png": "",
    "a.jpg gt-a.png": "",
    "a.jpg a.jpg.png": "",
    "a.jpg a.jpg_mask.png": "",
    "img_7.jpg mask_7.png": "",
    "image_7.png mask_7.png": "",
    "7_image.png 7_mask.png": "",
    "IMG_1.JPG img_1.png": "",
    "IMG_1.JPG IMG_1_Mask.PNG": "",
    "my_mask.jpg my_mask.png": "",
    "images/a_gt.jpg masks/a_gt.png": "",
    "images/a.png masks/a.png": "",
    "images/a.png masks/a_mask.png": "",
    "img_dir/a.png ann_dir/a.png": "",
    "training_images/a.png training_masks/a.png": "",
    "img_dir/train/a.png ann_dir/train/a.png": "",
    "data/a.png labels/a.png": "",
    "x/a.png label_dir/a.png": "",
    "x/a.png ground_truth/a.png": "",
    "train/a.png trainannot/a.png": "",
    "images/a.png other/a.png": "",
    "other/a.jpg another/a.png": "",
    "ds/img/a.jpg ds/masks_machine/a.jpg.png": "",
    "masks/images/a.jpg masks/SegmentationClass/a.png": "",
    "labels/photos/a.png labels/gt/a.png": "",
    "imagesTr/a.png labelsTr/a.png": "",
    "inputs/a.png annots/a.png": "",
    "Original_Images/a.png Ground-Truth/a.png": "",
    "beach.jpg what_i_drew.png": "",
    "images/beach.png masks/drawn.png": "",
    "d\\JPEGImages\\a.jpg d\\SegmentationClass\\a.png": "",
    # labelme2voc, of old and of late
    "JPEGImages/a.jpg SegmentationClassPNG/a.png": "SegmentationClass/a.npy SegmentationObject/a.npy "
    "SegmentationClassVisualization/a.jpg SegmentationObjectVisualization/a.jpg SegmentationObjectPNG/a.png "
    "class_names.txt",
    "l/JPEGImages/a.jpg l/SegmentationClass/a.png": "l/SegmentationClassNpy/a.npy l/SegmentationObject/a.png "
    "l/SegmentationClassVisualization/a.jpg l/SegmentationObjectVisualization/a.jpg",
    "VOC2012/JPEGImages/a.jpg VOC2012/SegmentationClass/a.png": "VOC2012/SegmentationObject/a.png "
    "VOC2012/Annotations/a.xml __MACOSX/VOC2012/JPEGImages/._a.jpg .DS_Store",
}


@pytest.mark.parametrize("couple", ONE)
def test_a_photo_finds_its_mask(couple):
    photo, mask = layout(couple)
    other = layout(ONE[couple])
    assert list(matched([photo, mask, *other]).values()) == [(photo, mask)]
    assert list(matched([*other, mask, photo]).values()) == [(photo, mask)]


SEVERAL = {
    "t1/images/a.jpg t1/masks/a.png": "t2/images/a.jpg t2/masks/a.png",
    "VOC2007/JPEGImages/a.jpg VOC2007/SegmentationClass/a.png": "VOC2012/JPEGImages/a.jpg "
    "VOC2012/SegmentationClass/a.png",
    "img_dir/train/a.jpg ann_dir/train/a.png": "img_dir/val/a.jpg ann_dir/val/a.png",
    "images_train/a.jpg masks_train/a.png": "images_val/a.jpg masks_val/a.png",
    "train/a.png trainannot/a.png": "test/a.png testannot/a.png val/a.png valannot/a.png",
    "1/a.jpg 1/a_seg.png": "2/a.jpg 2/a_seg.png",
    "p/q/a.jpg p/r/a.png": "s/q/a.jpg s/r/a.png",
    "a.jpg a_mask.png": "my_mask.jpg my_mask.png",
}


@pytest.mark.parametrize("first", SEVERAL)
def test_equal_names_match_in_the_nearest_folder(first):
    names = layout(first) + layout(SEVERAL[first])
    found = matched(names)
    assert sorted(found.values()) == sorted(zip(names[::2], names[1::2], strict=True))
    assert all(name.isprintable() for name in found)


def test_pairs_of_one_name_are_told_apart_by_their_places():
    found = matched(layout("t1/images/Ab.jpg t1/masks/ab.png t2/images/ab.jpg t2/masks/ab.png c.jpg c.png"))
    assert sorted(found) == ["c", "t1/Ab", "t2/ab"]


def test_zips_are_places_too():
    members = [archive.Member(name, lambda n: PHOTO[:n], within=zipped) for zipped, name in (
        ("train_images.zip", "a.jpg"), ("train_masks.zip", "a.png"),
        ("val_images.zip", "a.jpg"), ("val_masks.zip", "a.png"),
    )]  # fmt: skip
    found, problems = matching.match(members)
    assert [(pair.photo.within, pair.mask.within) for pair in found] == [
        ("train_images.zip", "train_masks.zip"),
        ("val_images.zip", "val_masks.zip"),
    ]
    assert not problems


@pytest.mark.parametrize(
    "files",
    [
        {"x/a.png": RGB, "y/a.png": PALETTE},
        {"x/a.png": RGB, "y/a.png": GREY},
        {"images/a.png": GREY, "y/a.png": GREY},
        {"photo.png": RGB, "mask.png": PALETTE},
    ],
)
def test_two_pngs_are_told_apart_by_their_looks(files):
    assert list(matched(files).values()) == [tuple(files)]


@pytest.mark.parametrize(
    "names",
    [
        "1/a.jpg 2/a.jpg masks/a.png",
        "a.jpg a.webp a.png",
        "a.jpg a.png a_mask.png",
        "images/a.jpg masks/a.png masks/a_mask.png",
        "a.jpg b.jpg",
        "a.jpg b.jpg c.png",
        "a.png b.png",
        "1/a.png 2/a.png",
        "a_mask.png a_gt.png",
        "SegmentationObject/a.png a.jpg",
    ],
)
def test_what_is_not_clear_is_not_guessed_and_each_file_is_listed(names):
    files = layout(names)
    found, problems = matching.match(archive.plain(name, RGB) for name in files)
    assert not found
    assert sorted(name for name, _ in problems) == sorted(files)


def test_what_is_missing_is_said():
    names = "a.jpg masks/b.png 1/c.png 2/c.png d.png e_mask.jpg 1/f.jpg 2/f.jpg 1/g.jpg 2/g.jpg masks/g.png"
    _, problems = matching.match(archive.plain(name, GREY) for name in layout(names))
    said = dict(problems)
    assert said["a.jpg"] == "No mask has this name."
    assert said["masks/b.png"] == "No photo has this name."
    assert said["1/c.png"] == said["2/c.png"] == "Several masks have this name, and no photo."
    assert said["d.png"].startswith("No other file has this name")
    assert said["e_mask.jpg"].endswith("save it as PNG.")
    assert said["1/f.jpg"] == "Several photos have this name, and no mask."
    assert said["1/g.jpg"] == "2 photos and 1 mask have this name: one of each is needed."


# --- whatever the system writes

STEMS = ("a", "b_2", "고양이", "été", "straße", "x.y", "IMG 3")
FORMS = (
    "{}.jpg {}.png",
    "{}.jpg {}_mask.png",
    "images/{}.jpg masks/{}.png",
    "t1/JPEGImages/{}.jpg t1/SegmentationClass/{}.png",
    "t2/images/{}.png t2/labels/{}.png",
    "train/{}.png trainannot/{}.png",
    "{}.jpg lonely/{}.txt",
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(STEMS), st.sampled_from(FORMS)), max_size=8, unique=True),
    st.randoms(use_true_random=False),
)
def test_case_accents_and_order_change_no_pair(chosen, chance):
    names = list(dict.fromkeys(form.format(stem) for stem, forms in chosen for form in forms.split()))
    ids = {name: number for number, name in enumerate(names)}
    usual = {(ids[photo], ids[mask]) for photo, mask in matched(names).values()}
    renamed = {_renamed(name, chance): number for name, number in ids.items()}
    shuffled = list(renamed)
    chance.shuffle(shuffled)
    found = matched(shuffled)
    assert {(renamed[photo], renamed[mask]) for photo, mask in found.values()} == usual
    assert len(found) == len(usual)


def _renamed(name: str, chance: random.Random) -> str:
    """In another case and another form of accents, folder by folder."""
    parts = [
        unicodedata.normalize(chance.choice(("NFC", "NFD")), chance.choice((str, str.upper, str.title))(part))
        for part in name.split("/")
    ]
    return "/".join(parts)


def test_photos_of_one_system_and_masks_of_another():
    names = [unicodedata.normalize("NFC", "고양이é.jpg"), unicodedata.normalize("NFD", "고양이é.png")]
    assert list(matched(names)) == ["고양이é"]


@pytest.mark.parametrize(
    "name",
    [
        "{0}/images/a.jpg",
        "images/a.jpg/{0}.png",
        "long" * 300 + "{0}.jpg",
        "a/" * 3000 + "{0}.png",
        "{0}/a.png",
        "_" * 3000 + "{0}_mask.png",
    ],
)
def test_ten_thousand_files_take_no_time(name):
    files = [archive.plain(name.format(number), GREY) for number in range(archive.MAX_ENTRIES)]
    began = time.process_time()
    matching.match(files)
    assert time.process_time() - began < 10
