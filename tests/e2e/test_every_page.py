"""Every page: opened cold by its link, in both themes, on a desktop and on a phone, and accessible in each.

One load per page: while it is open, the theme and the window change, and clicks open its other sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e import visiting
from tests.e2e.accessibility import scan
from ui.figures.diagram import PARTS
from ui.page import path
from ui.page.path import CHAPTERS, PAGES

ROUTES = [Path(one.path).stem if one is not path.START else "" for one in PAGES]
ROUTES[ROUTES.index("evaluate")] += "?size=320"  # its pairs are the bundled photos
#: Links that show more than the plain address does: what is wide, and what is hidden at first.
WIDE = [
    "compare?layout=Swipe&photo=coffee",
    "alignment?section=Crops&net=8s&a_crop=score_pool3",
    "upsampling?t_input=Own&t_axes=2-D",
    "upsampling?section=Four+ways&t_axes=2-D",
    "upsampling?section=Kernels&g_k=6&g_s=4",
]
#: Rules on what a narrow window changes: what is on the page is the same.
PHONES = ["color-contrast", "scrollable-region-focusable", "aria-hidden-focus", "link-in-text-block"]
DESKTOP, PHONE = (1440, 900), (390, 844)


class Watch:
    """What a page asks for, and what goes wrong in it."""

    def __init__(self, page: Page):
        self.hosts: set[str | None] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._said)

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob"):
            self.hosts.add(urlsplit(url).hostname)

    def _said(self, message: ConsoleMessage) -> None:
        # Opened by a page's own link, Streamlit asks below that link for its server, and then at the top.
        probe = urlsplit(message.location["url"]).path.endswith(("/_stcore/health", "/_stcore/host-config"))
        if message.type == "error" and not (probe and "404" in message.text):
            self.errors.append(f"{message.text} ({message.location['url']})")


@pytest.fixture(scope="module")
def tab(visitor) -> Iterator[Page]:
    """One for all of these."""
    page = visitor.new_page()
    yield page
    page.close()


def visit(page: Page, address: str) -> None:
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    page.emulate_media(color_scheme="light")
    visiting.visit(page, address)


def resize(page: Page, width: int, height: int | None = None) -> None:
    """Change the window, and wait until the page has found its new height.

    Args:
        page: to resize.
        width: px.
        height: px; the page's own, so that all of it is in the window, if None.
    """
    if height is None:
        height = page.get_by_test_id("stMain").evaluate("e => e.scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.get_by_test_id("stMain").evaluate(_STILL)


_STILL = """async e => {
  for (let same = 0, last = -1; same < 4; last = e.scrollHeight) {
    await new Promise(done => setTimeout(done, 80));
    same = e.scrollHeight === last ? same + 1 : 0;
  }
}"""


def background(page: Page) -> str:
    return page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")


def check_width(page: Page) -> None:
    for scroller in (page.get_by_test_id("stMain"), page.locator("html")):
        assert scroller.evaluate("e => e.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("route", [*ROUTES, *WIDE])
def test_a_page(tab, url, route):
    watch = Watch(tab)
    visit(tab, f"{url}/{route}")
    check_path(tab, urlsplit(route).path)
    findings = {}
    resize(tab, DESKTOP[0])
    findings["light"] = scan(tab)
    go_dark(tab)
    resize(tab, DESKTOP[0])  # the transition of colours is over when the height has been still for a while
    findings["dark"] = scan(tab, ["color-contrast", "link-in-text-block"])  # all that a theme changes
    resize(tab, *PHONE)
    check_width(tab)
    resize(tab, PHONE[0])
    findings["phone"] = scan(tab, PHONES)
    for name in [] if route in WIDE else visiting.sections(tab)[1:]:
        open_alone(tab, name)
        findings[name] = scan_section(tab)
    visiting.settled(tab)
    assert not any(findings.values()), findings
    expect(tab.get_by_test_id("stException")).to_have_count(0)
    assert watch.errors == []
    assert watch.hosts == {"127.0.0.1"}


def check_path(page: Page, stem: str) -> None:
    """Check the links to the chapters before and after, and the sections that the diagram's boxes open."""
    here = next(one for one in PAGES if Path(one.path).stem == (stem or "app"))
    before, after = path.neighbours(here)
    if here in CHAPTERS and after is None:
        after = path.LECTURE
    wanted = ["" if one is path.START else Path(one.path).stem for one in (before, after) if one]
    links = page.locator(".st-key-path a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert [link.strip("/").rpartition("/")[2] for link in links] == wanted
    opened = {part.section for part in PARTS.values() if part.page == here.path}
    assert opened <= {*visiting.sections(page)}
    if here is path.START:
        assert {*page.locator("[data-part]").evaluate_all("all => all.map(a => a.dataset.part)")} == {*PARTS}


def go_dark(page: Page) -> None:
    light = background(page)
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).not_to_have_css("background-color", light)


def open_alone(page: Page, name: str) -> None:
    """Open another section, on a desktop and light."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    visiting.open_section(page, name)


def scan_section(page: Page) -> list[str]:
    """The findings on a section: light on a desktop, and dark on a phone."""
    resize(page, DESKTOP[0])
    found = scan(page)
    go_dark(page)
    resize(page, *PHONE)
    check_width(page)
    resize(page, PHONE[0])
    return found + scan(page)


def test_the_enlarged_picture_is_accessible(tab, url):
    visit(tab, f"{url}/compare")
    tab.get_by_role("button", name="Enlarge FCN-8s").click()
    expect(tab.locator("dialog[open]")).to_be_visible()
    assert scan(tab) == []


def test_the_scan_sees_what_is_wrong(tab, url):
    """Also within our components, which live in shadow trees; or else an empty list would say nothing."""
    visit(tab, f"{url}/compare")
    tab.locator("figure.panel img.photo").first.evaluate("e => e.removeAttribute('alt')")
    tab.get_by_role("heading", level=1).first.evaluate("e => { e.style.color = '#ddd'; }")
    findings = scan(tab)
    assert any(found.startswith("image-alt") for found in findings)
    assert any(found.startswith("color-contrast") for found in findings)
