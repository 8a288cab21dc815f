"""Start in a browser: what is on the first screen, and the steps by keyboard, touch and link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.visiting import finished, settled, visit
from ui.figures import diagram


def now(page: Page) -> str:
    return page.locator(".steps button[aria-current]").inner_text().split()[0]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_picture_outline_steps_and_upload_are_on_the_first_screen(page, url, width, height):
    page.set_viewport_size({"width": width, "height": height})
    visit(page, url)
    expect(page.locator(".steps button")).to_have_count(6)
    for part in (
        page.locator(".frame.on .outline"), page.locator(".steps"), page.get_by_role("button", name="Play"),
        page.get_by_test_id("stMain").get_by_role("button", name="Upload a photo"),
    ):  # fmt: skip
        box = part.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height


def test_steps_by_keyboard_and_link(page, url):
    visit(page, f"{url}/?step=grid")
    assert now(page) == "3"
    expect(page.locator(".frame.on .column").first).to_be_visible()
    page.locator(".steps button").nth(2).focus()
    page.keyboard.press("ArrowRight")
    assert now(page) == "4"
    expect(page).to_have_url(re.compile("step=32s"))
    finished(page)
    page.keyboard.press("End")
    assert now(page) == "6"
    lit = page.locator(".box.lit").evaluate_all("all => all.map(box => box.dataset.part)")
    assert set(lit) == {"score_pool3", "upscore_pool4", "fuse_pool3", "upscore8"}
    expect(page).to_have_url(re.compile("step=8s"))
    page.go_back()
    expect(page).to_have_url(re.compile("step=32s"))
    expect(page.locator(".steps button[aria-current]")).to_contain_text("4")


def test_steps_by_touch(browser, url):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    visit(page, f"{url}/?step=photo")
    box = page.locator(".stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tools = context.new_cdp_session(page)
    for kind, dx in (("touchStart", 0), ("touchMove", -40), ("touchMove", -90), ("touchEnd", 0)):
        points = [] if kind == "touchEnd" else [{"x": x + dx, "y": y}]
        tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator(".steps button[aria-current]")).to_contain_text("2")
    context.close()


def test_it_plays_once_by_itself_where_motion_is_welcome(browser, url):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="no-preference")
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".steps button[aria-current]")).to_contain_text("6")
    expect(page.get_by_role("button", name="Play the steps")).to_be_visible()
    assert "step=" not in page.url
    context.close()


def test_a_click_on_the_diagram_opens_its_section_and_keeps_the_photo_and_its_size(page, url):
    visit(page, f"{url}/?photo=coffee&size=320")
    page.locator("[data-part=score_fr]").click()
    expect(page).to_have_url(re.compile("heatmaps.*photo=coffee|photo=coffee.*heatmaps"))
    settled(page)
    section = diagram.PARTS["score_fr"].section
    expect(page.get_by_role("radio", name=section, exact=True)).to_be_checked()
    page.go_back()  # once
    expect(page).to_have_url(re.compile(r"/\?(photo=coffee&size=320|size=320&photo=coffee)"))
    expect(page.locator("[data-part=score_fr]")).to_be_visible()
    expect(page.get_by_text("reduced to 320 × 213 px")).to_be_visible()
    expect(page).to_have_url(re.compile("size=320"))
