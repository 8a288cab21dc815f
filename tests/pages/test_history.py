"""The History page through AppTest: what it costs, what it links to, and the numbers on it."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fcnviz import inference, weights
from fcnviz.lessons.history import dilation, joins, pyramid, steps
from fcnviz.photos import images, samples, voc
from tests.apps import each_section, open_section, panels, pixels, png, rerun, said, start, tables, values
from ui.history import dilation as panel

PAGE = "pages/history.py"
SIZE = 320


@pytest.fixture
def fresh(passes) -> list[int]:
    """`passes`, with the page's own caches empty too."""
    panel._dense.clear()
    panel._stitched.clear()
    return passes


def scores_of_the_cat() -> tuple[np.ndarray, np.ndarray]:
    """Scores of stride 32 and of stride 16, (C, h, w) each."""
    net, image = weights.load("lite0-fcn32s", fold=True), images.fit(samples.load("cat"), SIZE)
    return inference.coarse(net, image).s32[0].numpy(), dilation.dense(net, image)[0].numpy()


def links(at: AppTest) -> list[tuple[str, str]]:
    """The steps' links to pages, without those to the chapter before and the lecture: page and query."""
    *steps, _, _ = at.main.get("page_link")
    return [(link.proto.page, link.proto.query_string) for link in steps]


def test_telling_costs_no_pass_and_only_an_open_section_runs_the_network(fresh):
    at = start(PAGE, photo="cat", size=f"{SIZE}")
    open_section(at, "Add or concatenate")
    assert fresh == []
    open_section(at, "Context by pooling")
    assert fresh == [32]
    open_section(at, "Dilation")
    assert fresh == [32, 32]  # one pass more: dilated
    at.selectbox(key="history_class").set_value("dog")
    rerun(at)
    open_section(open_section(at, "Context by pooling"), "Dilation")
    assert fresh == [32, 32]
    at.toggle(key="h_stitch").set_value(True)
    rerun(at)
    assert fresh == [32] * 6
    rerun(at)
    assert fresh == [32] * 6


def test_each_step_has_its_figure_its_source_and_a_link_to_what_it_found_too_weak():
    at = start(PAGE, photo="coffee", size=f"{SIZE}")
    for era in steps.ERAS:
        at.segmented_control(key="h_era").set_value(era)
        text, found = said(rerun(at)), links(at)
        assert len(found) == len(steps.of_era(era))
        for step, (page, query) in zip(steps.of_era(era), found, strict=True):
            assert step.answer in text
            assert f"**{step.figure.value}** {step.figure.about}" in text
            assert step.figure.source in text
            assert page in step.page
            assert "photo=coffee" in query
            assert ("open=" in query) == bool(step.section)


def test_one_table_holds_numbers_of_one_split_alone():
    (table,) = tables(start(PAGE))
    printed = [s.figure.value for s in steps.on_voc2012_test()]
    assert list(table["Mean IU"].str.replace("\u00a0", " ")) == printed
    assert not table["Source"].str.contains("cityscapes").any()


def test_the_maps_of_both_strides_are_the_networks_on_one_scale():
    at = start(PAGE, section="Dilation", photo="cat", size=f"{SIZE}", **{"class": "cat"})
    coarse, dense = panels(at, "dilation")
    expected = [scores[voc.CLASSES.index("cat")] for scores in scores_of_the_cat()]
    for shown, exact, stride in zip((coarse, dense), expected, (32, 16), strict=True):
        np.testing.assert_allclose(values(shown["layers"][1]), exact, atol=2e-3)
        h, w = exact.shape
        assert shown["caption"].startswith(f"{w} × {h} · stride {stride}")
    assert coarse["view"] == dense["view"]
    same = pixels(dense["layers"][1])[::2, ::2]
    assert (same == pixels(coarse["layers"][1])).mean() > 0.99  # one scale; a colour may round otherwise


def test_what_differs_from_shift_and_stitch_is_measured():
    at = start(PAGE, section="Dilation", photo="cat", size=f"{SIZE}", h_stitch="true")
    (shown,) = panels(at, "apart")
    apart = values(shown["layers"][0])
    assert apart[::2, ::2].max() < 1e-3 < np.median(apart[1::2, 1::2])
    assert f"**{apart.max():.1f}**" in said(at)
    assert f"0 of {apart.size} cells see none" in said(at)


@pytest.mark.parametrize("backbone", ["lite0", "vgg16"])
def test_both_joins_are_counted(backbone):
    at = start(PAGE, section="Add or concatenate", photo="cat", size=f"{SIZE}", h_backbone=backbone)
    (table,) = tables(at)
    counted = [n for j in joins.joins(backbone) for n in (f"{j.adds:,}", f"{j.concatenates:,}")]
    assert list(table["Parameters"]) == counted
    width, height = images.fit(samples.load("cat"), SIZE).size
    w, h = joins.grids(backbone, (width, height))[16]
    assert table["Joined"].iloc[0].replace("\u00a0", " ") == f"{w} × {h} × 21"


def test_the_pyramid_shows_the_scores_averaged_and_promises_nothing():
    at = start(PAGE, section="Context by pooling", photo="cat", size=f"{SIZE}", **{"class": "cat"})
    whole, *levels = (values(p["layers"][1]) for p in panels(at, "pyramid"))
    assert len(levels) == len(pyramid.GRIDS)
    np.testing.assert_allclose(levels[0], whole.mean(), atol=2e-3)
    assert all(level.shape == whole.shape for level in levels)
    assert all(np.ptp(a) <= np.ptp(b) for a, b in zip(levels, [*levels[1:], whole], strict=True))
    assert "not trained" in said(at)


def test_the_class_is_the_strongest_until_one_is_chosen_and_the_link_holds_it():
    at = start(PAGE, section="Dilation", photo="cat", size=f"{SIZE}", **{"class": "unicorn"})
    assert at.selectbox(key="history_class").value == "cat"
    at.selectbox(key="history_class").set_value("sofa")
    assert rerun(at).query_params["class"] == "sofa"
    assert start(PAGE, section="Dilation", **{"class": "sofa"}).selectbox(key="history_class").value == "sofa"


def test_an_empty_link_and_a_photo_of_one_pixel_work():
    at = start(PAGE, h_era="", h_backbone="", h_stitch="true")
    at.file_uploader(key="upload").upload("dot.png", png(1, 1), "image/png")
    rerun(at)
    for _ in each_section(at):
        assert not at.error
