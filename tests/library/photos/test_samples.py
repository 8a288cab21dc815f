import json
import socket
from dataclasses import FrozenInstanceError, astuple

import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from PIL import Image

from fcnviz import files
from fcnviz.photos import samples
from fcnviz.photos.voc import CLASSES, VOID

NAMES = ["cat", "astronaut", "motorbike", "coffee", "grace"]

SIZES = {  # width, height
    "cat": (451, 300),
    "astronaut": (512, 512),
    "motorbike": (741, 500),
    "coffee": (600, 400),
    "grace": (512, 600),
}

SHARES = {  # of the whole photo: least, most
    "cat": {"background": (0.15, 0.30), "cat": (0.70, 0.82)},
    "astronaut": {"background": (0.50, 0.65), "person": (0.35, 0.45)},
    "motorbike": {
        "background": (0.58, 0.72),
        "motorbike": (0.22, 0.32),
        "bicycle": (0.003, 0.01),
        "bottle": (0.0004, 0.003),
    },
    "coffee": {"background": (0.02, 0.05), "diningtable": (0.94, 0.98)},
    "grace": {"background": (0.36, 0.46), "person": (0.50, 0.60)},
}

POINTS = {  # (x, y): class, picked by eye
    "cat": {
        (170, 110): "cat",  # eye
        (60, 10): "cat",  # ear
        (380, 8): "cat",  # other ear
        (10, 200): "cat",  # back
        (340, 240): "cat",  # fore-limb
        (10, 60): "background",
        (430, 60): "background",
        (345, 290): "background",  # cloth
    },
    "astronaut": {
        (230, 110): "person",  # face
        (240, 25): "person",  # hair
        (200, 200): "person",  # inside the neck ring
        (40, 450): "person",  # sleeve
        (350, 330): "person",  # shoulder
        (380, 430): "background",  # helmet
        (400, 150): "background",  # space shuttle
        (30, 250): "background",  # flag
    },
    "motorbike": {
        (420, 220): "motorbike",  # tank
        (200, 210): "motorbike",  # fender
        (190, 330): "motorbike",  # between the spokes of the rear wheel
        (620, 400): "motorbike",  # between the spokes of the front wheel
        (530, 160): "motorbike",  # headlight
        (350, 127): "motorbike",  # mirror
        (553, 248): "background",  # between the fork legs
        (450, 430): "background",  # floor
        (220, 120): "background",  # bench
        (560, 60): "background",  # box
        (18, 200): "bicycle",
        (409, 75): "bottle",
    },
    "coffee": {(290, 150): "diningtable", (550, 350): "diningtable", (20, 20): "background"},
    "grace": {
        (260, 240): "person",  # nose
        (250, 60): "person",  # badge of the hat
        (330, 60): "person",  # white of the hat
        (360, 200): "person",  # ear
        (100, 500): "person",  # name plate
        (500, 590): "person",
        (440, 200): "background",
        (60, 340): "background",  # flag
        (141, 200): "background",  # cord
        (10, 480): "background",
    },
}

each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def labels():
    return {name: samples.annotation(name) for name in NAMES}


def test_samples_are_the_five_in_order_and_say_whom_to_credit():
    assert list(samples.SAMPLES) == NAMES
    for name, sample in samples.SAMPLES.items():
        assert sample.name == name
        assert all(astuple(sample)[:-1])
    with pytest.raises(FrozenInstanceError):
        samples.SAMPLES["cat"].title = "dog"


@each
def test_photo_is_rgb_at_native_size(name):
    photo = samples.load(name)
    assert photo.mode == "RGB"
    assert photo.size == SIZES[name]


def test_photos_are_those_the_packages_offer():
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as grace:
        offered = {
            "cat": skimage.data.chelsea(),
            "astronaut": skimage.data.astronaut(),
            "coffee": skimage.data.coffee(),
            "motorbike": skimage.data.stereo_motorcycle()[0],
            "grace": np.asarray(grace.convert("RGB")),
        }
    for name, pixels in offered.items():
        np.testing.assert_array_equal(np.asarray(samples.load(name)), pixels)


