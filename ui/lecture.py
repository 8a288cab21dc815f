"""The Lecture page: one step on the screen, and the way to the others; all but an upload is in the link."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import frame, inputs, lecture_file, lecture_parts, link, origins, share, shown
from ui.lecture_scene import Scene
from ui.lecture_slide import Slide
from ui.lecture_steps import NAMES, slide

#: Height in CSS pixels that the page takes beside the figure (two lines of sentence, the controls), and what
#: the notes add.
BESIDE, NOTES = 350, 140
#: What a link to another page takes along.
_KEPT = ("photo", "size", "nets", "colours")


@dataclass(frozen=True)
class Desk:
    """The lecturer's controls.

    Attributes:
        page: what is shown, and by which networks.
        step: the number of the slide, from 1.
        notes: whether the speaker's notes are wanted.
        links: where the slide's links go.
    """

    page: frame.Inputs
    step: int
    notes: bool
    links: DeltaGenerator


def begin() -> Desk:
    """Configure the page, which has no sidebar, and draw the controls at its lower edge."""
    frame.configure("Lecture")
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        way = st.container(width="stretch")
        links = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
        notes = st.toggle("Notes (N)", key="notes", bind="query-params")
        with st.popover("Photo", icon=":material/image:"):
            page = frame.choices()
    shown.begin("Lecture", inputs.source(page.photo), page.palette)
    shown.fact("photo", page.photo.name, origins.photo(page.photo))
    step = _step()
    with way:
        lecture_parts.navigate(NAMES, step, notes, _go)
    return Desk(page, step, notes, links)


def _step() -> int:
    """The link's step, else where the session was; what is no step is 1."""
    state = st.session_state
    wanted = link.get("step", str(state.get("lecture_step", 1)))
    found = int(wanted) if wanted in map(str, range(1, len(NAMES) + 1)) else 1
    state["lecture_step"] = found
    link.put({"step": str(found)})
    return found


def _go(to: int, notes: bool) -> None:
    link.put({"step": str(min(max(to, 1), len(NAMES)))})
    st.session_state["notes"] = notes


def show(desk: Desk) -> None:
    """The slide of this step, its notes, and its links."""
    page = desk.page
    scene = Scene(page.photo, page.networks, page.palette, inputs.isolated())
    if error := st.session_state.get("photo_error"):
        st.error(error, icon=":material/error:")
    now = slide(scene, desk.step)
    st.subheader(now.sentence, anchor=False)
    notes = desk.notes and bool(now.notes)
    if now.figure is not None:
        lecture_parts.show(now.figure, desk.step, BESIDE + NOTES * notes)
    if notes:
        st.markdown(now.notes)
    with desk.links:
        _links(now, scene)


def _links(now: Slide, scene: Scene) -> None:
    """To the page that the figure is from, to the start, and what to take along."""
    kept = {k: v for k, v in st.query_params.to_dict().items() if k in _KEPT}
    label, icon = next((label, icon) for path, label, icon in frame.PAGES if path == now.page)
    st.page_link(now.page, label=f"More: {label}", icon=icon, query_params={**kept, **now.query})
    st.page_link("app.py", label="Start", icon=":material/home:", query_params=kept)
    document = functools.partial(lecture_file.document, scene)
    shown.add("lecture.html", document)
    with st.popover("Take along", icon=":material/share:"):
        st.download_button(
            "Save as HTML", document, "fcnviz-lecture.html", "text/html", key="lecture_file",
            on_click="ignore", icon=":material/download:",
            help="All steps in one file that needs no network: to read, to print, for an appendix.",
        )  # fmt: skip
        share.buttons()
