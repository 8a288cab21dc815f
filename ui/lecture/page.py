"""The Lecture page: one step at a time. The link holds all choices, but no uploaded photo."""

from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.export import shown
from ui.lecture import components, file
from ui.lecture.scene import Scene
from ui.lecture.slide import Slide
from ui.lecture.steps.course import PRESETS, Course, chosen
from ui.page import controls, frame, link, path, photo, share
from ui.running.streamlit_internals import in_session

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
        reveal: whether questions come before their answers.
        links: container for the slide's links.
    """

    page: frame.Inputs
    course: Course
    step: int
    notes: bool
    reveal: bool
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
    text = _kept("steps")
    course, unknown = chosen(text)
    if unknown:
        st.bottom.warning(_unknown(unknown), icon=":material/info:")
    with st.bottom, st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        navigation = st.container(width="stretch")
        with st.popover("More", width="content"):
            links = st.container(gap="small")
            _choose_length(text, course)
            notes = st.toggle("Notes on the slide (N)", key="notes", bind="query-params")
            reveal = _questions_first()
        with st.popover("Photo", width="content"):
            page = frame.choices(above)
    shown.begin("Lecture", page.photo, page.palette)
    step = _read_step(len(course.steps))
    with navigation:
        components.navigate(course.titles, step, notes, partial(_go, last=len(course.steps)))
    return Lecture(page, course, step, notes, reveal, links)


def _kept(name: str) -> str:
    """Read a parameter from the link, else from the session, which keeps it while other pages are open."""
    state, key = st.session_state, f"lecture_{name}"
    state[key] = link.get(name, state.get(key, ""))
    if state[key]:
        link.put({name: state[key]})
    return state[key]


def _put(name: str, value: str) -> None:
    st.session_state[f"lecture_{name}"] = value
    link.put({name: value or None})


def _read_step(last: int) -> int:
    """Read the step; it is 1 if the link's is invalid."""
    wanted = _kept("step")
    found = int(wanted) if wanted in map(str, range(1, last + 1)) else 1
    _put("step", str(found))
    return found


def _unknown(words: list[str]) -> str:
    """Say which of the link's steps there are not."""
    named = ", ".join(f"“{word[:40]}”" for word in words[:5])
    return f"The link asks for steps that there are not, which are left out: {named}."


def _choose_length(text: str, course: Course) -> None:
    """Draw the choice of a preset; another one goes on at the same step, if it has it."""
    state = st.session_state
    state["lecture_length"] = (text or "45min") if not text or text in PRESETS else None

    def take() -> None:
        now = course.steps[min(int(state["lecture_step"] or 1), len(course.steps)) - 1].name
        wanted = PRESETS[state["lecture_length"]]
        _put("steps", state["lecture_length"])
        _put("step", str(wanted.index(now) + 1 if now in wanted else 1))

    def label(name: str) -> str:
        return f"{name.removesuffix('min')} min"

    st.segmented_control(
        "Length", list(PRESETS), key="lecture_length", format_func=label, on_change=take, required=True
    )


def _questions_first() -> bool:
    """Draw the switch for questions, which `?reveal=off` turns off."""
    st.session_state["lecture_questions"] = _kept("reveal") != "off"

    def turn() -> None:
        _put("reveal", "" if st.session_state["lecture_questions"] else "off")

    return st.toggle("Questions before answers", key="lecture_questions", on_change=turn)


def _go(to: int, notes: bool, last: int) -> None:
    _put("step", str(min(max(to, 1), last)))
    st.session_state["notes"] = notes


def show(lecture: Lecture) -> None:
    """Show the slide of this step with its notes and links."""
    page = lecture.page
    scene = Scene(page.photo, page.networks, page.palette, controls.isolated())
    slide = lecture.course.slide(scene, lecture.step)
    components.show(slide, lecture.step, lecture.course.titles, lecture.notes, lecture.reveal)
    with lecture.links:
        _links(slide, scene, lecture)
        if lecture.step < len(lecture.course.steps):  # made ahead, unseen, while this one is looked at
            lecture.course.slide(scene, lecture.step + 1)


def _links(slide: Slide, scene: Scene, lecture: Lecture) -> None:
    """Draw the links to the page that the figure is from and to Start, and the downloads."""
    kept = {k: v for k, v in st.query_params.to_dict().items() if k in _PASSED_ON}
    more = path.of(slide.page)
    st.page_link(more.path, label=more.name, icon=more.icon, query_params={**kept, **slide.query})
    st.page_link("app.py", label="Start", icon=":material/home:", query_params=kept)
    document = in_session(partial(file.document, scene, lecture.course, lecture.reveal))
    shown.add("lecture.html", document)
    st.download_button(
        "Save as HTML", document, "fcnviz-lecture.html", "text/html", key="lecture_file",
        on_click="ignore", icon=":material/download:",
        help="All steps in one file that needs no network: to lecture with, to hand out and to print.",
    )  # fmt: skip
    share.buttons()
