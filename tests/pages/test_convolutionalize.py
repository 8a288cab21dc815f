"""The page "Convolutionalize" through AppTest: the link, errors, and what costs a forward pass."""

from __future__ import annotations

import re

import numpy as np
import pytest
import streamlit as st
import torch
from torch import nn

from fcnviz import weights
from fcnviz.lessons.convolutionalize import fc6, imagenet
from tests.apps import open_section, panels, png, rerun, said, tables, values
from tests.apps import start as start_page
from ui.convolutionalize import toy
from ui.running import worker


def start(**link: str):
    return start_page("pages/convolutionalize.py", **link)


@pytest.fixture
def worked(monkeypatch):
    """List that grows by the input's size whenever EfficientNet-Lite0 runs; all caches start empty."""
    ran, real = [], nn.AvgPool2d.forward

    def counted(self, x):
        ran.append(tuple(x.shape))
        return real(self, x)

    monkeypatch.setattr(nn.AvgPool2d, "forward", counted)
    st.cache_data.clear()
    return ran


def metrics(at) -> list[str]:
    return [m.value for m in at.metric]


def deltas(at) -> list[float]:
    """Every max |Δ| on the page."""
    text = said(at).replace("−", "-").replace("**", "")
    return [float(x) for x in re.findall(r"max \|Δ\| (?:= )?([\d.e+-]*\d)", text)]


def test_every_difference_is_small():
    at = start()
    assert not at.error
    assert metrics(at)[:2] == ["2,560 + 10", "2,560 + 10"]
    assert "one memory" in said(at)
    found = [deltas(at), *(deltas(open_section(at, name)) for name in ("Digits", "Photo"))]
    assert [len(few) for few in found] == [3, 2, 1]
    moved = found[0].pop(0)  # of a map shuffled and weights that are not
    assert max(map(max, found)) < 1e-4 < moved


def test_counts_follow_the_shapes_and_the_bias():
    at = start(conv_h="2", conv_w="5", conv_c="3", conv_labels="7", conv_bias="false")
    assert metrics(at)[:2] == ["210", "210"]
    at.toggle(key="conv_bias").set_value(True)
    rerun(at)
    assert metrics(at)[:2] == ["210 + 7", "210 + 7"]


def test_a_smaller_shape_keeps_the_circle_on_a_weight_that_exists():
    at = start(conv_label="9", conv_weight="255")
    assert "Circled in both: column 255 = channel 15, y 3, x 3" in said(at)
    at.slider(key="conv_labels").set_value(2)
    at.slider(key="conv_c").set_value(1)
    rerun(at)
    assert "Circled in both: column 15 = channel 0, y 3, x 3" in said(at)
    assert at.slider(key="conv_label").value == 1
    for key in ("conv_h", "conv_w"):
        at.slider(key=key).set_value(1)
    rerun(at)
    assert metrics(at)[:2] == ["2 + 2", "2 + 2"]


def test_one_changed_weight_moves_both_outputs():
    at = start(conv_move="1.5", conv_map="By hand", conv_weight="5")  # by hand: the diagonal of ones
    moved = re.search(r"class 3 moved by (\S+) \(dense\) and (\S+) \(convolution\)", said(at))
    assert moved.groups() == ("+1.500", "+1.500")


def test_by_hand_the_marked_weight_acts_at_once():
    at = start(conv_move="1.5", conv_map="By hand")
    moved = re.search(r"class 3 moved by (\S+) \(dense\) and (\S+) \(convolution\)", said(at))
    assert moved.groups() == ("+1.500", "+1.500")
    at = start(conv_move="1.5")
    at.segmented_control(key="conv_map").set_value("By hand")
    assert "class 3 moved by +1.500 (dense)" in said(rerun(at))
    at.slider(key="conv_weight").set_value(77)  # off the diagonal
    assert "meets a feature that is 0" in said(rerun(at))


