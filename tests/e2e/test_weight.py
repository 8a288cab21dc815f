"""Pages are light: counted are bytes, charts, and how far things move on opening; never seconds."""

from __future__ import annotations

import pytest

from tests.e2e.visiting import visit
from tests.e2e.weight import PHONE, ROUTES, weigh

#: How often a page is opened again if something moved: it depends on which of the scripts comes first.
AGAIN = 2


@pytest.fixture(scope="module")
def warm(visitor, server) -> str:
    """The app's address; its first page has been opened, which is served as Streamlit has it."""
    page = visitor.new_page()
    visit(page, server.url)
    page.close()
    return server.url


@pytest.mark.parametrize("route", ROUTES)
def test_opening_a_page_loads_no_chart_and_few_bytes_and_moves_nothing(browser, warm, route):
    weight, on_phone = (weigh(browser, f"{warm}/{route}", *size) for size in ((), (PHONE,)))
    assert weight.charts == 0
    assert weight.scripts <= 3.0e6
    assert weight.socket <= 250e3
    for _ in range(AGAIN):
        weight = weigh(browser, f"{warm}/{route}") if weight.shift >= 0.1 else weight
        on_phone = weigh(browser, f"{warm}/{route}", PHONE) if on_phone.shift >= 0.1 else on_phone
    assert weight.shift < 0.1
    assert on_phone.shift < 0.1
