"""The page on upsampling through AppTest: the link, what is said, what costs a forward pass."""

from __future__ import annotations

import numpy as np
import pytest

from fcnviz import render
from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import single
from fcnviz.lessons.upsampling import upper_bound
from fcnviz.photos import samples
from fcnviz.photos.samples import SAMPLES
from tests.apps import each_section, open_section, png, rerun, said, start, tables
from ui.page import number_grid

PAGE = "pages/upsampling.py"


def test_the_four_ways_agree():
    at = start(PAGE)
    assert not at.error
    assert "**out[4]** = 1 × 0.25 + 3 × 0.75 = **2.5**" in said(at)
    assert "max |Δ| = 0**" in said(open_section(at, "Four ways"))


def test_the_sliding_kernel_has_the_same_sum_as_the_stamps():
    at = start(PAGE, t_step="5")
    stamps = next(line for line in said(at).splitlines() if line.startswith("**out[4]**"))
    at = start(PAGE, section="Pad and convolve", c_step="5")
    assert not at.error
    assert stamps in said(at)
    at.slider(key="c_step").set_value(2)
    assert "**out[1]**" in said(rerun(at))
    at = start(PAGE, section="Pad and convolve", t_axes="2-D", c_step="2")
    assert "Output, up to out[0, 1]" in said(at)
    at.slider(key="c_step").set_value(0)
    assert not rerun(at).error


def test_full_padding_is_a_preset():
    at = start(PAGE, section="Pad and convolve")
    assert "Full padding.**" not in said(at)
    at.button(key="c_full").click()
    rerun(at)
    assert (at.slider(key="t_s").value, at.slider(key="t_p").value) == (1, 0)
    assert "Full padding.** At stride 1 nothing is put between the cells. 3 zeros on each side" in said(at)


def test_a_round_trip_does_not_give_the_input_back():
    at = start(PAGE, section="Pad and convolve")
    assert "5 → 10 → 5: the size comes back. The numbers do not: max |Δ| = **" in said(at)
    alone = {"t_kernel": "Own", "t_k": "1", "t_p": "0", "t_weights": "1"}
    assert "So do the numbers" in said(start(PAGE, section="Pad and convolve", **alone))


def test_the_upper_bound_stands_beside_what_the_networks_reach(passes):
    at = start(PAGE, section="Upper bound", photo="cat", size="640")  # as it is, 451 × 300
    (found,) = tables(at)
    assert list(found.index) == [str(s) for s in upper_bound.STRIDES]
    best = [float(text.removesuffix(" %")) for text in found.iloc[:, 0]]
    assert best == sorted(best)
    assert list(found["Network"]) == ["–", "FCN-32s", "FCN-16s", "FCN-8s", "–"]
    truth = samples.annotation("cat")
    for stride, text in zip(upper_bound.STRIDES, best, strict=True):
        wanted = single(measure(upper_bound.reduced(truth, stride), truth)).mean_iu
        assert text == pytest.approx(100 * wanted, abs=0.06)


def test_a_link_reproduces_the_setting():
    link = {"t_axes": "2-D", "t_input": "Edge", "t_kernel": "Gaussian", "t_k": "3", "t_s": "3", "t_p": "0"}
    at = start(PAGE, **link, t_step="7", t_i="8", t_j="0")
    assert not at.error
    assert at.segmented_control(key="t_axes").value == "2-D"
    assert at.slider(key="t_step").value == 7
    assert "Output after 7 of 9 stamps" in said(at)
    assert "**out[8, 0]**" in said(at)
    at = start(PAGE, section="Kernels", g_map="Constant", g_k="3", g_s="2")
    assert "cells get **1, 2 or 4** stamps, a **checkerboard**" in said(at)
    assert "**0.235**" in said(at)
    at = start(PAGE, section="Learn it", fit_stride="8", fit_start="Zeros")
    assert at.segmented_control(key="fit_start").value == "Zeros"
    assert "16 × 16" in said(at)
    at = start(PAGE, section="Shift and stitch", stitch_f="2")
    assert at.button(key="stitch_go").label == "Run 4 passes"


def test_a_link_with_nonsense_is_ignored_or_explained():
    at = start(PAGE, t_axes="7-D", t_k="99", t_step="-4", t_input="Own", t_cells="1,2;zebra", g_k="0")
    assert at.segmented_control(key="t_axes").value == "1-D"
    assert at.slider(key="t_k").value == 4
    assert at.slider(key="t_step").value == 3
    assert "The link's numbers are no grid of 1 × 5" in at.error[0].value


def test_own_numbers_come_from_the_link():
    numbers = {"t_input": "Own", "t_cells": "0,0,0,10,0", "t_kernel": "Own", "t_weights": "5"}
    at = start(PAGE, **numbers, t_k="1", t_s="1", t_p="0", t_step="5", t_i="3")
    assert "**out[3]** = 10 × 5 = **50**" in said(at)
    assert at.query_params["t_cells"] == "0,0,0,10,0"
    at.selectbox(key="t_input").set_value("Impulse")
    rerun(at)
    assert "t_cells" not in at.query_params


def test_too_much_padding_says_how_much_is_possible():
    at = start(PAGE, t_k="1", t_s="1", t_p="3")
    assert at.error[0].value == "There is no output: padding 3 cuts everything away: here it is at most 2."
    at.slider(key="t_p").set_value(2)
    rerun(at)
    assert not at.error


def test_a_smaller_output_moves_the_chosen_cell_inside():
    at = start(PAGE, t_axes="1-D", t_i="9", t_step="5")
    assert "**out[9]**" in said(at)
    at.slider(key="t_s").set_value(1)
    rerun(at)
    assert not at.error
    assert "**out[5]**" in said(at)


