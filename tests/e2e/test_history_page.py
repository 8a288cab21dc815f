"""The history page in a real browser: its links open sections of other pages, and Back leads back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.visiting import settled, visit


def test_a_link_opens_the_section_that_shows_the_weakness(page: Page, url: str):
    visit(page, f"{url}/history?photo=coffee&h_era=Context")
    page.get_by_role("link", name="See it in 7 Evaluate: By class").click()
    bar = page.locator(".st-key-section")
    expect(bar.get_by_role("radio", name="By class")).to_be_checked(timeout=30_000)
    expect(page).to_have_url(f"{url}/evaluate?photo=coffee&section=By+class")
    settled(page)
    page.go_back()  # once
    expect(page.get_by_role("radio", name="Context", exact=True)).to_be_checked()
    expect(page).to_have_url(f"{url}/history?photo=coffee&h_era=Context")
    settled(page)
    page.go_forward()
    expect(bar.get_by_role("radio", name="By class")).to_be_checked()
