"""The Heatmaps page, as a visitor sees it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.visiting import open_section, sections, visit

LINK = "/heatmaps?sample=cat&size=640&net=8s&class=cat&stage=32&values=Score&x=200&y=150"


def picture(page: Page, title: str) -> Locator:
    return page.get_by_role("img", name=re.compile(f"^{re.escape(title)}"))


def point(picture: Locator, across: float, down: float) -> None:
    """Move the pointer over a picture, at fractions of its width and height."""
    box = picture.bounding_box()
    picture.hover(position={"x": across * box["width"], "y": down * box["height"]})


def test_a_deep_link_reproduces_the_whole_page_cold(page, url):
    visit(page, url + LINK)
    for name, value in (("8s", "true"), ("16s", "false")):
        expect(page.get_by_role("radio", name=name, exact=True)).to_have_attribute("aria-checked", value)
    expect(page.get_by_role("radio", name="32", exact=True)).to_have_attribute("aria-checked", "true")
    expect(page.get_by_text("15 × 10 · stride 32")).to_be_visible()
    assert sections(page) == ["Dense", "Border", "Skips", "Pixel", "Kernels", "Certainty"]
    expect(page.get_by_test_id("stException")).to_have_count(0)
    point(picture(page, "Coarse, as it is"), 6.5 / 15, 4.5 / 10)  # a cell's value
    expect(page.get_by_text(re.compile(r"^x 6, y 4: score −?\d+\.\d{3}$"))).to_be_visible()
    for title in ("Bilinear interpolation", "The network's deconvolution", "Learning: "):
        point(picture(page, title), 0.5, 0.5)  # a pixel's, from its colour
        value = page.get_by_text(re.compile(r"^x 225, y 1[45]\d: (score|difference) ≈ −?\d+\.\d+$"))
        expect(value.filter(visible=True)).to_be_visible()
    open_section(page, "Pixel")
    expect(page.get_by_text("at x 200, y 150")).to_be_visible()
    expect(page.get_by_text("What cell 6, 4 of the stride-32 map sees")).to_be_visible()


def test_a_click_on_the_photo_asks_about_that_pixel(page, url):
    visit(page, f"{url}{LINK}&section=Pixel")
    photo = page.frame_locator("iframe[title*=image_coordinates]").locator("#image")
    box = photo.bounding_box()
    photo.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.5})
    expect(page).to_have_url(re.compile("x=11[123]&y=1(49|50|51)"))
    expect(page.get_by_text(re.compile("at x 11[123], y 1(49|50|51)"))).to_be_visible()
    # typing works as well, and another photo forgets the pixel
    page.get_by_role("spinbutton", name=re.compile("^x, 0")).fill("7")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("x=7&"))
    page.get_by_role("button", name="Motorbike").first.click()
    expect(page).not_to_have_url(re.compile("x=7"))


def test_another_class_sends_less_than_500_kb(page, url):
    received = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.on("response", lambda r: received.append(int(r.headers.get("content-length", 0))))
    visit(page, f"{url}/heatmaps?photo=cat&class=cat")
    page.wait_for_timeout(500)
    received.clear()
    page.get_by_role("combobox", name=re.compile("Class · share")).click()
    page.keyboard.type("dog")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Probability of dog").first).to_be_visible()
    page.wait_for_timeout(1000)
    assert 0 < sum(received) < 500_000
