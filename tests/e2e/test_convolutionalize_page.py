"""The page "Convolutionalize", as a visitor uses it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from visiting import visit


@pytest.fixture
def lesson(page: Page, url: str) -> Page:
    visit(page, f"{url}/convolutionalize")
    expect(page.get_by_role("heading", name="The race")).to_be_visible()
    expect(page.get_by_text("AlexNet")).to_be_visible()  # the last line of the page
    return page


def click(page: Page, key: str, across: float, down: float) -> None:
    """Click a chart, at fractions of its width and height."""
    chart = page.locator(f".st-key-{key} .js-plotly-plot")
    expect(chart).to_have_count(1)  # while the page is redrawn, the old one is still there
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
    page.mouse.move(x, y)
    expect(chart.locator(".hoverlayer .hovertext, .hoverlayer path").first).to_be_attached()
    page.mouse.click(x, y)


def test_a_clicked_weight_is_circled_in_both_places_and_in_the_link(lesson):
    click(lesson, "conv_fold", 0.7, 0.15)
    expect(lesson).to_have_url(re.compile(r"conv_weight=1[67]\d"))
    weight = re.search(r"conv_weight=(\d+)", lesson.url)[1]
    expect(lesson.get_by_text(f"Circled in both: column {weight} = channel")).to_be_visible()
    click(lesson, "conv_fold", 0.03, 0.9)  # a tile of the kernel, below
    expect(lesson.get_by_text(re.compile(r"Circled in both: column \d+ = channel 0, y [23]"))).to_be_visible()


def test_a_weight_is_changed_by_keyboard_and_both_outputs_move(lesson):
    lesson.get_by_role("slider", name="Add to the circled weight").focus()
    lesson.keyboard.press("ArrowRight")
    text = lesson.get_by_text(re.compile(r"label 3 moved by (\S+) \(dense\) and \1 \(convolution\)"))
    expect(text).to_be_visible()
    expect(lesson).to_have_url(re.compile("conv_move=0.1"))


def test_the_race_can_be_stopped_and_keeps_what_it_has(lesson):
    lesson.get_by_role("button", name="Start").click()
    expect(lesson.get_by_test_id("stProgress")).to_contain_text(re.compile("[1-4] of 6 image sizes done"))
    lesson.get_by_role("button", name="Stop").click()
    expect(lesson.get_by_test_id("stProgress")).to_have_count(0)
    expect(lesson.get_by_role("button", name="Start")).to_be_visible()
    expect(lesson.get_by_test_id("stMetric").last).to_contain_text("as fast")
    expect(lesson.get_by_test_id("stMetric").last).not_to_contain_text("100 windows")


def test_a_clicked_cell_shows_its_window(lesson):
    click(lesson, "conv_on_best", 0.5, 0.5)
    expect(lesson.get_by_text("The window behind cell (16, 1")).to_be_visible()
