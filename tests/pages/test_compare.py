"""Start and Compare through AppTest: links, uploads, errors, and the number of forward passes."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from fcnviz import bench, inference, render, weights
from fcnviz.evaluation import on_samples
from fcnviz.lessons.heatmaps import sums
from fcnviz.photos import images, samples
from tests.apps import open_section, png, rerun, said, start, tables


def test_landing_page_segments_a_photo_before_any_click(passes):
    at = start(page=None)
    assert passes == [32, 16, 8]
    assert not at.error
    assert at.query_params["photo"] == samples.DEFAULT


def test_compare_says_what_each_network_labels_otherwise_and_what_the_skip_alone(passes):
    at = start()
    assert passes == [32, 16, 8]
    assert "FCN-32s → FCN-16s" in said(at)
    assert "FCN-16s → FCN-8s" in said(at)
    photo, net = samples.load(samples.DEFAULT), weights.load("lite0-fcn8s", fold=True)
    shown = images.fit(photo, images.SCREEN)
    given = images.fit(shown, net.longest)
    scores, _ = inference.forward(net, given)
    sizes = given.size[::-1], shown.size[::-1]
    off, on = (sums.labels_up_to(net, scores, stride, *sizes) for stride in (16, 8))
    assert f"pool3 off and on in FCN-8s: {100 * (off != on).mean():.1f} % differ" in said(at)
    further = [link.proto for link in at.main.get("page_link") if link.proto.page == "heatmaps"]
    assert any("open=Skips" in to.query_string and "net=8s" in to.query_string for to in further)


def test_a_link_reproduces_the_view():
    link = {"photo": "coffee", "view": "Overlay", "opacity": "30", "layout": "Swipe", "size": "480"}
    at = start(**link, left="FCN-32s", right="FCN-16s", colours="Colour-blind safe", **{"class": "person"})
    assert samples.SAMPLES["coffee"].title in said(at)
    assert at.segmented_control(key="view").value == "Overlay"
    assert at.segmented_control(key="layout").value == "Swipe"
    assert at.slider(key="opacity").value == 30
    assert at.select_slider(key="size").value == 480
    assert at.selectbox(key="left").value == "FCN-32s"
    assert at.selectbox(key="right").value == "FCN-16s"
    assert at.selectbox(key="colours").value == "Colour-blind safe"
    assert at.query_params["class"] == "person"
    assert "reduced to 480 × 320 px" in said(at)


def test_a_link_with_nonsense_shows_the_cat_and_says_so():
    at = start(photo="../../etc/passwd", view="nonsense", opacity="9999", **{"class": "unicorn"})
    assert samples.SAMPLES[samples.DEFAULT].title in said(at)
    assert "The link names no sample photo" in at.info[0].value
    assert at.segmented_control(key="view").value == "Spotlight"


def test_display_widgets_cost_no_forward_pass(passes):
    at = start()
    passes.clear()
    for view in ("Labels", "Boundaries", "Confidence", "Spotlight", "Overlay"):
        at.segmented_control(key="view").set_value(view)
        rerun(at)
    at.slider(key="opacity").set_value(20)
    rerun(at)
    at.segmented_control(key="layout").set_value("Swipe")
    rerun(at)
    at.selectbox(key="left").set_value("Photo")
    rerun(at)
    at.selectbox(key="colours").set_value("Colour-blind safe")
    rerun(at)
    at.toggle(key="truth").set_value(True)
    rerun(at)
    assert passes == []


def test_the_true_outline_is_laid_over_all_results_and_is_in_the_link():
    at = start(photo="cat")
    files = at.session_state["shown"].files
    without = {path: make() for path, (_, make) in files.items() if path.startswith("pictures/viewer")}
    at = start(photo="cat", truth="true")
    assert at.toggle(key="truth").value
    files = at.session_state["shown"].files
    line = render.boundaries(images.fit_labels(samples.annotation("cat", border=False), 640))
    for path, before in without.items():
        one, other = (np.asarray(Image.open(io.BytesIO(png))) for png in (before, files[path][1]()))
        assert (one[~line] == other[~line]).all()
        assert np.isin(other[line], (0, 255)).all()
    assert len(without) == 3


def test_only_a_sample_has_a_true_outline_and_a_note():
    at = start(photo="coffee")
    assert samples.SAMPLES["coffee"].about in said(at)
    at.file_uploader(key="upload").upload("mine.png", png(64, 48), "image/png")
    rerun(at)
    assert "truth" not in {toggle.key for toggle in at.toggle}
    assert not any(sample.note in said(at) for sample in samples.SAMPLES.values())


def test_an_uploaded_photo_is_segmented_and_not_in_the_link(passes):
    at = start(photo="coffee", section="Ground truth")
    passes.clear()
    at.file_uploader(key="upload").upload("mine.png", png(300, 200), "image/png")
    rerun(at)
    assert passes == [32, 16, 8]
    assert "Your photo" in said(at)
    assert "300 × 200 px" in said(at)
    assert at.query_params["photo"] == "own"
    assert "There is no ground truth for your own photo" in at.info[0].value


def test_a_large_upload_is_reduced_and_the_page_says_so():
    at = start()
    at.file_uploader(key="upload").upload("big.png", png(1500, 300), "image/png")
    rerun(at)
    assert "1500 × 300 px, reduced to 416 × 83 px" in said(at)


@pytest.mark.parametrize("content", [b"", b"this is no picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_bad_upload_says_why_and_keeps_what_was_there(passes, content):
    at = start(photo="coffee")
    passes.clear()
    at.file_uploader(key="upload").upload("bad.png", content, "image/png")
    rerun(at)
    assert len(at.error) == 1
    assert at.error[0].value.strip().endswith(".")
    assert samples.SAMPLES["coffee"].title in said(at)
    assert passes == []


def test_the_upload_and_the_choices_in_the_sidebar_follow_to_other_pages(passes):
    at = start()
    at.file_uploader(key="upload").upload("mine.png", png(64, 48), "image/png")
    at.selectbox(key="colours").set_value("Colour-blind safe")
    rerun(at)
    passes.clear()
    at.switch_page("app.py")
    rerun(at)
    at.switch_page("pages/compare.py")
    rerun(at)
    assert "Your photo" in said(at)
    assert at.selectbox(key="colours").value == "Colour-blind safe"
    assert at.select_slider(key="size").value == 416
    assert passes == []


def test_an_uploaded_mask_is_scored_and_a_wrong_one_is_explained():
    at = start(photo="cat", view="Overlay", section="Ground truth")
    truth = io.BytesIO()
    Image.fromarray(np.full((300, 451), 8, np.uint8)).save(truth, "PNG")
    at.file_uploader(key="mask_cat").upload("mask.png", truth.getvalue(), "image/png")
    rerun(at)
    assert not at.error
    wrong = io.BytesIO()
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(wrong, "PNG")
    at.file_uploader(key="mask_cat").set_value(("mask.png", wrong.getvalue(), "image/png"))
    rerun(at)
    assert "The mask is 10 × 10 px and the photo 451 × 300 px" in at.error[0].value
    assert "This photo" in said(at)  # the bundled truth is still there


def test_a_mask_stays_while_one_looks_at_another_section_and_can_be_removed():
    at = start(photo="cat", section="Ground truth")
    mask = io.BytesIO()
    Image.fromarray(np.full((300, 451), 8, np.uint8)).save(mask, "PNG")
    at.file_uploader(key="mask_cat").upload("mask.png", mask.getvalue(), "image/png")
    assert "your mask" in said(rerun(at))
    open_section(at, "Skips")
    open_section(at, "Ground truth")
    assert "your mask" in said(at)  # although the uploader is empty
    assert "your mask" in said(rerun(at))
    next(b for b in at.button if b.key == "mask_remove").click()
    assert "your mask" not in said(rerun(at))


def test_a_black_and_white_mask_asks_for_its_class():
    at = start(photo="cat", section="Ground truth")
    mask = io.BytesIO()
    Image.fromarray((samples.annotation("cat") == 8).astype(np.uint8) * 255).save(mask, "PNG")
    at.file_uploader(key="mask_cat").upload("mask.png", mask.getvalue(), "image/png")
    assert "black and white" in rerun(at).error[0].value
    at.selectbox(key="mask_white").set_value("cat")
    assert not rerun(at).error
    assert "your mask" in said(at)


def test_the_metrics_table_holds_what_the_library_computes():
    at = start(photo="cat", section="Ground truth")
    expected = on_samples.scores({"net": weights.load("lite0-fcn8s")}, "cat")["net"]
    here = tables(at)[0].loc["FCN-8s"]
    assert list(here)[:3] == [f"{100 * value:.1f} %" for value in expected.three]
    assert here["False alarms"] == "none"
    assert tables(at)[1].loc["cat", "FCN-8s"] == f"{100 * expected.class_iu[8]:.1f} %"
    assert tables(at)[2].loc["FCN-8s", "Mean IU"] == "62.7 %"  # the paper's, apart
    run = tables(open_section(at, "The run"))[0].loc["FCN-8s"]
    assert run["In the bench"] == f"{bench.medians()['lite0-fcn8s']:.0f} ms"
    assert "FCN-32s has 76,734 parameters more than FCN-8s" in said(at)


def test_without_weights_the_page_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    at = start()
    assert "weights" in at.error[0].value


def test_the_blind_test_names_no_result_before_it_is_checked():
    at = start(photo="cat", section="Blind test")
    found = at.session_state["shown"].files
    blind = [make() for path, (_, make) in sorted(found.items()) if path.startswith("pictures/blind")]
    assert len(set(blind)) == 3
    assert not [path for path in found if path.startswith("pictures/viewer")]
    order = at.session_state["blind_order"].popitem()[1]
    assert sorted(order) == [0, 1, 2]
    sent = [str(one) for element in at.get("image") for one in element.proto.imgs]
    assert len(sent) == 3
    # beside the letter, a picture has the name that Streamlit gives its bytes
    told = [re.sub(r'url: "\S+/\w+\.png"|alt: "Result [ABC], unnamed"', "", one).strip() for one in sent]
    assert told == ["", "", ""]
    assert "blind_order" not in str(at.session_state["shown"].settings)
    at = start(photo="cat", section="Blind test")
    order = next(iter(at.session_state["blind_order"].values()))
    right, wrong = "ABC"[order.index(2)], "ABC"[order.index(0)]
    for given, boxes in ((wrong, lambda: at.warning), (right, lambda: at.success)):
        at.radio(key="blind").set_value(given)
        at.button(key="blind_check").click()
        rerun(at)
        assert f"{right} is FCN-8s" in boxes()[0].value
