"""The page "Convolutionalize", as a visitor uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.visiting import open_section, visit


@pytest.fixture(scope="module")
def lesson(visitor, server) -> Iterator[Page]:
    """One page for all of these: each looks at a section or a panel of its own."""
    page = visitor.new_page()
    visit(page, f"{server.url}/convolutionalize")
    yield page
    page.close()


def click(page: Page, key: str, across: float, down: float, index: int = 0) -> None:
    """Click a panel of a row of grids, at fractions of its width and height."""
    picture = page.locator(f".st-key-{key} .stack").nth(index)
    box = picture.bounding_box()
    picture.click(position={"x": across * box["width"], "y": down * box["height"]})


def test_a_clicked_weight_is_circled_twice_and_in_the_link(lesson):
    click(lesson, "conv_fold", 0.7, 0.15)
    expect(lesson).to_have_url(re.compile(r"conv_weight=1[67]\d"))
    weight = re.search(r"conv_weight=(\d+)", lesson.url)[1]
    expect(lesson.get_by_text(f"Circled in both: column {weight} = channel")).to_be_visible()
    click(lesson, "conv_fold", 0.03, 0.9)  # a tile of the kernel, below
    expect(lesson.get_by_text(re.compile(r"Circled in both: column \d+ = channel 0, y [23]"))).to_be_visible()


def test_a_weight_is_changed_by_keyboard_and_both_outputs_move(lesson):
    lesson.get_by_role("slider", name="Add to the circled weight").focus()
    lesson.keyboard.press("ArrowRight")
    text = lesson.get_by_text(re.compile(r"class \d moved by (\S+) \(dense\) and \1 \(convolution\)"))
    expect(text).to_be_visible()
    expect(lesson).to_have_url(re.compile("conv_move=0.1"))


def test_the_cat_is_dragged_and_moved_by_keys_and_the_peak_follows(lesson):
    open_section(lesson, "Move it")
    cat = lesson.get_by_role("button", name=re.compile("The cat, 75 % across"))
    box = cat.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lesson.mouse.move(x, y)
    lesson.mouse.down()
    lesson.mouse.move(x - 100, y, steps=3)
    expect(lesson.get_by_text("Cat at x 375")).to_be_visible()  # no run until it is dropped
    lesson.mouse.move(x - 200, y, steps=3)
    lesson.mouse.up()
    expect(lesson).to_have_url(re.compile(r"mv_x=\d+"))
    cat = lesson.get_by_role("button", name=re.compile("The cat, "))
    across = int(re.search(r"mv_x=(\d+)", lesson.url)[1])
    assert 20 < across < 40
    expect(
        lesson.get_by_text(re.compile(rf"Cat at x {across * 5}, .* peak 0\.\d+ at x 1\d\d"))
    ).to_be_visible()
    cat.press("ArrowRight")
    cat.press("ArrowRight")
    expect(lesson).to_have_url(re.compile(f"mv_x={across + 10}"))  # both keys, one run


def test_the_race_can_be_stopped_and_keeps_what_it_has(lesson):
    open_section(lesson, "Race")
    lesson.get_by_role("combobox", name=re.compile("Network")).last.click()
    lesson.get_by_role("option", name=re.compile("EfficientNet")).click()
    lesson.get_by_role("button", name="Start").click()
    expect(lesson.get_by_test_id("stProgress")).to_contain_text(re.compile("[1-4] of 6 image sizes done"))
    lesson.get_by_role("button", name="Stop").click()
    expect(lesson.get_by_test_id("stProgress")).to_have_count(0)
    expect(lesson.get_by_role("button", name="Start")).to_be_visible()
    expect(lesson.get_by_test_id("stMetric").last).to_contain_text("as fast")
    expect(lesson.get_by_test_id("stMetric").last).not_to_contain_text("100 windows")


def test_the_digits_fit_three_screens_of_a_phone(visitor, server):
    phone = visitor.new_page()
    phone.set_viewport_size({"width": 390, "height": 844})
    visit(phone, f"{server.url}/convolutionalize?section=Digits")
    expect(phone.get_by_text("The window behind cell")).to_be_visible()
    main = phone.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollHeight") <= 3 * 844
    assert main.evaluate("e => e.scrollWidth") <= 390
    phone.close()


def test_a_clicked_cell_shows_its_window(lesson):
    open_section(lesson, "Digits")
    click(lesson, "conv_maps", 0.5, 0.5, 2)
    expect(lesson.get_by_text("The window behind cell (16, 10)")).to_be_visible()


def test_a_cell_is_chosen_by_keyboard_and_read_aloud(lesson):
    grid = lesson.get_by_role("group", name="The best digit")
    grid.focus()
    live = lesson.locator(".st-key-conv_maps [aria-live]")
    for key, place in (("ArrowLeft", "x 15, y 10"), ("ArrowUp", "x 15, y 9")):
        lesson.keyboard.press(key)
        expect(live).to_have_text(f"{place}: no digit")
    expect(lesson.get_by_text("The window behind cell (16, 10)")).to_be_visible()  # not yet chosen
    lesson.keyboard.press("Enter")
    expect(lesson.get_by_text("The window behind cell (15, 9)")).to_be_visible()
    expect(lesson).to_have_url(re.compile("conv_cell_x=15&.*conv_cell_y=9|conv_cell_y=9&.*conv_cell_x=15"))
    expect(grid).to_be_focused()
    lesson.keyboard.press("ArrowDown")  # on from there
    expect(live).to_have_text("x 15, y 10: no digit")
