"""The saved lecture, opened from the disk without a network: its slides, its keys, and its print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.test_lecture_page import LAST, NAMES, PROJECTORS, SETTLED, SHARES, readable
from ui.convolutionalize import photo as convolution_photo
from ui.lecture import file
from ui.lecture.scene import Scene
from ui.lecture.steps.course import Course
from ui.running import samples
from ui.state import Networks

#: Goes from the first slide to the last, and returns the number of each, its shares, and whether it fits.
WALK = f"""async () => {{
  const shares = {SHARES};
  const press = key => document.dispatchEvent(new KeyboardEvent('keydown', {{key}}));
  const slides = [...document.querySelectorAll('main .slide')];
  const shown = () => slides.findIndex(e => e.checkVisibility());
  const all = document.documentElement;
  const found = [];
  await document.fonts.ready;
  press('Home');
  while (shown() !== found.at(-1)?.[0]) {{
    found.push([shown(), shares(),
      all.scrollHeight <= all.clientHeight && all.scrollWidth <= all.clientWidth]);
    press('ArrowRight');
  }}
  return found;
}}"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """The lecture on a portrait photo, with all stages."""
    with pytest.MonkeyPatch.context() as quick:
        # cells stand in for windows classified one by one, which takes seconds
        quick.setattr(convolution_photo, "alone", lambda *asked: convolution_photo.whole(*asked)[:, :1, :1])
        photo = replace(samples.photo("grace", 416), title="<i>Mine", credit="me")
        networks = Networks("lite0", ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s"), "auto")
        path = tmp_path_factory.mktemp("saved") / "lecture.html"
        path.write_bytes(file.document(Scene(photo, networks, "VOC"), Course(), reveal=True))
    return path


@pytest.fixture
def offline(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 720}, has_touch=True)
    errors = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: errors.append(message.text))
    yield context
    context.close()
    assert errors == []


def at(page: Page, step: int) -> None:
    expect(page.locator("nav h1 span")).to_have_text(f"{step} / {LAST} ")
    expect(page.locator("section:visible")).to_have_id(f"step-{step}")
    assert page.url.endswith(f"#step-{step}") or step == 1


def test_each_stage_fills_each_projector_and_can_be_read_in_small_windows(saved, offline):
    page = offline.new_page()
    page.goto(saved.as_uri())
    stages = page.locator("main .slide").count()
    assert page.evaluate("document.fonts.load('16px \"Source Sans\"').then(fonts => fonts.length)") == 1
    assert stages > LAST
    for width, height in PROJECTORS:
        page.set_viewport_size({"width": width, "height": height})
        found = page.evaluate(WALK)
        assert [number for number, *_ in found] == list(range(stages))
        for _, shares, fits in found:
            readable(*shares)
            assert fits
    assert page.locator("main img").evaluate_all("all => all.every(i => i.naturalWidth)")
    small_windows(page)


def test_keys_swipes_overview_and_address(saved, offline):
    page = offline.new_page()
    page.goto(f"{saved.as_uri()}#step-4")
    at(page, 4)
    question = page.locator(".sentence:visible").inner_text()
    page.keyboard.press("ArrowRight")
    at(page, 4)
    assert page.locator(".sentence:visible").inner_text() != question
    page.keyboard.press("PageDown")
    at(page, 5)
    page.keyboard.press("ArrowLeft")
    at(page, 4)
    assert page.locator(".sentence:visible").inner_text() != question  # from behind: no question
    page.go_back()
    at(page, 5)
    for key in ("1", "1", "Enter"):
        page.keyboard.press(key)
    at(page, 11)
    page.reload()
    at(page, 11)
    expect(page.locator(".notes:visible")).to_have_count(0)
    page.keyboard.press("n")
    expect(page.locator(".notes:visible")).to_have_count(1)
    page.keyboard.press("b")
    expect(page.locator(".blank")).to_be_visible()
    page.keyboard.press("b")
    page.keyboard.press("o")
    expect(page.get_by_role("button", name=f"11 {NAMES[10]}", exact=True)).to_be_focused()
    small = page.locator(".steps .thumbnail")
    expect(small).to_have_count(LAST)
    assert small.locator(".figure").evaluate_all(
        "all => all.every(e => e.getBoundingClientRect().width < innerWidth / 4)"
    )
    page.get_by_role("button", name=f"3 {NAMES[2]}", exact=True).click()
    at(page, 3)
    page.keyboard.press("?")
    expect(page.get_by_role("cell", name="full screen")).to_be_visible()
    expect(page.get_by_role("cell", name="code to follow")).to_have_count(0)
    expect(page.get_by_text("<i>Mine (me): ")).to_be_visible()
    page.get_by_role("button", name="O", exact=True).click()  # on a phone as well
    expect(page.get_by_role("dialog", name="All steps")).to_be_visible()
    page.keyboard.press("Escape")
    for path, step in (((900, 200), 4), ((200, 900), 3)):
        page.evaluate(SWIPE, path)
        at(page, step)


def test_the_presenters_window_follows_and_leads(saved, offline):
    page = offline.new_page()
    page.goto(f"{saved.as_uri()}#step-4")
    page.keyboard.press("n")
    with page.expect_popup() as popup:
        page.keyboard.press("p")
    presenter = popup.value
    now, following = presenter.locator(".now .sentence"), presenter.locator(".following .sentence")
    question = page.locator(".sentence:visible").inner_text()
    expect(now).to_have_text(question)
    expect(presenter.locator(".speaker .notes")).to_contain_text("Section 3.1")
    expect(page.locator(".notes:visible")).to_have_count(0)  # no more for the audience
    expect(presenter.get_by_role("timer")).to_contain_text("0:0")
    answer = following.inner_text()
    presenter.keyboard.press("ArrowRight")
    expect(page.locator(".sentence:visible")).to_have_text(answer)
    expect(now).to_have_text(answer)
    expect(presenter.locator(".next")).to_have_text(f"Next: {NAMES[4]}")
    for key in ("1", "1", "Enter"):
        presenter.keyboard.press(key)
    at(page, 11)
    page.reload()
    at(page, 11)
    page.keyboard.press("PageDown")
    expect(presenter.locator("nav h1 span")).to_have_text(f"12 / {LAST} ")
    presenter.keyboard.press("b")
    expect(page.locator(".blank")).to_be_visible()
    expect(presenter.locator(".blank")).to_be_hidden()
    presenter.keyboard.press("o")
    expect(presenter.locator(".steps .thumbnail")).to_have_count(LAST)
    presenter.get_by_role("button", name=f"{LAST} {NAMES[-1]}", exact=True).click()
    at(page, LAST)
    expect(presenter.locator(".next")).to_have_text("The last step.")
    presenter.close()
    page.evaluate("window.open = () => null")  # as a browser that blocks windows does
    page.keyboard.press("p")
    expect(page.get_by_role("alert")).to_contain_text("blocked the presenter's window")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    at(page, 1)


SWIPE = """([from, to]) => { for (const [kind, x] of [['touchstart', from], ['touchend', to]]) {
  const target = document.querySelector('main');
  const touch = new Touch({identifier: 1, target, clientX: x, clientY: 300});
  target.dispatchEvent(new TouchEvent(kind, {bubbles: true, changedTouches: [touch]}));
} }"""


#: Whether what is longer than the window has been scrolled by a key.
SCROLLED = "scrollY > 0 || document.documentElement.scrollHeight <= innerHeight"


def small_windows(page: Page) -> None:
    """On a phone, and at a zoom of 200 %, words can be read, and pictures are neither tiny nor cut."""
    for width, height in ((390, 844), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        for step in ("9", "17"):
            for key in (*step, "Enter"):
                page.keyboard.press(key)
            at(page, int(step))
            page.evaluate(SETTLED)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.keyboard.press("ArrowDown")
            page.wait_for_function(SCROLLED)
            words = page.locator(":is(.title, .caption, .name):visible").evaluate_all(
                "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
            )
            assert min(words) >= 16
            pictures = page.locator(".stack:visible").evaluate_all("all => all.map(e => e.clientHeight)")
            assert all(0.15 * height < picture < height for picture in pictures)
            assert page.locator("nav").bounding_box()["height"] < 0.2 * height


def test_print_has_a_page_for_each_slide_and_no_more(saved, offline):
    page = offline.new_page()
    page.goto(f"{saved.as_uri()}#step-4")
    page.keyboard.press("n")
    asked = page.locator(".sentence:visible").inner_text()
    wide = page.pdf(prefer_css_page_size=True)
    assert wide.count(b"/Type /Page\n") == wide.count(b"/MediaBox [0 0 960 540]") == LAST  # in pt: 16 : 9
    assert page.pdf(format="A4").count(b"/Type /Page\n") == LAST
    expect(page.locator(".sentence:visible")).to_have_text([asked])  # where it was
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    shown = page.locator(".slide:visible")
    expect(shown).to_have_count(LAST)
    assert shown.evaluate_all("all => all.every(e => !e.nextElementSibling)")  # the last stage of each step
    assert shown.evaluate_all(
        "all => all.every(e => e.scrollHeight <= 720 && e.querySelector('.figure').clientHeight > 400)"
    )
    expect(page.locator(".notes:visible, nav:visible, footer:visible, .step:visible")).to_have_count(0)
