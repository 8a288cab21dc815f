"""The page on upsampling in a real browser: by keyboard, playing, learning, on a phone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.visiting import visit


def slider(page: Page, label: str):
    return page.get_by_test_id("stMain").get_by_role("slider", name=label)


def test_stepping_by_keyboard_changes_the_sum_and_the_link(page, url):
    visit(page, f"{url}/upsampling?t_step=1&t_i=4")
    expect(page.get_by_text("so far")).to_be_visible()  # two stamps reach cell 4: neither is done
    slider(page, "Stamps done").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("t_step=2"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("out[4] = 1 × 0.25 + 3 × 0.75 = 2.5")).to_be_visible()
    expect(page.get_by_text("so far")).to_have_count(0)


def test_play_runs_to_the_end_and_stops(page, url):
    visit(page, f"{url}/upsampling?t_step=2")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page).to_have_url(re.compile("t_step=5"))
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_learning_is_watched_and_ends_with_both_ius(page, url):
    steps: set[bytes] = set()  # as they are sent: a busy browser may draw only the last

    def received(frame: str | bytes) -> None:
        steps.update(re.findall(rb"Step \d+ of 200", frame) if isinstance(frame, bytes) else ())

    page.on("websocket", lambda socket: socket.on("framereceived", received))
    visit(page, f"{url}/upsampling?section=Learn+it&photo=motorbike&fit_stride=16")
    page.get_by_role("button", name="Learn", exact=True).click()
    expect(page.get_by_text(re.compile(r"Mean IU: learned [\d.]+ %, fixed bilinear"))).to_be_visible()
    assert len(steps) > 1
