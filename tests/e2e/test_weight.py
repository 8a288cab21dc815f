"""Pages are light: counted are bytes, charts, and how far things move on opening; never seconds."""

from __future__ import annotations

import pytest

from tests.e2e.weight import PHONE, ROUTES, weigh

#: What moves depends on which of Streamlit's scripts comes first: a page may be opened again this many times.
AGAIN = 2


@pytest.mark.parametrize("route", ROUTES)
def test_opening_a_page_loads_no_chart_and_few_bytes_and_moves_little(browser, url, route):
    weight = weigh(browser, f"{url}/{route}")
    assert weight.charts == 0
    assert weight.scripts <= 3.0e6
    assert weight.socket <= 250e3
    on_phone = weigh(browser, f"{url}/{route}", PHONE)
    for _ in range(AGAIN):
        weight = weigh(browser, f"{url}/{route}") if weight.later >= 0.1 else weight
        on_phone = weigh(browser, f"{url}/{route}", PHONE) if on_phone.later >= 0.1 else on_phone
    assert (weight.later < 0.1, on_phone.later < 0.1) == (True, True), (weight, on_phone)