@each
def test_annotation_has_the_photo_size_and_voc_values(name, labels):
    assert labels[name].dtype == np.uint8
    assert labels[name].shape == SIZES[name][::-1]
    assert set(np.unique(labels[name])) <= {*range(len(CLASSES)), VOID}


@each
def test_classes_are_those_expected_in_plausible_shares(name, labels):
    found = {CLASSES[label] for label in np.unique(labels[name]) if label != VOID}
    assert found == set(SHARES[name])
    for cls, (least, most) in SHARES[name].items():
        assert least < np.mean(labels[name] == CLASSES.index(cls)) < most, cls
    assert 0.003 < np.mean(labels[name] == VOID) < 0.1


@each
def test_different_labels_never_touch(name, labels):
    a = labels[name].astype(int)
    for one, other in ((a[:, 1:], a[:, :-1]), (a[1:], a[:-1])):
        clash = (one != other) & (one != VOID) & (other != VOID)
        assert not clash.any()


@each
def test_known_pixels_have_known_labels(name, labels):
    got = {(x, y): labels[name][y, x] for x, y in POINTS[name]}
    assert got == {point: CLASSES.index(cls) for point, cls in POINTS[name].items()}


def test_objects_run_out_of_the_photo_without_a_border(labels):
    assert (labels["cat"][-1, :290] == CLASSES.index("cat")).all()
    assert (labels["coffee"][-1] == CLASSES.index("diningtable")).all()
    assert (labels["grace"][-1, 30:] == CLASSES.index("person")).all()


@pytest.mark.parametrize(("longest", "wide"), [(500, 5), (451, 5), (741, 7)])
def test_border_is_centred_on_the_outline_and_scales(longest, wide):
    halves = np.zeros((20, 40), np.uint8)
    halves[:, 20:] = 8  # the outline is column 20
    columns = np.flatnonzero(samples._border(halves, samples.BORDER_WIDTH * longest)[10])
    assert columns.tolist() == list(range(20 - wide // 2, 20 + wide // 2 + 1))


def test_later_objects_paint_over_earlier_ones_and_holes_show_what_is_beneath():
    square = [[2, 2], [12, 2], [12, 12], [2, 12]]
    inner = [[5, 5], [8, 5], [8, 8], [5, 8]]
    everything = [[-9, -9], [99, -9], [99, 99], [-9, 99]]
    painted = samples._paint(
        (20, 15),
        [
            {"class": "sofa", "outlines": [everything], "holes": []},
            {"class": "dog", "outlines": [square], "holes": [inner]},
        ],
    )
    assert painted.shape == (15, 20)
    assert [CLASSES[painted[y, x]] for x, y in ((3, 3), (6, 6), (18, 1))] == ["dog", "sofa", "sofa"]


def test_every_decision_is_noted_and_every_polygon_is_one():
    photos = json.loads(samples.ANNOTATIONS.read_text(encoding="utf-8"))["photos"]
    assert list(photos) == NAMES
    for photo in photos.values():
        assert len(photo["note"]) > 50
        assert {thing["class"] for thing in photo["objects"]} <= set(CLASSES[1:])
        polygons = [p for thing in photo["objects"] for p in thing["outlines"] + thing["holes"]]
        assert all(len(polygon) >= 3 for polygon in polygons + photo["void"])


@pytest.mark.parametrize("read", [samples.load, samples.annotation])
def test_unknown_name_lists_the_known_ones(read):
    with pytest.raises(ValueError, match=r"called 'lena'.*cat, astronaut, motorbike, coffee, grace"):
        read("lena")


def test_missing_package_says_which(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda package: None)
    with pytest.raises(FileNotFoundError, match=r"'grace'.*package matplotlib"):
        samples.load("grace")


@each
def test_loading_needs_no_network(name, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network in this test")

    for call in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, call, refuse)
    assert samples.annotation(name).shape == samples.load(name).size[::-1]
