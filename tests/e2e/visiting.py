"""Opening pages, and knowing when they are done."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from playwright.sync_api import Page, expect


def visit(page: Page, address: str) -> None:
    """Open a link, and wait for the whole page: what still arrives moves things under the pointer."""
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    settled(page)


def sections(page: Page) -> list[str]:
    """Names of the page's sections, in order; none if it has no sections."""
    return page.locator(".st-key-section").get_by_role("radio").all_inner_texts()


def open_section(page: Page, name: str) -> None:
    """Open a section by a click on the bar, once no script runs; jobs of the section before may go on."""
    finished(page)
    page.locator(".st-key-section").get_by_role("radio", name=name, exact=True).click()
    expect(page).to_have_url(re.compile(rf"section={re.escape(quote_plus(name))}(&|$)"))
    page.wait_for_timeout(500)  # the address changes at once, before the run begins
    settled(page)


def share(page: Page, button: str) -> None:
    """Click a button of the menu "Share", and leave the menu open."""
    wanted = page.get_by_role("button", name=button)
    if wanted.count() == 0:
        page.get_by_role("button", name="Share").click()
    wanted.click()


def finished(page: Page) -> None:
    """Wait until the script is done; jobs that it began may go on."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)


def settled(page: Page) -> None:
    """Wait until the script, and the jobs that it began, are done."""
    finished(page)
    for mark in ("stStatusWidget", "stSpinner", "stSkeleton", "stProgress"):
        expect(page.get_by_test_id(mark)).to_have_count(0)
