"""The lecture, as the lecturer gives it: by keyboard alone, and from the saved file without a network."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.test_app import photo_file
from ui.lecture.steps.course import Course

NAMES = Course().titles
LAST = len(NAMES)
#: All pictures of the figure that is shown, as [naturalWidth, x, y, width] of each.
PICTURES = """() => [...document.querySelectorAll('[data-testid=stMain] *')].map(e => e.shadowRoot)
  .filter(Boolean).flatMap(r => [...r.querySelectorAll('.figure .stack img')])
  .map(i => [i, i.getBoundingClientRect()])
  .map(([i, b]) => [i.naturalWidth, ...[b.x, b.y, b.width].map(Math.round)])"""


def at(page: Page, step: int) -> None:
    """Wait until a step is on the screen."""
    expect(page.locator("nav h1 span")).to_have_text(f"{step} / {LAST} ")
    expect(page).to_have_url(re.compile(rf"step={step}(&|$)"))
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.locator(f".view[data-step='{step}'] .slide:not([hidden]) .figure")).to_be_visible()


def heading(page: Page) -> str:
    return page.get_by_test_id("stMain").get_by_role("heading", level=2).inner_text()


def fits(page: Page) -> bool:
    """Nothing needs scrolling."""
    return page.get_by_test_id("stMain").evaluate(
        "e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth"
    )


#: Of the slide, as shares of the window: the sizes of its sentence and its smallest words, the area of the
#: figure, the widest or highest picture; where it begins, in px; and the classes of what is cut off.
SHARES = """() => {
  const slide = [document, ...document.querySelectorAll('[data-testid=stMain] *')].map(e => e.shadowRoot ?? e)
    .map(r => r.querySelector(':not([hidden]) > .slide:not([hidden])')).find(Boolean);
  const type = e => parseFloat(getComputedStyle(e).fontSize) / innerHeight;
  const [sentence, figure] = ['.sentence', '.figure'].map(name => slide.querySelector(name));
  const words = [...figure.querySelectorAll('p, span, td, th')].filter(e => e.textContent.trim()).map(type);
  const {width, height} = figure.getBoundingClientRect();
  const cut = [...figure.querySelectorAll('.part, .title, .caption, td, th')]
    .filter(e => e.scrollWidth > e.clientWidth + 3 || e.scrollHeight > e.clientHeight + 3);
  return [type(sentence), Math.min(...words), width * height / innerWidth / innerHeight,
    slide.getBoundingClientRect().top, cut.map(e => e.className || e.tagName)];
}"""
SETTLED = f"""async () => {{
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  return ({SHARES})();
}}"""
PROJECTORS = ((1280, 720), (1920, 1080), (3840, 2160), (1024, 768))


def fills(page: Page, step: int) -> None:
    """The slide can be read from the last row and uses the screen: a wide one in turn, and the narrow one.

    The saved file, which is laid out by the same code, is looked at on each of them.
    """
    for width, height in (PROJECTORS[step % 3], PROJECTORS[3]):
        page.set_viewport_size({"width": width, "height": height})
        readable(*page.evaluate(SETTLED))
        assert fits(page)


def readable(sentence: float, words: float, figure: float, top: float, cut: list[str]) -> None:
    """A slide's shares are those that the last row needs."""
    assert sentence >= 0.04
    assert words >= 0.025
    assert figure >= 0.55
    assert 0 <= top < 20
    assert cut == []


def test_the_story_by_keyboard_on_an_upload_at_each_size_and_saved(browser, page, url, tmp_path):
    errors, said = [], set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "404" not in m.text else None)
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{url}/lecture?reveal=off")
    at(page, 1)
    page.get_by_role("button", name="Photo", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(photo_file(tmp_path, (320, 480)))
    expect(page).to_have_url(re.compile("photo=own"))
    page.keyboard.press("Escape")
    for step in range(1, LAST + 1):
        at(page, step)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        fills(page, step)
        said.add(heading(page))
        pictures = page.evaluate(PICTURES)
        assert all(p[0] > 0 for p in pictures)
        assert pictures or NAMES[step - 1] == "What came next"
        page.keyboard.press(("PageDown", "ArrowRight")[step % 2])
    assert len(said) == LAST
    saved(browser, page, tmp_path)
    for key, step in (("PageUp", LAST - 1), ("Home", 1), ("End", LAST), ("ArrowLeft", LAST - 1), ("Home", 1)):
        page.keyboard.press(key)
        at(page, step)
    for _ in range(4):  # faster than the page answers: none is lost
        page.keyboard.press("ArrowRight")
    at(page, 5)
    page.keyboard.press("n")
    expect(page.get_by_text("Section 3.1")).to_be_visible()
    expect(page).to_have_url(re.compile("notes=true"))
    assert fits(page)
    page.go_back()
    page.go_back()
    expect(page.get_by_text("Section 3.1")).to_have_count(0)
    page.go_forward()
    page.reload()  # the upload is gone with its session; the step is not
    at(page, 5)
    assert errors == []


def saved(browser, page: Page, folder) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_role("button", name="Save as HTML").click()
    file = folder / "lecture.html"
    download.value.save_as(file)
    context = browser.new_context(offline=True)
    offline, asked = context.new_page(), []
    offline.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("data:", "file:")) else None)
    offline.goto(file.as_uri())
    expect(offline.locator("section:visible .figure:visible")).to_have_count(1)
    assert asked == []
    context.close()
    page.keyboard.press("Escape")


