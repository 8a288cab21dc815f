"""The components of the Lecture: a slide, the navigation through the steps, and the presenter's window."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.components.load import component
from ui.lecture import follow
from ui.lecture.slide import Slide, slide_html

_slide = component("fcnviz_lecture_figure", Path(__file__).with_name("figure.js"))
_navigation = component("fcnviz_lecture_nav", Path(__file__).with_name("navigation.js"))
_presenter = component(
    "fcnviz_lecture_presenter", Path(__file__).with_name("presenter.js"), "figure.css", "navigation.css"
)


def show(slide: Slide, step: int, names: Sequence[str], notes: bool, reveal: bool) -> None:
    """Show a slide as large as the window allows, and tell a presenter's window what it needs.

    Args:
        slide: the slide.
        step: its number, from 1.
        names: names of all steps.
        notes: whether the speaker's notes are on the slide.
        reveal: whether what is shown before it comes first.
    """
    about = {"step": step, "names": list(names), "notes": slide.notes}
    _slide(key="lecture_figure", data={"html": slide_html(slide, notes, reveal), **about})


def present() -> None:
    """Draw the presenter's window, which the lecture's window of the same browser fills."""
    _presenter(key="lecture_presenter")


def navigate(names: Sequence[str], step: int, notes: bool, on_go: Callable[[int, bool], None]) -> None:
    """Draw the buttons for the previous and the next step and the counter, and listen to the keys.

    Args:
        names: names of all steps.
        step: number of the step that is shown, from 1.
        notes: whether the speaker's notes are shown.
        on_go: called before the script runs again, with the step that is wanted and whether notes are.
    """

    def go() -> None:
        if wanted := st.session_state["lecture_nav"].get("go"):
            st.session_state["lecture_seen"] = wanted["sent"]
            on_go(int(wanted["step"]), bool(wanted["notes"]))

    seen = st.session_state.get("lecture_seen", 0)
    data = {"names": list(names), "step": step, "notes": notes, "seen": seen, "follow": follow.card()}
    _navigation(key="lecture_nav", data=data, on_go_change=go)
