"""The queue to the thread that runs networks, and how a page waits in it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fcnviz import inference
from tests.apps import rerun, said, start
from ui.page import frame
from ui.running import networks, waiting, worker
from ui.running import queue as queue_module
from ui.running import samples as bundled
from ui.running.queue import RUSH, FullError, Queue
from ui.state import Net


class Busy:
    """A task that runs until `end` is called."""

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


def test_first_come_first_served_with_one_part_at_a_time():
    """A job of 300 parts does not delay a photo: its next part runs after the tasks that wait already."""
    queue, ran = Queue(), []
    busy = Busy(queue)

    def part():
        ran.append("part 1")
        return queue.enter(lambda: ran.append("part 2"), "long")

    first = queue.enter(part, "long")
    photo = queue.enter(lambda: ran.append("photo"), "visitor")
    busy.end()
    last = first.result()
    assert photo.wait(30)
    assert last.wait(30)
    assert ran == ["part 1", "photo", "part 2"]


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
        queue.enter(lambda: "part", "c"),
    ]
    busy.end()
    assert [t.result() for t in tickets] == ["again", "short", "part"]
    assert queue.enter(lambda: "idle", "c", limit=0).result() == "idle"


def test_a_task_whose_visitor_has_left_does_not_run():
    queue, ran = Queue(), []
    busy = Busy(queue)
    gone = queue.enter(lambda: ran.append("gone"), "a")
    after = queue.enter(lambda: ran.append("after"), "b")
    queue.leave(gone)
    queue.leave(busy.ticket)  # a task that has begun runs to its end
    busy.end()
    assert after.wait(30)
    assert ran == ["after"]


# --- how a page waits


@pytest.fixture
def line(monkeypatch):
    """A fresh queue for the app, for one test."""
    fresh = Queue()
    monkeypatch.setattr(worker, "queue", lambda: fresh)
    monkeypatch.setattr(waiting, "LOOK", 0.01)
    return fresh


def test_a_stopped_run_gives_up_its_place(line, monkeypatch):
    """Streamlit ends a script's run by raising in its thread, when the script asks whether to go on."""
    left = threading.Event()

    def look():
        left.set()
        raise StopException

    monkeypatch.setattr(waiting, "raise_if_left", lambda: look)
    busy, ran = Busy(line), []
    with pytest.raises(StopException):
        worker.run(ran.append, "never")
    assert left.is_set()
    busy.end()
    assert line.enter(lambda: list(ran), "next").result() == []


def test_identical_requests_at_once_run_the_network_once(line, monkeypatch, passes):
    """Twenty visitors open the same sample, of which nothing is in the cache."""
    photo, net = bundled.photo("cat", 320), Net("lite0-fcn32s", "cpu")
    began, gate = threading.Event(), threading.Event()
    networks.model(net)
    real = inference.run

    def held(*arguments):
        began.set()
        assert gate.wait(60)
        return real(*arguments)

    monkeypatch.setattr(inference, "run", held)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(networks.segment, photo, net) for _ in range(20)]
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
    at = start("pages/convolutionalize.py", section="Photo")
    assert [e.value for e in at.error] == [waiting.BUSY]
    assert "Export (zip)" in [b.label for b in at.get("download_button")]
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


def test_the_thread_rests_once_after_its_last_task(monkeypatch):
    monkeypatch.setattr(queue_module, "IDLE", 0.05)
    rests = []
    line = Queue(at_rest=lambda: rests.append(threading.current_thread().name))
    for number in range(3):
        assert line.enter(lambda number=number: number, "me").result() == number
    deadline = time.monotonic() + 30
    while not rests and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert rests == ["inference"]


# --- what computes runs in the queue's thread


#: The most that one run of a page may compute in its own thread, in multiplications: far below a network's
#: 1e9 and more, and above what small tensors of lessons need.
MOST = 3e8


class Counter(TorchDispatchMode):
    """Counts the multiplications of one thread: unlike torch's own counter, it leaves no hooks behind."""

    def __init__(self):
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if counts := flop_registry.get(func._overloadpacket):
            self.flops += counts(*args, **(kwargs or {}), out_val=out)
        return out


@contextmanager
def counted(monkeypatch):
    """Count the multiplications of torch in the threads of scripts, but not in the queue's."""
    modes = []
    original = frame.configure

    def configure(title):
        modes.append(Counter())
        modes[-1].__enter__()  # the thread ends with the run, and the mode with it
        return original(title)

    monkeypatch.setattr(frame, "configure", configure)
    yield modes


def most(modes) -> float:
    return max(mode.flops / 2 for mode in modes)


LONG = [
    ("app.py", "", None),
    ("pages/compare.py", "", None),
    *(("pages/heatmaps.py", section, None) for section in ("Dense", "Border", "Skips", "Pixel", "Certainty")),
    *(("pages/convolutionalize.py", section, None) for section in ("Digits", "Photo", "VGG16")),
    ("pages/upsampling.py", "Learn it", "fit_go"),
    ("pages/upsampling.py", "Shift and stitch", "stitch_go"),
    ("pages/lecture.py", "", None),
]


@pytest.mark.parametrize(("page", "section", "button"), LONG)
def test_what_computes_for_longer_than_a_frame_runs_in_the_queue(monkeypatch, page, section, button):
    st.cache_resource.clear()
    with counted(monkeypatch) as modes:
        at = start(page, size="320", **({"section": section} if section else {}))
        if button:
            next(b for b in at.button if b.key == button).click()
            rerun(at)
        assert most(modes) < MOST


def test_a_network_in_a_pages_own_thread_would_be_seen(monkeypatch):
    monkeypatch.setattr(worker, "run", lambda task, *arguments: task(*arguments))  # the planted violation
    st.cache_resource.clear()
    with counted(monkeypatch) as modes:
        start("pages/compare.py", size="320")
        assert most(modes) > MOST
