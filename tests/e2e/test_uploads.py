"""Uploads in the real browser: none is lost, and a phone shows the result at once."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.test_app import photo_file, upload
from tests.e2e.uploading import uploads
from tests.e2e.visiting import settled, visit


def test_no_upload_is_lost_by_a_click_and_no_sample_shown_between_two(browser, url, tmp_path):
    done = list(uploads(browser, url, tmp_path, 4))
    assert len(done) == 4
    assert not [upload for upload in done if upload.lost]


def test_on_a_phone_a_link_to_an_own_photo_explains_itself_and_an_upload_shows_at_once(
    browser, url, tmp_path
):
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    context = browser.new_context(**phone)
    page = context.new_page()
    visit(page, f"{url}/compare?photo=own&size=320")
    expect(page.get_by_text("No link holds a photo")).to_be_in_viewport()
    page.get_by_test_id("stMain").locator("input[type=file]").set_input_files(
        photo_file(tmp_path, (320, 213))
    )
    expect(page.locator("figure.panel figcaption").first).to_have_text("320 × 213 px")
    expect(page.get_by_text("No link holds a photo")).to_have_count(0)

    page.get_by_test_id("stExpandSidebarButton").click()
    settled(page)
    upload(page, photo_file(tmp_path, (300, 200), 1))
    expect(page.locator("figure.panel figcaption").first).to_have_text("300 × 200 px")
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Compare")).not_to_be_in_viewport()
    expect(page).to_have_url(re.compile("photo=own"))
    context.close()


def test_the_new_photo_is_there_before_its_results_and_no_others_are_drawn_over_it(page, url, tmp_path):
    visit(page, f"{url}/compare?size=320")
    page.locator(".viewer").evaluate(
        """viewer => { window.wrong = 0; window.waited = 0; setInterval(() => {
          if (viewer.querySelector("img.photo").naturalWidth !== 200) return;
          const layers = [...viewer.querySelectorAll("figure.panel img.layer")].filter((l) => !l.hidden);
          if (layers.length === 0) window.waited += 1;
          window.wrong += layers.filter((l) => l.complete && l.naturalWidth !== 200).length; }, 5); }"""
    )
    upload(page, photo_file(tmp_path, (200, 300)))
    expect(page.locator("figure.panel figcaption").nth(3)).to_contain_text("28 × 40 · stride 8")
    assert page.evaluate("window.waited") > 0
    assert page.evaluate("window.wrong") == 0