def test_playing_goes_on_by_one_stamp_and_stops_at_the_end():
    at = start(PAGE, t_step="3")
    at.button(key="t_play").click()
    rerun(at)
    assert at.button(key="t_play").label == "Pause"
    steps = [at.slider(key="t_step").value]
    for _ in range(2):  # what the browser's timer does
        rerun(at)
        steps.append(at.slider(key="t_step").value)
    assert steps[:2] == [4, 5]
    assert steps[-1] == 5
    assert at.button(key="t_play").label == "Play"
    at.button(key="t_play").click()  # again, from the start
    rerun(at)
    assert at.slider(key="t_step").value <= 1


def test_widgets_cost_no_forward_pass(passes):
    at = start(PAGE, t_axes="2-D", photo="coffee", t_input="Coarse heatmap")
    for name in ("Kernels", "Learn it"):
        open_section(at, name)
    assert passes == [32, 16, 8]
    passes.clear()
    at.segmented_control(key="fit_start").set_value("Bilinear")
    rerun(at)
    open_section(at, "Shift and stitch").segmented_control(key="stitch_f").set_value(8)
    rerun(at)
    open_section(at, "Kernels")
    for key, value in (("g_k", 4), ("g_s", 2)):
        at.slider(key=key).set_value(value)
    at.selectbox(key="g_map").set_value("Edge")
    rerun(at)
    open_section(at, "Stamping")
    for key, value in (("t_step", 1), ("t_k", 5), ("t_s", 3), ("t_p", 0)):
        at.slider(key=key).set_value(value)
    at.selectbox(key="t_kernel").set_value("Random")
    rerun(at)
    assert passes == []
    assert not at.error
    assert "FCN-32s's stride-32 scores for" in said(at)


def test_learning_reaches_fixed_bilinear_and_stays_until_the_setting_changes(passes):
    at = start(PAGE, section="Learn it", photo="motorbike")
    passes.clear()
    at.button(key="fit_go").click()
    rerun(at)
    learned = at.session_state["fit_learned"]
    assert len(learned.losses) == 201
    assert learned.losses[-1][1] < learned.losses[0][1]
    assert "points), after 200 steps" in said(at)
    assert "(+" in said(at)
    here, *others = learned.trials.values()
    assert here.learned > here.fixed
    assert len(others) == len(SAMPLES) - 1
    assert min(t.learned - t.fixed for t in others) < 0  # it does not generalise
    open_section(at, "Shift and stitch")
    open_section(at, "Learn it")
    assert "points), after 200 steps" in said(at)
    at.segmented_control(key="fit_stride").set_value(8)
    rerun(at)
    assert "points), after 200 steps" not in said(at)
    assert passes == []


def test_shift_and_stitch_costs_f_squared_passes_once(passes):
    at = start(PAGE, section="Shift and stitch", photo="cat", stitch_f="2")
    passes.clear()
    at.button(key="stitch_go").click()
    rerun(at)
    assert passes == [32] * 5 + [16] * 2  # one to warm up each, 2² shifts, FCN-16s
    assert "f² = 4 passes took" in said(at)
    assert "20 × 14 cells · 4 passes" in said(at)
    assert "10 × 7 cells · 1 pass" in said(at)
    passes.clear()
    rerun(at)
    assert "f² = 4 passes took" in said(at)
    assert passes == []


def test_an_uploaded_photo_is_learned_from_the_networks_own_labels():
    at = start(PAGE, section="Learn it")
    image = samples.load("cat").resize((160, 120))
    at.file_uploader(key="upload").upload("mine.png", render.to_png(np.asarray(image)), "image/png")
    rerun(at)
    assert "FCN-8s's own labels: your photo has no truth" in said(at)


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (600, 20)])
def test_tiny_uploads_break_nothing(size):
    at = start(PAGE, t_input="Coarse heatmap", t_axes="2-D", stitch_f="8")
    at.file_uploader(key="upload").upload("tiny.png", png(*size), "image/png")
    rerun(at)
    for _ in each_section(at):
        assert not at.error
    open_section(at, "Shift and stitch").button(key="stitch_go").click()
    rerun(at)
    assert not at.error
    assert "64 passes" in said(at)


# --- the grid in the link


@pytest.mark.parametrize("text", ["", "1,2;3", "1,x", "1,nan", "1e9,0", ";", "1,," + "9" * 3000])
def test_what_is_no_grid_is_none(text):
    assert number_grid.from_text(text) is None


def test_a_grid_survives_the_link():
    values = np.array([[1, -2.5, 0.125], [99, 0, -99]])
    assert (number_grid.from_text(number_grid.to_text(values)) == values).all()


def test_stepping_back_to_one_axis_keeps_what_is_possible():
    at = start(PAGE, t_axes="2-D", t_step="9")
    at.segmented_control(key="t_axes").set_value("1-D")
    rerun(at)
    assert not at.error
    assert at.slider(key="t_step").value <= 5


def test_own_numbers_survive_a_visit_to_another_page():
    at = start(PAGE, t_input="Own", t_cells="7,0,0,0,0", t_step="1", t_i="0")
    assert "**out[0]** = 7 × 0.75" in said(at)
    at.switch_page("pages/compare.py")
    at.query_params.clear()
    rerun(at)
    at.switch_page(PAGE)
    at.query_params.update({"t_input": "Own", "t_step": "1", "t_i": "0"})
    rerun(at)
    assert "**out[0]** = 7 × 0.75" in said(at)
    assert at.query_params["t_cells"] == "7,0,0,0,0"
