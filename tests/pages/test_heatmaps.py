"""The Heatmaps page through AppTest."""

from __future__ import annotations

import numpy as np
import pytest

from fcnviz import inference, render, weights
from fcnviz.lessons.heatmaps import reconstruct, sums
from fcnviz.photos import samples
from fcnviz.render import Scale
from tests.apps import bars as rows_bars
from tests.apps import each_section, open_section, panels, pixels, png, rerun, said, start, values

PAGE = "pages/heatmaps.py"


def test_the_numbers_are_there_before_any_click(passes):
    at = start(PAGE, photo="cat", size="640")
    assert passes == [32, 16, 8]
    assert at.selectbox(key="shown_class").value == "cat"
    text = "\n".join(said(at) for _ in each_section(at))
    assert passes == [32, 16, 8]
    assert "15 × 10 · stride 32" in text
    assert "→ 451 × 300" in text
    assert "crop 27 → none" in text  # why VGG16's FCN-16s has no border
    assert "851 × 851 px" in text
    assert "0.516" in text


def test_the_link_of_the_issue_reproduces_the_page():
    link = {"sample": "cat", "net": "8s", "stage": "32", "x": "200", "y": "150", "class": "cat"}
    at = start(PAGE, section="Pixel", **link)
    assert samples.SAMPLES["cat"].title in said(at)
    assert at.segmented_control(key="net").value == "8s"
    assert at.segmented_control(key="stage").value == "32"
    assert at.selectbox(key="shown_class").value == "cat"
    assert (at.number_input(key="pixel_x").value, at.number_input(key="pixel_y").value) == (200, 150)
    assert "at x 200, y 150" in said(at)
    assert "What cell 6, 4 of the stride-32 map sees" in said(at)


def test_another_link():
    link = {"photo": "motorbike", "net": "16s", "stage": "16", "class": "person", "values": "Probability"}
    at = start(PAGE, **link, over="true", more="true", x="5", y="7")
    assert at.segmented_control(key="net").value == "16s"
    assert at.segmented_control(key="stage").value == "16"
    assert at.selectbox(key="shown_class").value == "person"
    assert at.segmented_control(key="values").value == "Probability"
    assert at.toggle(key="over").value
    assert at.toggle(key="more").value
    assert "Nearest neighbour" in said(at)
    assert "Probability of person: 0.00" in said(at)
    assert "at x 5, y 7" in said(open_section(at, "Pixel"))
    assert start(PAGE, section="Certainty", **link, sure="80").slider(key="sure").value == 80


@pytest.mark.parametrize(
    "link",
    [
        {"x": "99999", "y": "-4"},
        {"x": "abc", "y": "1"},
        {"x": "3"},
        {"net": "4s", "stage": "64", "values": "?", "class": "unicorn", "sure": "-9"},
        {"net": "32s", "stage": "8"},
    ],
)
def test_nonsense_in_the_link_is_put_right(link):
    at = start(PAGE, section="Pixel", photo="cat", **link)
    assert not at.error
    assert 0 <= at.number_input(key="pixel_x").value < 451
    assert 0 <= at.number_input(key="pixel_y").value < 300
    assert at.selectbox(key="shown_class").value == "cat"
    assert at.segmented_control(key="stage").value == "32"


def test_no_widget_costs_a_forward_pass(passes):
    at = start(PAGE)
    passes.clear()
    for key, value in [("net", "8s"), ("stage", "16"), ("stage", "32"), ("values", "Score"), ("net", "16s")]:
        at.segmented_control(key=key).set_value(value)
        rerun(at)
    for key, value in (("over", False), ("more", True)):
        at.toggle(key=key).set_value(value)
        rerun(at)
    for _ in each_section(at):
        assert passes == []
    open_section(at, "Pixel")
    at.selectbox(key="shown_class").set_value("dog")
    rerun(at)
    assert at.query_params["class"] == "dog"
    at.number_input(key="pixel_x").set_value(17)
    rerun(at)
    assert at.query_params["x"] == "17"
    open_section(at, "Certainty").slider(key="sure").set_value(90)
    rerun(at)
    open_section(at, "Skips")
    at.selectbox(key="colours").set_value("Colour-blind safe")
    rerun(at)
    at.segmented_control(key="terms").set_value("Scores, own scales")
    rerun(at)
    at.segmented_control(key="net").set_value("32s")
    rerun(at)
    assert "FCN-32s has no skips. These are FCN-8s's." in at.info[0].value
    assert passes == []


def test_the_effective_field_costs_one_pass_on_demand_and_is_kept(passes):
    at = start(PAGE, section="Pixel")
    passes.clear()
    at.toggle(key="effective").set_value(True)
    rerun(at)
    assert passes == [32]
    assert "a square of" in said(at)
    open_section(at, "Certainty")
    open_section(at, "Pixel")
    assert at.toggle(key="effective").value
    assert passes == [32]


def test_the_coarse_grid_on_the_page_is_the_networks(passes):
    at = start(PAGE, photo="cat", net="8s", stage="16", values="Score", over="false", **{"class": "cat"})
    model = weights.load("lite0-fcn8s")
    scores = inference.segment(model, samples.load("cat")).scores
    coarse, bilinear, learned = panels(at, "dense")
    exact = scores.s16[0, 8].numpy()
    np.testing.assert_allclose(values(coarse["layers"][0]), exact, atol=1e-3)
    scale = Scale(*(bilinear["layers"][0]["reads"][end] for end in ("low", "high")))
    assert (pixels(coarse["layers"][0]) == render.heatmap(exact, scale)).all()  # one scale for all
    assert learned["layers"][0]["reads"]["high"] == scale.high
    ends = [
        [p["layers"][0]["reads"][end] for end in ("low", "high")] for p in panels(at, "dense_differences")
    ]
    assert ends[0] == ends[1]  # the border and learning can be compared
    assert ends[0][0] == -ends[0][1] < 0


