"""The alignment page in a real browser: the drawing, by pointer, by touch of a key, by link."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup
from tests.e2e.visiting import visit

#: Width and height of the cat as the networks take it, in px; its middle is cell 7, 4.
CAT = (416, 277)


def words(column: int, row: int, size: tuple[int, int]) -> str:
    grid = [next(s for s in layout.steps(Setup(), n) if s.name == "score_fr") for n in size]
    x, y = (layout.sees(step, i) for step, i in zip(grid, (column, row), strict=True))
    text = f"Cell {column}, {row} sees {x.field} × {y.field} px"
    return f"{text} (x {x.first} … {x.last}, y {y.first} … {y.last})".replace("-", "−")


def middle_of(page: Page, column: int, row: int) -> dict:
    """Where a cell of score_fr lies in the SVG, in its CSS pixels."""
    script = """(svg, [x, y]) => { const p = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
      const box = svg.getBoundingClientRect(); return {x: p.x - box.x, y: p.y - box.y}; }"""
    at = [12.5 + 0.5 + 32 * i for i in (column, row)]
    return page.locator("svg.scale").evaluate(script, at)


def test_hovering_shows_what_a_cell_sees_and_a_click_keeps_it(page, url):
    visit(page, f"{url}/alignment?photo=cat")
    svg, readout = page.locator("svg.scale"), page.locator("p.readout")
    expect(readout).to_contain_text(words(7, 4, CAT))
    svg.hover(position=middle_of(page, 3, 2))
    expect(readout).to_contain_text(words(3, 2, CAT))
    page.get_by_role("heading", level=1).hover()
    expect(readout).to_contain_text(words(7, 4, CAT))
    svg.click(position=middle_of(page, 3, 2))
    expect(page).to_have_url(re.compile("a_col=3"))
    expect(page).to_have_url(re.compile("a_row=2"))
    expect(page.get_by_role("spinbutton", name="Cell: column")).to_have_value("3")
    page.reload()
    expect(readout).to_contain_text(words(3, 2, CAT))


def test_arrow_keys_and_typed_numbers_choose_the_cell(page, url):
    visit(page, f"{url}/alignment?photo=cat&a_col=7&a_row=5")
    page.locator("svg.scale").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("a_col=6"))
    page.wait_for_timeout(500)
    page.keyboard.press("ArrowLeft")  # the drawing still has the focus
    expect(page).to_have_url(re.compile("a_col=5"))
    field = page.get_by_role("spinbutton", name="Cell: row")
    field.fill("0")
    field.press("Enter")
    expect(page.locator("p.readout")).to_contain_text(words(5, 0, CAT))


def test_a_typed_size_is_drawn_to_scale(page, url):
    visit(page, f"{url}/alignment?photo=cat&a_width=500")
    field = page.get_by_role("spinbutton", name="Image height, px")
    field.fill("375")
    field.press("Enter")
    frame = page.locator("rect.frame")
    expect(frame).to_have_attribute("height", "375")
    expect(page.locator("rect.canvas")).to_have_attribute("width", str((16 + 1) * 32))
    expect(page.locator("rect.padding")).to_have_attribute("x", "-100")
    drawn, canvas = frame.bounding_box(), page.locator("rect.canvas").bounding_box()
    assert abs(drawn["width"] / drawn["height"] - 500 / 375) < 0.01
    assert abs((drawn["x"] - canvas["x"]) * 500 / drawn["width"] - 19) < 1.5  # the crop, in image pixels