@pytest.mark.parametrize("bias", [True, False])
def test_the_code_on_the_page_does_what_it_says(bias):
    at = start(conv_bias=str(bias).lower())
    space = {"nn": nn}
    exec(next(t.value for t in at.text if "nn.Linear" in t.value), space)
    dense, conv = space["dense"], space["conv"]
    x = torch.randn(1, 16, 4, 4)
    assert (dense(x.flatten(1)) - conv(x).flatten(1)).abs().max() <= 1e-5
    assert dense.weight.data_ptr() == conv.weight.data_ptr()
    assert "conv.weight" in toy.SNIPPET


def test_shuffling_moves_the_scores_unless_the_weights_are_shuffled_alike():
    maps = {}
    for number in ("0", "7"):
        at = start(conv_shuffle=number)
        found = re.findall(r"max \|Δ\| = \*\*(\S+)\*\*", said(at))[-2:]
        moved, alike = (float(difference.replace("−", "-")) for difference in found)
        assert alike < 1e-5
        assert (moved > 0.1) == (number != "0")  # shuffle no. 0 leaves all in place
        before, maps[number] = (values(p["layers"][0]) for p in panels(at, "conv_positions"))
        assert (before == maps["0"]).all()
    assert (np.sort(maps["0"], None) == np.sort(maps["7"], None)).all()
    assert (maps["0"] != maps["7"]).any()


def test_the_moved_features_are_answered_where_they_are():
    at = start(conv_x="6", conv_y="3")
    cell, alone = re.search(r"marked cell \(6, 3\): \*\*(\S+)\*\*; .* \*\*(\S+)\*\*", said(at)).groups()
    assert cell == alone


# --- digits


def test_the_dense_network_refuses_with_its_real_error():
    at = start(section="Digits", conv_width="40", conv_height="28")
    assert re.search(r"mat1 and mat2 shapes cannot be multiplied \(1x13824 and 256x10\)", said(at))
    at.slider(key="conv_width").set_value(8)
    at.slider(key="conv_height").set_value(8)
    at.slider(key="conv_count").set_value(1)
    rerun(at)
    assert "given this one window, answers:" in said(at)
    assert "8 × 8 px → 1 × 1 cells" in said(at)


def test_digits_by_hand_and_an_empty_canvas():
    at = start(section="Digits", conv_place="By hand")
    assert "right for **2 of 2**" in said(at)
    at = start(section="Digits", conv_count="0")
    assert "right for **0 of 0**" in said(at)


def test_a_new_canvas_is_looked_at_from_its_first_digit():
    at = start(section="Digits")
    before = at.slider(key="conv_cell_x").value
    at.number_input(key="conv_canvas").set_value(3)
    rerun(at)
    assert "right for **5 of 5**" in said(at)
    assert at.slider(key="conv_cell_x").value != before


def test_training_again_replaces_the_bundled_one_until_told_otherwise(monkeypatch):
    monkeypatch.setattr("fcnviz.lessons.convolutionalize.digits.train.__defaults__", (0, 3))  # epochs
    at = start(section="Digits")
    assert "Bundled: **98" in said(at)
    at.number_input(key="conv_train_seed").set_value(5)
    at.button(key="conv_train").click()
    rerun(at)
    assert "Trained just now: **" in said(at)
    at.button(key="conv_bundled").click()
    rerun(at)
    assert "Bundled: **98" in said(at)


def test_without_the_digits_file_the_page_says_what_to_do(monkeypatch, tmp_path):
    for name in ("manifest.json", *(f"lite0-fcn{s}s.safetensors" for s in (8, 16, 32))):
        (tmp_path / name).symlink_to(weights.folder() / name)
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    st.cache_resource.clear()
    at = start(section="Digits")
    assert "digits.safetensors is not here: train it with" in at.error[0].value
    assert "Not run yet" in said(open_section(at, "Race"))


# --- the photo


def test_the_cat_is_found_and_its_class_can_be_changed_without_a_pass(worked):
    at = start(section="Photo", photo="cat")
    assert worked == [(1, 1280, 7, 7), (1, 1280, 12, 19)]
    assert "“any cat”, the sum of 5 classes · input 577 × 384 px → 13 × 6 cells" in said(at)
    (heat,) = panels(at, "conv_heat")
    assert values(heat["layers"][1]).max() > 0.5  # five classes share it
    at.selectbox(key="conv_class").set_value("lynx")
    rerun(at)
    assert "“lynx” · input" in said(at)
    assert len(worked) == 2
    at.select_slider(key="conv_shorter").set_value(448)
    rerun(at)
    assert "→ 16 × 8 cells" in said(at)
    assert len(worked) == 3


