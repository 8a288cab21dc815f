"""The components of the Lecture: the figure of a slide, and the navigation through the steps."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.components.load import component
from ui.lecture.slide import Figure, figure_html

_figure = component("fcnviz_lecture_figure", Path(__file__).with_name("figure.js"))
_navigation = component("fcnviz_lecture_nav", Path(__file__).with_name("navigation.js"))


def show_figure(figure: Figure, step: int, beside: int) -> None:
    """Show a figure as large as the window allows."""
    _figure(key="lecture_figure", data={"html": figure_html(figure), "step": step, "beside": beside})


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
    data = {"names": list(names), "step": step, "notes": notes, "seen": seen}
    _navigation(key="lecture_nav", data=data, on_go_change=go)
