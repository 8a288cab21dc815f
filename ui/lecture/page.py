"""The Lecture page: one step at a time. The link holds all choices, but no uploaded photo."""

from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.export import shown
from ui.lecture import components, file
from ui.lecture.scene import Scene
from ui.lecture.slide import Slide
from ui.lecture.steps.course import Course
from ui.page import controls, frame, link, path, photo, share

#: Parameters that links to other pages take along.
_PASSED_ON = ("photo", "size", "nets", "colours")


@dataclass(frozen=True)
class Lecture:
    """What the lecturer has chosen.

    Attributes:
        page: the photo and the networks.
        course: the steps.
        step: number of the slide, from 1.
        notes: whether the speaker's notes are shown.
        links: container for the slide's links.
    """

    page: frame.Inputs
    course: Course
    step: int
    notes: bool
    links: DeltaGenerator


def begin() -> Lecture:
    """Configure the page, which has no sidebar, and draw the controls at the bottom.

    A presenter's window (`?view=presenter`) ends here: the lecture's own window fills it.
    """
    frame.configure("Lecture")
    if link.get("view") == "presenter":
        components.present()
        st.stop()
    above = photo.above()
    with st.bottom, st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        navigation = st.container(width="stretch")
        with st.popover("More", width="content"):
            links = st.container(gap="small")
            notes = st.toggle("Notes on the slide (N)", key="notes", bind="query-params")
        with st.popover("Photo", width="content"):
            page = frame.choices(above)
    shown.begin("Lecture", page.photo, page.palette)
    course = Course()
    step = _read_step(len(course.steps))
    with navigation:
        components.navigate(course.titles, step, notes, partial(_go, last=len(course.steps)))
    return Lecture(page, course, step, notes, links)


def _read_step(last: int) -> int:
    """Read the step from the link, else from the session; it is 1 if the link's is invalid."""
    state = st.session_state
    wanted = link.get("step", str(state.get("lecture_step", 1)))
    found = int(wanted) if wanted in map(str, range(1, last + 1)) else 1
    state["lecture_step"] = found
    link.put({"step": str(found)})
    return found


def _go(to: int, notes: bool, last: int) -> None:
    link.put({"step": str(min(max(to, 1), last))})
    st.session_state["notes"] = notes


def show(lecture: Lecture) -> None:
    """Show the slide of this step with its notes and links."""
    page = lecture.page
    scene = Scene(page.photo, page.networks, page.palette, controls.isolated())
    slide = lecture.course.slide(scene, lecture.step)
    components.show(slide, lecture.step, lecture.course.titles, lecture.notes)
    with lecture.links:
        _links(slide, scene, lecture.course)


def _links(slide: Slide, scene: Scene, course: Course) -> None:
    """Draw the links to the page that the figure is from and to Start, and the downloads."""
    kept = {k: v for k, v in st.query_params.to_dict().items() if k in _PASSED_ON}
    more = path.of(slide.page)
    st.page_link(more.path, label=more.name, icon=more.icon, query_params={**kept, **slide.query})
    st.page_link("app.py", label="Start", icon=":material/home:", query_params=kept)
    document = partial(file.document, scene, course)
    shown.add("lecture.html", document)
    st.download_button(
        "Save as HTML", document, "fcnviz-lecture.html", "text/html", key="lecture_file",
        on_click="ignore", icon=":material/download:",
        help="All steps in one file that needs no network: to give, to read and to print.",
    )  # fmt: skip
    share.buttons()