def test_the_gap_to_the_windows_alone_is_measured_once_on_demand(worked):
    at = start(section="Photo", photo="cat", conv_shorter="256")
    worked.clear()
    at.toggle(key="conv_gap").set_value(True)
    found = re.search(r"\*\*(\d+) × (\d+) windows lie in the input.*up to \*\*([\d.]+)\*\*", said(rerun(at)))
    columns, rows, difference = found.groups()
    assert (int(columns), int(rows)) == (6, 2)  # (385 − 224) // 32 + 1, and (256 − 224) // 32 + 1
    assert 0.01 < float(difference) <= 1
    one, alone = (values(p["layers"][1]) for p in panels(at, "conv_gap_maps"))
    assert one.shape == alone.shape == (2, 6)
    assert np.abs(one - alone).max() <= float(difference) * 5 + 0.01  # of five classes together
    passes = len(worked)
    at.selectbox(key="conv_class").set_value("any cat")
    rerun(at)
    assert len(worked) == passes


def test_the_peak_of_the_map_follows_the_cat(worked):
    at = start(section="Move it", mv_x="25")
    places = []
    for x in (25, 75):
        at.slider(key="mv_x").set_value(x)
        rerun(at)
        cat, peak, away = re.search(
            r"Cat at x (\d+), .* at x (\d+), .*\*\*(\d+) px\*\* away", said(at)
        ).groups()
        assert abs(int(cat) - x / 100 * 500) <= 1
        assert int(away) < 60  # two cells
        places.append(int(peak))
    assert places[1] - places[0] > 150
    assert len(worked) == 2  # once for each place
    at.slider(key="mv_x").set_value(25)
    rerun(at)
    assert len(worked) == 2


def test_display_widgets_cost_no_pass_of_lite0(worked):
    at = start(section="Photo")
    worked.clear()
    open_section(at, "Numbers").slider(key="conv_h").set_value(3)
    at.slider(key="conv_x").set_value(2)
    rerun(at)
    open_section(at, "Digits").slider(key="conv_cell_x").set_value(1)
    rerun(at)
    open_section(at, "Any size").pills(key="conv_sizes").set_value([224, 640])
    rerun(at)
    open_section(at, "Photo")
    assert worked == []


@pytest.mark.parametrize(("size", "says"), [((640, 20), "less elongated"), ((3, 3), "")])
def test_odd_photos(size, says):
    at = start(section="Photo")
    at.file_uploader(key="upload").upload("odd.png", png(*size), "image/png")
    rerun(at)
    assert [says in e.value for e in at.error] == ([True] if says else [])


# --- what it costs


def test_sizes_tell_who_takes_them():
    at = start(section="Any size")
    rows = next(d.value for d in at.dataframe if "input" in d.value.columns)
    assert list(rows["VGG16, dense"]) == [
        "1,000 scores",
        "refuses: 32,768 values, not 25,088",
        "refuses: 51,200 values, not 25,088",
        "refuses: 73,728 values, not 25,088",
        "refuses: 115,200 values, not 25,088",
    ]
    assert list(rows["VGG16 as FCN (pad 100)"]) == ["8 × 8", "9 × 9", "11 × 11", "13 × 13", "16 × 16"]
    assert list(rows["Lite0, convolutional"])[::4] == ["1 × 1", "10 × 10"]
    at.pills(key="conv_sizes").set_value([])
    rerun(at)
    assert "Pick at least one size." in said(at)


