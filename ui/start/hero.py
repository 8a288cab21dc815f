"""The large picture of Start, its steps, and the network beside it."""

import streamlit as st

from ui.compare.results import Result, run_networks
from ui.components.stepper import Stepper, stepper
from ui.figures import diagram
from ui.page import link
from ui.page.frame import Inputs
from ui.page.sections import OPEN
from ui.running import layers, waiting
from ui.running.networks import model
from ui.start.frames import frames
from ui.start.sizes import sizes

#: Where the session keeps the part of the diagram that was clicked, and which step the browser was told last.
_CLICKED, _TOLD = "start_part", "start_step"


def show(page: Inputs) -> None:
    """Draw the photo at once, and its steps when the networks have run."""
    _open_clicked()
    picture = layers.photo_file(page.photo)
    place = stepper(page.photo, picture, key="stepper", asked=_asked(), on_step=_take, on_part=_click)
    results = run_networks(page.photo, page.networks)
    if results:
        _draw(place, page, results)


@waiting.panel
def _draw(place: Stepper, page: Inputs, results: list[Result]) -> None:
    backbone = model(results[0].net).backbone
    drawn = diagram.svg(sizes(backbone, page.photo.input_shape))
    place.show(frames(page.photo, page.networks, results), drawn)


def _asked() -> tuple[str | None, int]:
    """Return the link's step, and a number that is a new one if the browser is to go there."""
    visit, told, turn = st.session_state.get(_TOLD, (0, None, 0))
    now = link.get("step")
    if visit != link.visit() or now != told:
        told, turn = now, turn + 1
        st.session_state[_TOLD] = link.visit(), told, turn
        st.session_state["start_asked"] = now
    return st.session_state.get("start_asked"), turn


def _take(step: str) -> None:
    """Put the visitor's step into the link; the browser shows it already."""
    _, _, turn = st.session_state.get(_TOLD, (0, None, 0))
    st.session_state[_TOLD] = link.visit(), step, turn
    link.put({"step": step})


def _click(part: str) -> None:
    st.session_state[_CLICKED] = part


def _open_clicked() -> None:
    """Open the section of the part that was clicked: a script run may change the page, a callback may not."""
    part = diagram.PARTS.get(st.session_state.pop(_CLICKED, ""))
    if part:
        st.switch_page(part.page, query_params={OPEN: part.section})
