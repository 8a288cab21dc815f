"""Copying the link and taking the zip along, in a real browser."""

from __future__ import annotations

import html
import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.e2e.visiting import open_section, share, visit


def drawn(page: Page) -> list[str]:
    """The pictures and the marks of every panel of grids."""
    script = "all => all.map(e => e.innerHTML.replace(/<div class=.cursor.*/, ''))"
    return page.locator(".stack").evaluate_all(script)


def exported(page: Page, folder: Path) -> str:
    """Take the zip along, and return its record."""
    with page.expect_download() as download:
        share(page, "Export (zip)")
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(folder)
        return archive.read("fcnviz.json").decode()


def test_the_link_shows_the_same_elsewhere_and_the_zip_offline(browser, url, tmp_path):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit(page, f"{url}/upsampling?photo=coffee&t_axes=2-D&t_input=Edge")
    slider = page.get_by_test_id("stMain").get_by_role("slider", name="Stamps done")  # in a fragment
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("t_step=4"))
    expect(page.get_by_text("Output after 4 of 9 stamps")).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    share(page, "Copy link")
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    wanted = {"photo": ["coffee"], "t_axes": ["2-D"], "t_input": ["Edge"], "t_step": ["4"]}
    assert parse_qs(urlsplit(link).query) == wanted
    before = drawn(page)
    record = exported(page, tmp_path)
    page.keyboard.press("Escape")
    open_section(page, "Learn it")
    assert "section=Learn+it" in exported(page, tmp_path)
    context.close()
    assert link in record.replace("\\u0026", "&")  # what a fragment changed since the page ran is in it too

    fresh = browser.new_context(viewport={"width": 1440, "height": 900})
    page = fresh.new_page()
    page.set_default_timeout(60_000)
    visit(page, link)
    expect(page.get_by_text("Output after 4 of 9 stamps")).to_be_visible()
    assert len(before) > 3
    assert drawn(page) == before
    fresh.close()

    offline = browser.new_context(offline=True)
    page, errors = offline.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto((tmp_path / "pictures" / "t_plane-output-after-4-of-9-stamps.svg").as_uri())
    expect(page.locator("image").first).to_be_visible()
    assert page.locator("image").first.get_attribute("href") in "".join(before)
    page.goto((tmp_path / "figures" / "fit_loss.html").as_uri())
    expect(page.locator(".js-plotly-plot .scatterlayer").first).to_be_visible()
    assert not errors
    offline.close()


def test_the_code_to_embed_shows_the_open_section_alone_in_another_page(browser, url):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit(page, f"{url}/upsampling?photo=coffee&t_k=3")
    open_section(page, "Kernels")
    share(page, "Embed")
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    code = page.evaluate("navigator.clipboard.readText()")
    source = urlsplit(html.unescape(re.fullmatch(r'<iframe src="([^"]+)" [^<>]*></iframe>', code)[1]))
    assert f"{source.scheme}://{source.netloc}{source.path}" == f"{url}/upsampling"
    assert parse_qs(source.query) == {"photo": ["coffee"], "section": ["Kernels"], "embed": ["true"]}
    page.goto(f"{url.replace('127.0.0.1', 'localhost')}/_stcore/health")  # about:blank may not open loopback
    page.set_content(code)
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="Kernels")).to_be_visible()
    expect(inside.get_by_role("slider", name="Stride s")).to_be_visible()
    expect(inside.locator("[data-test-script-state=notRunning]")).to_have_count(1)
    expect(inside.get_by_role("heading", level=1)).to_have_count(0)
    expect(inside.get_by_role("radio", name="Stamping")).to_have_count(0)
    expect(inside.get_by_role("button", name="Share")).to_have_count(0)
    expect(inside.get_by_role("link", name="Compare")).not_to_be_in_viewport()
    context.close()


def test_without_the_clipboard_the_link_can_be_selected(browser, url):
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # plain http
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit(page, f"{url}/alignment?a_pad=90")
    share(page, "Copy link")
    box = page.get_by_role("textbox", name="Link to this page")
    expect(box).to_have_value(re.compile("a_pad=90"))
    assert box.evaluate("e => e.selectionEnd - e.selectionStart") == len(box.input_value())
    context.close()
