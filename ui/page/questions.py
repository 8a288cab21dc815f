"""Questions at the top of a chapter, marked by the app.

`?questions=off` in the link leaves them out on all pages that the visitor opens, until `?questions=on`.
"""

import functools
from collections.abc import Sequence

import streamlit as st

from fcnviz.lessons import questions
from fcnviz.lessons.questions import Question
from ui.export import shown
from ui.page import link, worksheet


@shown.fragment
def ask(chapter: str) -> None:
    """Draw the questions of a chapter, closed: until they are opened they cost nothing.

    Nothing is drawn where there are none, or where a link has said `off`.
    """
    asked, state = questions.of(chapter), st.session_state
    state["questions"] = link.get("questions") or state.get("questions")
    if not asked or state["questions"] == "off":
        return
    many = "A question" if len(asked) == 1 else f"{len(asked)} questions"
    closed = st.expander(
        f"{many} before you read on", icon=":material/quiz:", key="questions_open", on_change="rerun"
    )
    if closed.open:
        with closed:
            _all(chapter, asked)


def _all(chapter: str, asked: Sequence[Question]) -> None:
    for number, question in enumerate(asked):
        _one(chapter, number, question)
    app = (st.context.url or "").rpartition("/")[0]
    st.download_button(
        "Worksheet of all chapters", functools.partial(worksheet.document, app), "fcnviz-worksheet.html",
        "text/html", key="worksheet", on_click="ignore", icon=":material/download:", type="tertiary",
    )  # fmt: skip
    st.caption(
        "They can be skipped; your answers stay until you leave. A lecturer leaves them out with "
        "`?questions=off` in the link."
    )


@shown.fragment
def _one(chapter: str, number: int, question: Question) -> None:
    """Draw one question, and what there is to say about the last answer that was checked."""
    name = f"question {chapter} {number}"
    checked = st.session_state.setdefault("answers", {})
    st.markdown(f"**{question.text}**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = _answer(question, name, checked.get(name))
        check = st.button("Check", key=f"{name} check")
        show = st.button("Show the answer", key=f"{name} show", type="tertiary")
    if check and given is None:
        st.caption("Give an answer first.")
    elif check:
        checked[name] = given
    if show:
        checked[name] = question.answer
    if name not in checked:
        return
    if question.right(checked[name]):
        st.success(f"**{question.answer}** is right. {question.why}", icon=":material/check:")
    else:
        st.warning(f"{checked[name]} is not right. Try again.", icon=":material/close:")


def _answer(question: Question, name: str, before: object) -> object:
    if question.choices:
        index = question.choices.index(str(before)) if before in question.choices else None
        return st.radio(
            "Answer", question.choices, index, key=name, horizontal=True, label_visibility="collapsed"
        )
    first = int(str(before)) if before is not None else None
    return st.number_input(
        "Answer", 0, 10**9, first, key=name, width=160, label_visibility="collapsed", placeholder="a number"
    )
