"""The queue to the thread that runs networks, with threads and events; and how a page waits in it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apps import said, start
from streamlit.runtime.scriptrunner import StopException

from fcnviz import inference, samples
from ui import cache, waiting
from ui.queue import RUSH, FullError, Queue


class Busy:
    """A task that runs until it is let go."""

    def __init__(self, queue: Queue, who: str = "busy"):
        self._began, self._gate = threading.Event(), threading.Event()
        self.ticket = queue.enter(self._hold, who)
        assert self._began.wait(30)

    def _hold(self) -> None:
        self._began.set()
        assert self._gate.wait(60)

    def end(self) -> None:
        self._gate.set()
        assert self.ticket.wait(30)


def test_a_result_and_an_error_come_back():
    queue = Queue()
    assert queue.enter(lambda: 7, "a").result() == 7
    with pytest.raises(ZeroDivisionError):
        queue.enter(lambda: 1 / 0, "a").result()
    assert (
        queue.enter(threading.current_thread, "a").result()
        is queue.enter(threading.current_thread, "b").result()
    ), "one thread for all: each would keep memory of its own"


def test_first_come_first_served_with_one_piece_a_turn():
    """Nobody's 300 pairs starve another's photo: a long job comes again only after who waits already."""
    queue, ran = Queue(), []
    busy = Busy(queue)

    def piece():
        ran.append("piece 1")
        return queue.enter(lambda: ran.append("piece 2"), "long")

    pieces = queue.enter(piece, "long")
    photo = queue.enter(lambda: ran.append("photo"), "visitor")
    busy.end()
    last = pieces.result()
    assert photo.wait(30)
    assert last.wait(30)
    assert ran == ["piece 1", "photo", "piece 2"]


def test_short_tasks_go_first_but_not_for_ever():
    queue, ran = Queue(), []
    busy = Busy(queue)
    long = queue.enter(lambda: ran.append("long"), "patient")
    short = [queue.enter(lambda: ran.append("short"), f"hasty {i}", urgent=True) for i in range(2 * RUSH)]
    busy.end()
    for ticket in (long, *short):
        assert ticket.wait(30)
    assert ran == ["short"] * RUSH + ["long"] + ["short"] * RUSH


def test_a_turn_keeps_its_place():
    queue, ran = Queue(), []
    busy = Busy(queue)
    with queue.turn("a"):
        first = queue.enter(lambda: ran.append("a1"), "a")
        other = queue.enter(lambda: ran.append("b"), "b")
        second = queue.enter(lambda: ran.append("a2"), "a")
        assert (queue.before(first), queue.before(other), queue.before(second)) == (1, 2, 1)
        busy.end()
        for ticket in (first, second, other):
            assert ticket.wait(30)
    assert ran == ["a1", "a2", "b"]


def test_the_place_counts_people_and_goes_down():
    queue = Queue()
    busy = Busy(queue)
    tickets = [queue.enter(lambda: None, who) for who in ("a", "a", "b", "c")]
    assert [queue.before(t) for t in tickets] == [1, 1, 2, 3]
    assert queue.before(queue.enter(lambda: None, "d", urgent=True)) == 1
    queue.leave(tickets[2])
    assert queue.before(tickets[3]) == 2
    busy.end()


def test_over_the_limit_people_are_turned_away_but_not_their_short_tasks_nor_a_job_that_has_begun():
    queue = Queue()
    busy = Busy(queue)
    queue.enter(lambda: None, "a", limit=2)
    queue.enter(lambda: None, "b", limit=2)
    with pytest.raises(FullError):
        queue.enter(lambda: None, "c", limit=2)
    with queue.turn("c"), pytest.raises(FullError):
        queue.enter(lambda: None, "c", limit=2)
    tickets = [
        queue.enter(lambda: "again", "a", limit=2),  # no more people than before
        queue.enter(lambda: "short", "c", urgent=True),
        queue.enter(lambda: "piece", "c"),
    ]
    busy.end()
    assert [t.result() for t in tickets] == ["again", "short", "piece"]
    assert queue.enter(lambda: "idle", "c", limit=0).result() == "idle"


def test_who_leaves_costs_nobody_time():
    queue, ran = Queue(), []
    busy = Busy(queue)
    gone = queue.enter(lambda: ran.append("gone"), "a")
    after = queue.enter(lambda: ran.append("after"), "b")
    queue.leave(gone)
    queue.leave(busy.ticket)  # what runs already runs on
    busy.end()
    assert after.wait(30)
    assert ran == ["after"]


# --- how a page waits


@pytest.fixture
def line(monkeypatch):
    """A queue of the app's own, for this test alone."""
    fresh = Queue()
    monkeypatch.setattr(cache, "queue", lambda: fresh)
    monkeypatch.setattr(waiting, "LOOK", 0.01)
    return fresh


