"""The terms of a page in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from fcnviz.lessons import glossary
from tests.e2e.visiting import visit


def test_terms_open_without_asking_the_server(page: Page, url: str):
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    visit(page, f"{url}/alignment")
    page.wait_for_timeout(1000)
    before = len(sent)
    page.get_by_role("button", name="Terms").click()
    for term in glossary.of("Alignment"):
        expect(page.get_by_text(term.text)).to_be_attached()
    page.keyboard.press("Escape")
    _at_its_first_place(page)
    page.wait_for_timeout(500)
    assert before
    assert len(sent) == before


def _at_its_first_place(page: Page) -> None:
    """Where the text has a term first, it is explained, by keyboard; later places are plain text."""
    text = page.locator("p", has_text="Why pad 100?").first
    text.get_by_role("button", name="cells", exact=True).focus()
    page.keyboard.press("Enter")
    note = page.locator("[popover]")
    expect(note).to_contain_text(glossary.terms()["cell"].text)
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    buttons = page.get_by_test_id("stMain").locator("p > button, p > strong > button").all_inner_texts()
    assert len(buttons) == len(set(buttons)) > 3
    expect(text).to_contain_text("Why pad 100? fc6 reads 7 × 7 cells at once")  # the text is what it was
