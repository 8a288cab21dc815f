"""The terms and the questions of a page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fcnviz.lessons import glossary, questions
from tests.e2e.visiting import visit
from ui.page.path import CHAPTERS


@pytest.fixture(scope="module")
def chapter(visitor, server) -> Iterator[Page]:
    """One page for both tests."""
    page = visitor.new_page()
    page.sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: page.sent.append(frame)))
    visit(page, f"{server.url}/alignment")
    yield page
    page.close()


def test_terms_open_without_asking_the_server(chapter: Page):
    chapter.wait_for_timeout(1000)
    before = len(chapter.sent)
    chapter.get_by_role("button", name="Terms").click()
    for term in glossary.of("Alignment"):
        expect(chapter.get_by_text(term.text)).to_be_attached()
    chapter.keyboard.press("Escape")
    _at_its_first_place(chapter)
    chapter.wait_for_timeout(500)
    assert before
    assert len(chapter.sent) == before


def _at_its_first_place(page: Page) -> None:
    """Where the text has a term first, it is explained, by keyboard; later places are plain text."""
    text = page.locator("p", has_text="of the coarse map").first
    text.get_by_role("button", name="cell", exact=True).focus()
    page.keyboard.press("Enter")
    note = page.locator("[popover]")
    expect(note).to_contain_text(glossary.terms()["cell"].text)
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    buttons = page.get_by_test_id("stMain").locator("p > button, p > strong > button").all_inner_texts()
    assert len(buttons) == len(set(buttons)) > 3
    expect(text).to_contain_text("A cell of the coarse map belongs to a square of the photo.")  # as it was


def test_an_answer_is_marked_and_the_worksheet_opens_offline(chapter: Page, tmp_path: Path):
    right = questions.of("Alignment")[0].answer
    chapter.get_by_text("2 questions before you read on").click()
    for given, said in ((str(int(right) + 1), "is not right"), (right, "is right")):
        field = chapter.get_by_role("spinbutton", name="Answer").first
        field.fill(given)
        field.press("Enter")
        chapter.get_by_role("button", name="Check").first.click()
        expect(chapter.get_by_text(said).first).to_be_visible()
    with chapter.expect_download() as download:
        chapter.get_by_role("button", name="Worksheet of all chapters").click()
    file = tmp_path / "worksheet.html"
    download.value.save_as(file)
    sheet = chapter.context.new_page()
    asked: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.goto(file.as_uri())
    expect(sheet.locator(".answers h2")).to_have_text([page.name for page in CHAPTERS])
    assert asked == [file.as_uri()]  # it needs nothing else
    sheet.close()