def test_a_stopped_run_gives_up_its_place(line, monkeypatch):
    """Streamlit ends a script run by raising in its thread whenever it looks."""
    left = threading.Event()

    def look():
        left.set()
        raise StopException

    monkeypatch.setattr(waiting, "get_run_yield_check", lambda: look)
    busy, ran = Busy(line), []
    with pytest.raises(StopException):
        cache.work(ran.append, "never")
    assert left.is_set()
    busy.end()
    assert line.enter(lambda: list(ran), "next").result() == []


def test_identical_requests_at_once_run_the_network_once(line, monkeypatch, passes):
    """A class of fifty opens the same sample, cold."""
    image, began, gate = samples.load("cat"), threading.Event(), threading.Event()
    cache.model("lite0-fcn32s", "cpu")
    real = inference.segment

    def held(*arguments):
        began.set()
        assert gate.wait(60)
        return real(*arguments)

    monkeypatch.setattr(inference, "segment", held)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(cache.segment, "same", "lite0-fcn32s", "cpu", image) for _ in range(20)]
        assert began.wait(30)
        gate.set()
        answers = [a.result(60) for a in asked]
    assert passes == [32]
    assert all((a.labels == answers[0].labels).all() for a in answers)


def test_the_place_is_shown_while_waiting_and_gone_afterwards(line, monkeypatch, passes):
    seen, busy = [], Busy(line)

    def place(slot, before, real=waiting._place):
        real(slot, before)
        seen.append(before)
        if not busy.ticket.future.done():
            busy.end()

    monkeypatch.setattr(waiting, "_place", place)
    at = start(page=None)
    assert seen[0] == 1
    assert "before you" not in said(at)
    assert passes == [32, 16, 8]
    passes.clear()
    at = start(page=None)
    assert passes == []
    assert "before you" not in said(at), "what was drawn while waiting is not replayed"


def test_busy_is_one_sentence_and_a_button_and_the_rest_of_the_page_stays(line, monkeypatch, passes):
    real = line.enter

    def full(task, who, *, urgent=False, limit=None):
        if limit is not None:
            raise FullError
        return real(task, who, urgent=urgent)

    monkeypatch.setattr(line, "enter", full)
    at = start("pages/convolutionalize.py")
    assert [e.value for e in at.error] == [waiting.BUSY]
    assert at.subheader[-1].value == "The race"
    assert "Not run yet" in said(at)
    monkeypatch.setattr(line, "enter", real)
    next(b for b in at.button if b.label == "Try again").click()
    at.run()
    assert not at.error
    assert not at.exception


def test_busy_on_the_landing_page(line, monkeypatch, passes):
    monkeypatch.setenv("FCNVIZ_WAITING", "0")
    busy = Busy(line)
    at = start(page=None)
    assert [e.value for e in at.error] == [waiting.BUSY]
    assert "for your session alone" in said(at)  # the rest of the page is there
    assert passes == []
    busy.end()
    next(b for b in at.button if b.label == "Try again").click()
    at.run()
    assert passes == [32, 16, 8]
    assert not at.error


def test_no_page_runs_a_network_but_through_the_queue():
    """Streamlit's threads come and go, and each would keep the network's buffers."""
    for file in [*Path("ui").glob("*.py"), *Path("pages").glob("*.py")]:
        code = "" if file.name == "queue.py" else file.read_text()
        for call in ("inference.segment(", "inference.forward(", "ThreadPoolExecutor"):
            assert call not in code, f"{file.name} calls {call}"
