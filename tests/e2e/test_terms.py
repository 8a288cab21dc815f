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
    page.wait_for_timeout(500)
    assert before
    assert len(sent) == before