def test_vgg16_is_built_on_demand_only_and_says_that_it_is_untrained(monkeypatch):
    asked = []
    layer = fc6.Layer("fc6", (4096, 25088), (4096, 512, 7, 7), True)
    found = fc6.Check(False, (layer,), (9, 11), (3, 5), 1e-7, 2e-7, 0.1, (0.5, 0.5), (("ant", 0.1),))
    monkeypatch.setattr(fc6, "steps", lambda image: asked.append(image.size) or iter(["pool5", found]))
    monkeypatch.setattr(imagenet, "vgg16_file", lambda: None)
    st.cache_data.clear()
    at = start(section="VGG16", photo="cat")
    assert asked == []
    assert "random weights, untrained" in said(at)
    for _ in range(2):
        at.toggle(key="conv_vgg").set_value(True)
        rerun(at)
    assert asked == [(451, 300)]
    assert "this network is untrained" in said(at)
    table = tables(at)[0]
    assert table.loc["fc6", "Memory"] == "411 MB, shared"
    assert table.loc["fc6", "Weights"] == "102,760,448"


def test_a_foreign_vgg16_file_is_one_sentence(monkeypatch, tmp_path):
    file = tmp_path / weights.VGG16
    file.write_bytes(b"no checkpoint")
    monkeypatch.setattr(imagenet, "vgg16_file", lambda: file)
    st.cache_data.clear()
    at = start(section="VGG16")
    at.toggle(key="conv_vgg").set_value(True)
    rerun(at)
    assert "does not hold torchvision's VGG16" in at.error[0].value


def test_the_race_of_the_digits_has_equal_outputs_and_keeps_its_laps():
    at = start(section="Race", conv_racer="Digits, 8 px windows", conv_most="10")
    assert "Not run yet" in said(at)
    at.button(key="conv_race").click()
    rerun(at)
    assert at.metric[0].label == "100 windows, 17 × 17 px"
    assert deltas(at)[-1] < 1e-4
    assert "in **100 %** of the windows" in said(at)
    assert "AlexNet" in said(at)
    assert "22 ms" in said(at)
    open_section(at, "Numbers").slider(key="conv_x").set_value(0)
    open_section(at, "Race")
    assert at.metric[0].label == "100 windows, 17 × 17 px"
    at.slider(key="conv_most").set_value(4)
    rerun(at)
    assert len(at.metric) == 0  # other choices: not run yet


def test_a_stopped_race_keeps_the_laps_that_it_had(monkeypatch):
    real = worker.run_steps

    def stopped(steps):
        for step in real(steps):
            yield step
            if step.timing and step.timing.windows == 4:
                return

    monkeypatch.setattr(worker, "run_steps", stopped)
    at = start(section="Race", conv_racer="Digits, 8 px windows")
    at.button(key="conv_race").click()
    rerun(at)
    assert at.metric[0].label == "4 windows, 9 × 9 px"


def test_a_link_with_nonsense_shows_the_defaults():
    at = start(conv_h="99", conv_class="unicorn", conv_shorter="17", conv_sizes="x", conv_move="nan")
    assert metrics(at)[:2] == ["2,560 + 10", "2,560 + 10"]
    assert not at.error
    assert np.isfinite(deltas(at)).all()


def test_the_link_holds_the_cell_the_digit_and_what_is_typed():
    link = {"conv_digit": "4", "conv_cell_x": "2", "conv_cell_y": "3", "conv_place": "By hand"}
    link |= {"conv_lines": "5,1,2", "conv_map": "By hand", "conv_h": "2", "conv_w": "2"}
    at = start_page("pages/convolutionalize.py", size="320", conv_values="1,0;3,0", **link)
    assert not at.error
    assert at.slider(key="conv_h").value == 2
    assert at.query_params["conv_values"] == "1,0;3,0"
    open_section(at, "Digits")
    assert at.segmented_control(key="conv_digit").value == 4
    assert (at.slider(key="conv_cell_x").value, at.slider(key="conv_cell_y").value) == (2, 3)
    assert at.query_params["conv_lines"] == "5,1,2"
    assert " of 1**" in said(at)  # one digit was placed
    at.segmented_control(key="conv_place").set_value(
        "Random"
    )  # another canvas is looked at from its first digit
    rerun(at)
    assert "conv_lines" not in at.query_params
    assert at.slider(key="conv_cell_x").value != 2
