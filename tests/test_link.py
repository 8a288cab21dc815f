"""What the link holds beside the widgets, when the browser sends an address that is out of date."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from apps import ROOT, png, rerun, start
from streamlit.testing.v1 import AppTest

from fcnviz import metrics, sandbox
from ui import link


def out_of_date(at: AppTest, before: dict[str, str]) -> AppTest:
    """Run again with an address that the browser has sent before it heard of the last change."""
    at.query_params.clear()
    at.query_params.update(before)
    return rerun(at)


def address(at: AppTest) -> dict[str, str]:
    return dict(at.query_params)


def mean_iu(at: AppTest) -> str:
    return next(e.value for e in at.markdown if e.value.startswith("**Mean IU: "))


def test_a_preset_is_not_undone_by_an_old_address():
    at = start("pages/evaluate.py", e_source="Upload")
    before = address(at)
    expected = (
        f"**Mean IU: {100 * metrics.scores(sandbox.PRESETS['False alarm'][0].confusion()).mean_iu:.1f} %**"
    )
    at.pills(key="sandbox_preset").set_value("False alarm")
    assert mean_iu(rerun(at)) == expected
    after = address(at)
    assert after != before
    assert mean_iu(out_of_date(at, before)) == expected
    assert at.pills(key="sandbox_preset").value == "False alarm"
    assert address(at) == after


def test_class_and_pixel_are_not_undone_by_an_old_address(passes):
    at = start("pages/heatmaps.py")
    before = address(at)
    at.selectbox(key="shown_class").set_value("dog")
    rerun(at)
    at.number_input(key="pixel_x").set_value(17)
    rerun(at)
    after = address(at)
    out_of_date(at, before)
    assert at.selectbox(key="shown_class").value == "dog"
    assert at.number_input(key="pixel_x").value == 17
    assert address(at) == after
    assert after["class"] == "dog" and after["x"] == "17"


def test_an_upload_is_not_undone_by_an_old_address(passes):
    at = start(photo="coffee", **{"class": "dog"})
    before = address(at)
    at.file_uploader(key="upload").upload("mine.png", png(60, 40), "image/png")
    rerun(at)
    out_of_date(at, before)
    assert address(at)["photo"] == "own"
    assert "class" not in address(at)


def test_another_page_is_read_anew(passes):
    at = start("pages/heatmaps.py", **{"class": "dog"})
    at.switch_page("pages/compare.py")
    at.query_params.clear()
    rerun(at)
    assert "class" not in address(at)
    at.switch_page("pages/heatmaps.py")
    at.query_params.update({"class": "person", "photo": "cat"})
    rerun(at)
    assert at.selectbox(key="shown_class").value == "person"


def test_going_back_is_read_anew(monkeypatch):
    at = start("pages/evaluate.py", e_source="Upload", e_preset="Perfect")
    assert mean_iu(at) == "**Mean IU: 100.0 %**"
    monkeypatch.setattr(link, "get_script_run_ctx", lambda: SimpleNamespace(is_history_navigation=True))
    assert mean_iu(out_of_date(at, {"e_source": "Upload"})) != "**Mean IU: 100.0 %**"


def test_one_parameter_is_read_and_written_by_this_module_alone():
    alone = re.compile(r"query_params(\[|\.(get|pop|update|from_dict|clear)\()")
    for path in [*ROOT.glob("ui/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]:
        found = alone.search(path.read_text("utf-8"))
        assert bool(found) == (path.name == "link.py"), path.name


# --- places: a fragment is known by its place, and a click that comes as the page runs has to find it


def places(at: AppTest) -> dict[str, int]:
    """In which of the page's parts, counted from its top, each element with a key stands."""

    def keys(node):
        yield getattr(node, "key", None)
        for child in getattr(node, "children", {}).values():
            yield from keys(child)

    return {key: place for place, part in at.main.children.items() for key in keys(part) if key}


@pytest.mark.parametrize(
    ("page", "links", "keys"),
    [
        ("evaluate", [{"e_source": "Upload"}, {}], ["e_pixels"]),
        ("upsampling", [{}, {"t_input": "Own", "t_cells": "x"}],
         ["t_step", "g_k", "fit_stride", "stitch_f"]),
        ("convolutionalize", [{}, {"conv_place": "By hand", "conv_lines": "x"}],
         ["conv_digit", "conv_class", "conv_sizes"]),
    ],
)  # fmt: skip
def test_fragments_keep_their_places(page, links, keys):
    seen = [places(start(f"pages/{page}.py", **one)) for one in links]
    for key in keys:
        assert len({found[key] for found in seen}) == 1, key
