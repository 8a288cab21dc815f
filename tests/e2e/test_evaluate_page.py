"""The Evaluate page, as a visitor sees it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from fcnviz import metrics
from tests.e2e.visiting import open_section, visit
from tests.pages.test_evaluate import zip_of
from ui.evaluate import grids


def done(page: Page) -> int:
    """How many pairs the progress bar says are done."""
    text = page.get_by_text(re.compile(r"\d+ of 300 pairs")).first.inner_text()
    return int(re.match(r"(\d+)", text)[1])


def mean_iu(page: Page, percent: str):
    return page.get_by_text(f"Mean IU: {percent} %", exact=True)


def test_300_pairs_freeze_no_page_and_can_be_stopped(page, url, tmp_path):
    (tmp_path / "pairs.zip").write_bytes(zip_of(300, broken=7))
    visit(page, url + "/evaluate?section=Pairs&e_source=Upload")
    chooser = page.get_by_test_id("stFileUploader").filter(has_text="Photos and masks").locator("input")
    chooser.set_input_files(tmp_path / "pairs.zip")
    page.get_by_role("button", name="Evaluate 300 pairs").click()
    under_way = re.compile(r"[1-9]\d* of 300 pairs · .* images a second · about .* left")
    expect(page.get_by_text(under_way)).to_be_visible()
    open_section(page, "Sandbox")  # elsewhere on the page, while it runs
    page.get_by_role("radio", name="Perfect").click()
    expect(mean_iu(page, "100.0")).to_be_visible()
    page.get_by_role("radio", name="Pairs").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    stopped = done(page)
    assert 0 < stopped < 300
    good = stopped - (stopped > 7)  # the broken one is no image
    expect(page.get_by_text(f"Measured here on {good} images so far")).to_be_visible()
    page.wait_for_timeout(1500)
    assert done(page) == stopped
    page.get_by_role("button", name="Go on").click()
    more = "|".join(str(n) for n in range(stopped + 10, 300))  # that all 300 end is tested without a browser
    expect(page.get_by_text(re.compile(f"^({more}) of 300 pairs"))).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.get_by_text("1 pair skipped")).to_be_visible()
    expect(page.get_by_text(f"Measured here on {done(page) - 1} images so far")).to_be_visible()
    assert done(page) >= stopped + 10
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_painting_a_pixel_changes_the_formulas_and_the_link(page, url):
    visit(page, url + "/evaluate?section=Sandbox&e_preset=Perfect")
    expect(mean_iu(page, "100.0")).to_be_visible()
    for column, painted in ((1, "100000"), (2, "110000")):
        page.get_by_role("button", name=f"Prediction, row 1, column {column}: background").click()
        expect(page).to_have_url(
            re.compile(f"e_prediction={painted}")
        )  # two quick clicks may be one step back
    truth = grids.PRESETS["Perfect"][0].truth
    confusion = grids.Grids(truth, "11" + truth[2:]).confusion()
    expected = f"{100 * metrics.scores(confusion).mean_iu:.1f}"
    expect(mean_iu(page, expected)).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("e_prediction=100000"))
    once = f"{100 * metrics.scores(grids.Grids(truth, '1' + truth[1:]).confusion()).mean_iu:.1f}"
    expect(mean_iu(page, once)).to_be_visible()
    page.go_forward()
    expect(mean_iu(page, expected)).to_be_visible()
    link = page.url
    visit(page, link)  # cold
    expect(mean_iu(page, expected)).to_be_visible()
    page.get_by_role("button", name="Prediction, row 1, column 1: person").press("ArrowRight")
    expect(page.get_by_role("button", name="Prediction, row 1, column 2: person")).to_be_focused()
