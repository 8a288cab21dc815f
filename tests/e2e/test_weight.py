"""Pages are light: counted are bytes and charts on opening, never seconds."""

from __future__ import annotations

import pytest

from tests.e2e.weight import ROUTES, weigh


@pytest.mark.parametrize("route", ROUTES)
def test_opening_a_page_loads_no_chart_and_few_bytes(browser, url, route):
    weight = weigh(browser, f"{url}/{route}")
    assert weight.charts == 0
    assert weight.scripts <= 3.0e6
    assert weight.socket <= 250e3
