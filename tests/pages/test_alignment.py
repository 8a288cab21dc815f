"""The alignment page through AppTest: links, illegal sizes, numbers on screen, and no network ever runs."""

import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from fcnviz.lessons.alignment import layout, sizes
from fcnviz.lessons.alignment.sizes import Setup
from tests.apps import each_section, open_section, png, rerun, said, start, tables

PAGE = "pages/alignment.py"


@pytest.fixture(autouse=True)
def no_pass(passes):
    yield
    assert passes == []


def layers(at: AppTest) -> pd.DataFrame:
    """The table of every layer, with plain spaces."""
    return tables(at)[-1].replace("\u00a0", " ", regex=True)


def metrics(at: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in at.metric}


def test_the_page_answers_the_question_with_derived_numbers():
    at = start(PAGE)
    shown = metrics(at) | metrics(start(PAGE, section="Crops"))
    assert (shown["To reach the image"], shown["For any image size"]) == ("81 px", "97 px")
    assert shown["Crop"] == "100 − 81 = 19"
    names = ("score_pool4", "score_pool3", "upscore", "upscore16", "upscore8")
    assert [shown[name] for name in names] == ["5", "9", "19", "27", "31"]
    assert not at.error
    assert not at.warning


def test_the_table_is_the_layout_of_the_photo():
    at = start(PAGE, section="Layers", net="8s", photo="coffee")
    table = layers(at)
    across, down = (layout.steps(Setup("vgg16", 8), n) for n in (416, 277))
    assert list(table.index) == [s.name for s in across]
    assert list(table["Output"]) == [f"{x.after} × {y.after}" for x, y in zip(across, down, strict=True)]
    assert table.loc["conv1_1", "Does"] == "convolution 3 × 3, pad 100"
    assert table.loc["pool5", "Does"] == "pooling 2 × 2, stride 2, rounds up"
    assert table.loc["upscore8", "Does"] == "deconvolution 16 × 16, stride 8"
    assert table.loc["score_pool3c", "Does"] == "cut from 9 on"
    assert table.loc["score", "Output"] == "416 × 277"
    assert table.loc["fc7", "Sees, px"] == "404"
    facts = tables(at)[0].iloc[0]
    assert list(facts) == ["16", "134,346,581", table.loc["score_fr", "Sees, px"], "32"]


def test_a_link_reproduces_the_settings():
    link = {"net": "16s", "a_width": "500", "a_height": "375", "a_pad": "90", "a_pooling": "Down",
            "a_crop": "score_pool4", "a_col": "3", "a_row": "2", "a_map": "score_fr"}  # fmt: skip
    at = start(PAGE, **link)
    assert at.segmented_control(key="net").value == "16s"
    assert (at.number_input(key="a_width").value, at.number_input(key="a_height").value) == (500, 375)
    assert at.slider(key="a_pad").value == 90
    assert at.segmented_control(key="a_pooling").value == "Down"
    assert at.segmented_control(key="a_map").value == "score_fr"
    assert (at.number_input(key="a_col").value, at.number_input(key="a_row").value) == (3, 2)
    assert metrics(at)["Crop"] == "90 − 73 = 17"
    at = start(PAGE, section="Crops", **link)
    assert at.segmented_control(key="a_crop").value == "score_pool4"
    assert "(−1.5 − (−81.5)) / 16 = 80 / 16 = 5" in said(at)


def test_a_link_with_nonsense_shows_the_defaults():
    at = start(
        PAGE,
        photo="cat",
        net="7s",
        a_width="-3",
        a_height="x",
        a_pad="900",
        a_crop="?",
        a_col="9999",
        a_map="?",
    )
    assert metrics(at)["Crop"] == "100 − 81 = 19"
    assert at.number_input(key="a_width").value is None
    assert layers(open_section(at, "Layers")).loc["image", "Output"] == "416 × 277"  # the networks' input


def test_a_size_that_is_too_small_names_the_smallest():
    at = start(PAGE, a_pad="0", a_width="100", a_height="195")
    assert [e.value for e in at.error] == [
        "Width: 100 px is too small, fc6 needs more than the 4 px it is given. The smallest image side is "
        "195 px. Type that or more, or raise the padding."
    ]
    assert "nothing to draw" in said(at)
    assert metrics(open_section(at, "Crops"))["score_pool4"] == "5"  # crops do not depend on the size
    open_section(at, "Pad and crop")
    at.number_input(key="a_width").set_value(195)
    rerun(at)
    assert not at.error
    assert "canvas begins 81 px inside the image" in at.warning[0].value


def test_a_canvas_cut_short_by_rounding_says_which_size_fits():
    setup = Setup(ceil=False)
    bad = next(n for n in range(200, 300) if sizes.verdict(setup, n) is sizes.Verdict.UNCOVERED)
    at = start(PAGE, a_pooling="Down", a_width=str(bad), a_height=str(bad))
    assert len(at.warning) == 2
    good = int(re.search(r"or type (\d+)\.", at.warning[0].value)[1])
    for key in ("a_width", "a_height"):
        at.number_input(key=key).set_value(good)
    rerun(at)
    assert not at.warning


def test_lite0_needs_no_padding_and_its_true_centres_are_half_a_pixel_off():
    at = start(PAGE, photo="cat", a_backbone="lite0", net="16s", a_crop="score_pool4")
    assert at.slider(key="a_pad").disabled
    assert "**Why crop 8?**" in said(at)
    assert "7.5 px right and down" in said(at)
    open_section(at, "Crops")
    assert "−8 px / 16 = −0.5 pixels here: not a whole number, so no crop aligns them" in said(at)
    assert layers(open_section(at, "Layers")).loc["pad", "Does"] == "zeros: 0 right, 11 below"


@pytest.mark.parametrize("section", ["Pad and crop", "Crops", "Sizes", "Layers"])
def test_changing_the_net_keeps_the_page_whole(section):
    at = start(PAGE, section=section, net="8s", a_map="fuse_pool3", a_col="70", a_width="700")
    for net in ("32s", "16s", "8s"):
        at.segmented_control(key="net").set_value(net)
        rerun(at)
        assert not at.error
    for backbone in ("lite0", "vgg16"):
        at.segmented_control(key="a_backbone").set_value(backbone)
        rerun(at)


@pytest.mark.parametrize("side", ["1", "2000"])
@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
def test_the_smallest_and_the_largest_image(side, backbone):
    at = start(PAGE, net="8s", a_backbone=backbone, a_width=side, a_height=side)
    for _ in each_section(at):
        assert not at.error
    assert layers(at).loc["score", "Output"] == f"{side} × {side}"


def test_the_photos_size_is_followed_until_one_is_typed():
    at = start(PAGE, section="Layers")
    at.file_uploader(key="upload").upload("mine.png", png(300, 200), "image/png")
    rerun(at)
    assert layers(at).loc["image", "Output"] == "300 × 200"
    at.number_input(key="a_width").set_value(640)
    rerun(at)
    assert layers(at).loc["image", "Output"] == "640 × 200"