def test_other_screens_and_typing(browser, url):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/lecture?photo=coffee&step=7")
    at(page, 7)
    main = page.get_by_test_id("stMain")
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width // 2, "height": height // 2})  # as at a zoom of 200 %
        picture = page.locator(".figure .stack").first
        picture.scroll_into_view_if_needed()
        assert main.evaluate("e => e.scrollWidth") <= width // 2
        assert picture.bounding_box()["height"] < 0.8 * height / 2
        assert page.get_by_test_id("stBottom").bounding_box()["height"] < 0.2 * height / 2
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(SETTLED)
        assert main.evaluate("e => e.scrollWidth") <= width
        assert fits(page)  # both pictures, on a phone as well
        said, labels = main.get_by_role("heading", level=2), page.locator(".figure .caption").first
        assert said.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 24
        assert labels.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    page.get_by_role("button", name="Next step").click()
    at(page, 8)
    page.get_by_role("button", name="Photo", exact=True).click()
    slider = page.get_by_role("slider").first
    slider.focus()
    page.keyboard.press("ArrowLeft")  # belongs to the slider
    expect(page).to_have_url(re.compile("size=320"))
    at(page, 8)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("link", name="2 Heatmaps").click()
    expect(page.get_by_role("radio", name="Dense")).to_have_attribute("aria-checked", "true")
    context.close()


def test_keys_and_the_presenters_window_that_follows_and_leads(browser, url):
    context = browser.new_context()  # both windows are of one browser
    page = context.new_page()
    page.goto(f"{url}/lecture?step=2&notes=true")
    at(page, 2)
    presenter = context.new_page()
    presenter.goto(f"{url}/lecture?view=presenter")
    expect(presenter.locator("nav h1 span")).to_have_text(f"2 / {LAST} ")
    notes = presenter.locator(".speaker .notes").inner_text()
    assert len(notes) > 40
    expect(page.get_by_text(notes[:40])).to_have_count(0)  # the audience does not see them
    expect(presenter.locator(".next")).to_have_text(f"Next: {NAMES[2]}")
    presenter.keyboard.press("ArrowRight")
    at(page, 3)
    page.bring_to_front()
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    at(page, 11)
    expect(presenter.locator("nav h1 span")).to_have_text(f"11 / {LAST} ")
    assert presenter.locator(".now .stack img").count() > 3
    page.keyboard.press("o")
    page.get_by_role("button", name=f"4 {NAMES[3]}").click()
    at(page, 4)
    expect(
        page.get_by_role("heading", name="The same 2,560 weights")
    ).to_be_visible()  # from behind: no question
    page.keyboard.press("ArrowLeft")
    at(page, 3)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="How many weights")).to_be_visible()
    page.keyboard.press("ArrowRight")  # the answer, before the next step
    expect(page.get_by_role("heading", name="The same 2,560 weights")).to_be_visible()
    expect(presenter.locator(".now .sentence")).to_contain_text("The same 2,560 weights")
    at(page, 4)
    page.keyboard.press("b")
    expect(page.locator("nav .blank")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator("nav .blank")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("cell", name="full screen")).to_be_visible()
    embedded(page, url)
    context.close()


def embedded(page: Page, url: str) -> None:
    """In an `<iframe>` of another page a step is its slide and its bar, and takes keys once clicked."""
    page.goto(f"{url.replace('127.0.0.1', 'localhost')}/_stcore/health")  # about:blank may not open loopback
    page.set_content(f'<iframe src="{url}/lecture?step=5&amp;embed=true" width="960" height="540"></iframe>')
    inside = page.frame_locator("iframe")
    sentence = inside.locator(".view[data-step='5'] .sentence:visible")
    expect(sentence).to_be_in_viewport()
    assert sentence.evaluate("e => e.getBoundingClientRect().top") < 20
    expect(inside.get_by_test_id("stHeader").get_by_role("button")).to_have_count(0)
    expect(inside.get_by_test_id("stSidebar")).to_have_count(0)
    sentence.click()
    page.keyboard.press("ArrowRight")
    expect(inside.locator(".view[data-step='6'] .figure:visible")).to_be_in_viewport(ratio=1)
