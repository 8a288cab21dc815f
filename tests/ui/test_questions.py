"""Questions on the pages: marked right and wrong, kept in the session, left out by the link."""

from __future__ import annotations

import re
from html import unescape

from fcnviz.lessons import questions
from tests.apps import rerun, start
from ui.page import path, worksheet

PAGE, CHAPTER = "pages/alignment.py", "Alignment"


def opened(**link):
    """The page with its questions open."""
    at = start(PAGE, **link)
    at.session_state["questions_open"] = True
    return rerun(at)


def check(at, number, answer):
    name = f"question {CHAPTER} {number}"
    at.number_input(key=name).set_value(answer)
    at.button(key=f"{name} check").click()
    return rerun(at)


def said(at):
    return [box.value for box in (*at.success, *at.warning)]


def test_an_answer_is_marked_and_stays():
    at = opened()
    assert said(at) == []
    question = questions.of(CHAPTER)[1]
    check(at, 1, int(question.answer) + 1)
    assert len(at.warning) == 1
    assert not any(question.why in text for text in said(at))  # a wrong answer gives nothing away
    check(at, 1, int(question.answer))
    assert question.why in at.success[0].value
    at.switch_page("pages/lecture.py")
    rerun(at)
    at.switch_page(PAGE)
    rerun(at)
    at.session_state["questions_open"] = True
    rerun(at)
    assert question.why in at.success[0].value


def test_closed_they_cost_nothing():
    at = start(PAGE)
    assert at.expander
    assert not [box for box in at.number_input if box.key.startswith("question")]


def test_the_answer_can_be_shown():
    at = opened()
    at.button(key=f"question {CHAPTER} 0 show").click()
    rerun(at)
    assert questions.of(CHAPTER)[0].why in at.success[0].value


def test_a_link_leaves_them_out():
    at = start(PAGE, questions="off")
    assert not at.expander
    at.switch_page("pages/training.py")  # a link in the app, which does not say it again
    at.query_params.clear()
    assert not rerun(at).expander
    at.switch_page(PAGE)
    at.query_params["questions"] = "on"
    assert rerun(at).expander


def test_the_worksheet_has_all_questions_links_that_exist_and_the_answers_apart():
    text = unescape(worksheet.document("https://host/fcn/").decode())
    before, _, after = text.partition('class="answers"')
    for chapter in path.CHAPTERS:
        for question in questions.of(chapter.label):
            assert question.text in before
            assert question.why not in before
            assert question.answer in after
    links = re.findall(r'href="([^"]+)"', text)
    assert links == [f"https://host/fcn/{page.path[6:-3]}" for page in path.CHAPTERS]
    assert "src=" not in text  # it needs no network