def test_the_page_opens_on_the_networks_own_path(passes):
    at = start(PAGE)
    for _ in ("as it opens", "after a change of the network"):
        stride = at.segmented_control(key="net").value.removesuffix("s")
        assert at.segmented_control(key="stage").value == stride
        assert f"This is the map that FCN-{stride}s upsamples" in said(at)
        at.segmented_control(key="net").set_value("8s")
        rerun(at)
    at.segmented_control(key="stage").set_value("32")
    assert "an ablation" in said(rerun(at))
    assert at.segmented_control(key="values").value == "Probability"
    assert at.toggle(key="over").value


def test_the_first_pixel_is_one_that_the_networks_disagree_about(passes):
    at = start(PAGE, section="Pixel", photo="cat")
    x, y = (at.number_input(key=f"pixel_{axis}").value for axis in "xy")  # of the input, 416 × 277
    names = ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s")
    found = np.stack([inference.segment(weights.load(n), samples.load("cat")).labels for n in names])
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in ((300, 277), (451, 416)))
    there = found[:, rows == y][..., columns == x]  # the pixels of the photo at this place
    assert (there != there[0]).any()


def test_the_shares_of_labels_that_differ_are_counted():
    at = start(PAGE, photo="cat", net="32s")
    model = weights.load("lite0-fcn32s")
    coarse = inference.segment(model, samples.load("cat")).scores.s32
    labels = reconstruct.all_classes(model, coarse, 32, (277, 416)).labels
    both, border, learning = (
        f"{100 * render.flipped_share(labels[a], labels[b]):.2f} %"
        for a, b in (("bilinear", "learned"), ("bilinear", "fixed"), ("fixed", "learned"))
    )
    assert at.metric[0].value == both
    assert f"The border alone: **{border}** of the labels. Learning alone: **{learning}**" in said(at)


def test_all_kernels_share_a_scale_and_so_do_their_differences():
    at = start(PAGE, photo="cat", net="8s", section="Kernels")
    bars = [rows_bars(at, f"kernel_{name}") for name in ("upscore2", "upscore_pool4", "upscore8")]
    assert bars[0] == bars[1] == bars[2]
    assert [bar["what"] for bar in bars[0]] == ["Weight", "Difference"]


def test_margins_and_own_scales_draw_the_same_maps_in_other_colours():
    shared, own, margin = (
        [p["layers"][0] for p in panels(start(PAGE, net="8s", section="Skips", terms=view), "sum_16")]
        for view in ("Scores, one scale", "Scores, own scales", "Margin over the next class")
    )
    np.testing.assert_array_equal(values(shared[1]), values(own[1]))
    assert pixels(own[1]).std() > pixels(shared[1]).std()  # the skip's small scores show
    assert (values(margin[1]) <= values(shared[1]) + 20).all()
    assert not np.allclose(values(margin[1]), values(shared[1]), atol=0.1)


def test_the_terms_of_a_sum_add_up():
    at = start(PAGE, net="8s", section="Skips")
    for stride in (16, 8):
        upscored, skip, fused = (values(p["layers"][0]) for p in panels(at, f"sum_{stride}"))
        np.testing.assert_allclose(upscored + skip, fused, atol=2e-3)


def test_the_flipped_shares_on_the_page_are_counted():
    at = start(PAGE, photo="cat", section="Skips")
    model = weights.load("lite0-fcn8s")
    scores = inference.segment(model, samples.load("cat")).scores
    labels = [sums.labels_up_to(model, scores, s, (277, 416), (300, 451)) for s in (32, 16, 8)]
    for tap, before, after in (("score_pool4", 0, 1), ("score_pool3", 1, 2)):
        share = render.flipped_share(labels[before], labels[after])
        assert f"Adding `{tap}` flips {100 * share:.1f} % of the pixels" in said(at)


def test_an_upload_starts_anew_with_its_own_class_and_pixel(passes):
    at = start(PAGE, section="Pixel", x="400", y="290", **{"class": "dog"})
    at.file_uploader(key="upload").upload("mine.png", png(120, 90), "image/png")
    rerun(at)
    assert "class" not in at.query_params
    assert "x" not in at.query_params
    assert at.number_input(key="pixel_x").value < 120
    assert "Measured here" not in said(open_section(at, "Certainty"))  # no ground truth for it


def test_a_photo_of_one_pixel_works():
    at = start(PAGE)
    at.file_uploader(key="upload").upload("dot.png", png(1, 1), "image/png")
    rerun(at)
    assert "→ 1 × 1" in said(at)
    for _ in each_section(at):
        assert not at.error


def test_a_class_that_wins_nothing_comes_after_those_that_do():
    at = start(PAGE, photo="cat")
    options = at.selectbox(key="shown_class").options
    shown = [o for o in options if "%" in o]
    assert options[: len(shown)] == shown
    assert shown[0].startswith("cat")
    assert shown[-1].startswith("background")
    assert len(options) == 21
