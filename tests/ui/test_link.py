"""Parameters of the link that belong to no widget, when the browser sends an old address."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from fcnviz import metrics
from tests.apps import png, rerun, sources, start
from ui.evaluate import grids
from ui.page import link


def out_of_date(at: AppTest, before: dict[str, str]) -> AppTest:
    """Run again with an address that the browser sent before it received the last change."""
    at.query_params.clear()
    at.query_params.update(before)
    return rerun(at)


def address(at: AppTest) -> dict[str, str]:
    return dict(at.query_params)


def mean_iu(at: AppTest) -> str:
    return next(e.value for e in at.markdown if e.value.startswith("**Mean IU: "))


def test_a_preset_is_not_undone_by_an_old_address():
    at = start("pages/evaluate.py", section="Sandbox")
    before = address(at)
    expected = (
        f"**Mean IU: {100 * metrics.scores(grids.PRESETS['False alarm'][0].confusion()).mean_iu:.1f} %**"
    )
    at.pills(key="sandbox_preset").set_value("False alarm")
    assert mean_iu(rerun(at)) == expected
    after = address(at)
    assert after != before
    assert mean_iu(out_of_date(at, before)) == expected
    assert at.pills(key="sandbox_preset").value == "False alarm"
    assert address(at) == after


def test_class_and_pixel_are_not_undone_by_an_old_address(passes):
    at = start("pages/heatmaps.py", section="Pixel")
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
    assert after["class"] == "dog"
    assert after["x"] == "17"


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
    at = start("pages/evaluate.py", section="Sandbox", e_preset="Perfect")
    assert mean_iu(at) == "**Mean IU: 100.0 %**"
    monkeypatch.setattr(link, "travelled", lambda: True)
    assert mean_iu(out_of_date(at, {"section": "Sandbox"})) != "**Mean IU: 100.0 %**"


def test_one_parameter_is_read_and_written_by_this_module_alone():
    alone = re.compile(r"query_params(\[|\.(get|pop|update|from_dict|clear)\()")
    found = {path: len(alone.findall(code)) for path, code in sources().items() if alone.search(code)}
    # the section belongs to a widget, but is also read where this is not drawn
    assert found.pop("ui/page/sections.py") == 1
    assert list(found) == ["ui/page/link.py"]


# --- places: Streamlit knows a fragment by its place, and a click during a run has to find it there


def places(at: AppTest) -> dict[str, tuple[int, ...]]:
    """Where each element with a key is: the numbers of the page's part, and of the part of the section."""

    def keys(node, path):
        yield getattr(node, "key", None), path[:2]
        for place, child in getattr(node, "children", {}).items():
            yield from keys(child, (*path, place))

    return {key: path for key, path in keys(at.main, ()) if key}


@pytest.mark.parametrize(
    ("page", "links", "keys"),
    [
        ("evaluate", [{"section": "Sandbox"}, {"section": "Sandbox", "e_preset": "Perfect"}], ["e_pixels"]),
        ("upsampling", [{}, {"t_input": "Own", "t_kernel": "Own"}, {"photo": "x"}], ["t_step"]),
        ("convolutionalize", [{"section": "Digits"},
                              {"section": "Digits", "conv_place": "By hand", "conv_lines": "x"}],
         ["conv_digit"]),
    ],
)  # fmt: skip
def test_fragments_keep_their_places(page, links, keys):
    seen = [places(start(f"pages/{page}.py", **one)) for one in links]
    for key in keys:
        assert len({found[key] for found in seen}) == 1, key
