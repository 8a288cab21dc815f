"""The load test itself, small: three visitors, one visit each. `make load` runs the large one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fcnviz import render
from tests.apps import free_port, run_async
from tests.system.load import __main__ as load
from tests.system.load.visitor import Visitor


def test_three_visitors_at_once_get_their_own_answers(monkeypatch):
    monkeypatch.setattr(load, "FORGET", 0)  # the full test waits for memory to come back
    short = load.Scenario(0.2, (0, 0.1), 0, ("heatmaps", "alignment"), 2000)
    report = load.run(3, short, free_port(), compare_memory=False)
    assert report.errors == []
    assert report.crossed == 0
    assert report.results >= 3
    assert 0 < report.p50 <= report.p95
    assert 0 < report.open_p50 <= report.open_p95
    assert report.rss_peak < short.rss


class Confused(Visitor):
    """Somebody who is shown another's page."""

    def __init__(self, photo: bytes, layer: bytes):
        super().__init__("http://nowhere")
        self.shown = {"photo": _uri(photo), "panels": [{"layer": _uri(layer)}] * 4}

    def viewer(self, key, part):
        return self.shown


def _uri(data: bytes) -> str:
    import base64

    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_crossed_results_would_be_seen():
    small = np.stack([np.asarray(load.images.fit(load.photo(n), 40), np.float32) for n in range(6)])
    layers = np.random.default_rng(0).integers(0, 255, (6, 480, 640, 4), np.uint8)
    pngs = [render.to_png(layer) for layer in layers[:2]]
    photos = [render.to_png(np.asarray(load.photo(n))) for n in range(2)]
    assert load.crossed(Confused(photos[0], pngs[0]), 0, small, layers) == ""
    assert "photo of 1" in load.crossed(Confused(photos[1], pngs[0]), 0, small, layers)
    assert "pixels" in load.crossed(Confused(photos[0], pngs[1]), 0, small, layers)


def test_trouble_on_a_page_is_an_error(monkeypatch):
    async def refuse(self, query="", page=""):
        self.trouble.append("Busy")
        raise OSError("gone")

    monkeypatch.setattr(Visitor, "open", refuse)
    monkeypatch.setattr(load, "references", lambda n: ([b""], None, None))
    report = load.Report(1)
    run_async(load.Load("http://nowhere", report).visit(0, random.Random(0)))
    assert report.errors == ["visitor 0: OSError: gone", "visitor 0: on the page: Busy"]
    assert "2 errors" in report.problems[0]


def test_slow_answers_are_a_problem():
    report = load.Report(1, load.HALL, results=1, p95=9, open_p95=6)
    assert report.problems == ["9.0 s from upload to result", "6.0 s to open a page"]


@pytest.mark.parametrize(("peak", "after", "hint"), [(2500, 1000, "peak"), (1200, 1200, "afterwards")])
def test_memory_that_stays_is_a_problem(peak, after, hint):
    report = load.Report(1, results=1, rss_before=1000, rss_peak=peak, rss_after=after)
    assert hint in report.problems[0]
