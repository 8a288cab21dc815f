"""Pages in sections: only the open one runs, the link holds it, and it can be shown alone in another page."""

from __future__ import annotations

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from tests.apps import each_section, open_section, start
from ui.page.path import CHAPTERS

PAGES = [chapter.path for chapter in CHAPTERS]


@pytest.fixture
def embedded(monkeypatch):
    """As in a page with ?embed=true, which Streamlit reads in the browser."""
    monkeypatch.setattr(ContextProxy, "is_embedded", property(lambda _: True))


def drawn(at: AppTest) -> set[str]:
    """The figures, pictures and tables that the page shows, by their paths in the export."""
    folders = ("figures/", "pictures/", "tables/")
    return {path for path in at.session_state["shown"].files if path.startswith(folders)}


def opened(at: AppTest) -> str:
    return at.segmented_control(key="section").value


@pytest.mark.parametrize("page", PAGES)
def test_only_the_open_section_is_drawn_and_its_link_draws_it_again(page):
    at = start(page, size="320", e_source="Upload")
    found = {name: drawn(at) for name in each_section(at)}
    assert len(found) > 3
    of_one = [path for paths in found.values() for path in paths if not path.startswith("pictures/viewer")]
    assert len(of_one) == len(set(of_one)) > len(found)
    for name in list(found)[1:]:
        assert drawn(start(page, size="320", e_source="Upload", section=name)) == found[name]


def test_what_is_closed_costs_no_pass_and_starts_nothing(passes):
    start("pages/upsampling.py", photo="coffee")
    at = start("pages/evaluate.py")
    assert "evaluation_job" not in at.session_state
    assert passes == []
    open_section(start("pages/upsampling.py", photo="coffee"), "Kernels")
    assert passes == [32, 16, 8]


@pytest.mark.parametrize("page", PAGES)
def test_a_section_that_is_unknown_is_the_first(page):
    first = start(page)
    for wanted in ("", "kernels", "<b>"):
        at = start(page, section=wanted)
        assert drawn(at) == drawn(first)
        assert not at.error
    assert opened(at) == opened(first)


def test_another_page_can_link_to_a_section():
    at = start("pages/alignment.py", open="Layers")
    assert opened(at) == "Layers"
    assert at.query_params["section"] == "Layers"
    assert "open" not in at.query_params
    assert opened(open_section(at, "Sizes")) == "Sizes"  # once alone
    assert opened(start("pages/alignment.py", open="nonsense")) == "Pad and crop"


def test_a_page_opens_with_its_own_first_section():
    """Compare and Heatmaps both have a section named Skips; on Heatmaps it is not the first."""
    at = start("pages/compare.py", size="320")
    assert opened(at) == "Skips"
    assert opened(at.switch_page("pages/heatmaps.py").run()) == "Dense"


def test_settings_stay_when_another_section_is_opened():
    at = start("pages/convolutionalize.py", section="Race", conv_most="8")
    at.selectbox(key="conv_racer").set_value("Digits, 8 px windows")
    open_section(open_section(at, "Numbers"), "Race")
    assert at.selectbox(key="conv_racer").value == "Digits, 8 px windows"
    assert at.slider(key="conv_most").value == 8


@pytest.mark.parametrize("page", PAGES)
def test_embedded_a_section_is_alone(page, embedded):
    whole = start(page, size="320")
    assert not whole.title
    *_, last = each_section(whole)
    at = start(page, size="320", section=last)
    assert at.subheader[0].value == last
    assert [c for c in at.get("bidi_component") if c.proto.component_name.startswith("fcnviz_first_places")]
    assert drawn(at) == {path for path in drawn(whole) if not path.startswith("pictures/viewer")}
    assert not at.title
    assert "section" not in {control.key for control in at.segmented_control}
    assert not [b for b in at.get("download_button") if b.key == "export"]
    assert not [c for c in at.get("bidi_component") if c.proto.component_name == "fcnviz_copy_link"]


def test_embedded_with_an_unknown_section_all_can_be_chosen(embedded):
    at = start("pages/alignment.py", section="Kernels")
    assert opened(at) == "Pad and crop"
