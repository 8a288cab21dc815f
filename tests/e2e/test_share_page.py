"""Copying the link and taking the zip along, in a real browser."""

from __future__ import annotations

import re
import zipfile
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect
from visiting import visit


def figures(page: Page) -> list:
    """The numbers of every heatmap that is drawn."""
    script = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(e =>
      e.data.filter(t => t.type === "heatmap").map(t => JSON.stringify([t.z, e.layout.shapes?.length])))"""
    return page.evaluate(script)


def test_the_copied_link_shows_the_same_in_a_fresh_browser_and_the_zip_works_offline(browser, url, tmp_path):
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
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    wanted = {"photo": ["coffee"], "t_axes": ["2-D"], "t_input": ["Edge"], "t_step": ["4"]}
    assert parse_qs(urlsplit(link).query) == wanted
    drawn = figures(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export (zip)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
        record = archive.read("fcnviz.json").decode()
    context.close()
    assert link in record.replace("\\u0026", "&")  # what a fragment changed since the page ran is in it too

    fresh = browser.new_context(viewport={"width": 1440, "height": 900})
    page = fresh.new_page()
    page.set_default_timeout(60_000)
    visit(page, link)
    expect(page.get_by_text("Output after 4 of 9 stamps")).to_be_visible()
    assert len(drawn) > 5
    assert figures(page) == drawn
    fresh.close()

    offline = browser.new_context(offline=True)
    page, errors = offline.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto((tmp_path / "figures" / "t_plane_out.html").as_uri())
    expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_visible()
    assert figures(page)[0] in drawn
    assert not errors
    offline.close()


def test_without_the_clipboard_the_link_is_there_to_be_selected(browser, url):
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # plain http
    page = context.new_page()
    page.set_default_timeout(60_000)
    visit(page, f"{url}/alignment?a_pad=90")
    page.get_by_role("button", name="Copy link").click()
    box = page.get_by_role("textbox", name="Link to this page")
    expect(box).to_have_value(re.compile("a_pad=90"))
    assert box.evaluate("e => e.selectionEnd - e.selectionStart") == len(box.input_value())
    context.close()
