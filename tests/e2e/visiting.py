"""Opening pages, and knowing when they are done."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def visit(page: Page, address: str) -> None:
    """Open a link, and wait for the whole page: what still arrives moves things under the pointer."""
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    settled(page)


def settled(page: Page) -> None:
    """Wait until the script, and the jobs that it began, are done."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    for mark in ("stStatusWidget", "stSpinner", "stSkeleton", "stProgress"):
        expect(page.get_by_test_id(mark)).to_have_count(0)
