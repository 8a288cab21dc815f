"""Waiting in the queue to the networks: the page shows the place, and a visitor who leaves gives it up."""

import functools
import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.running.queue import FullError, Queue, Ticket
from ui.running.streamlit_internals import StopException, draw_live, raise_if_left, session

_T = TypeVar("_T")

#: Seconds between two checks of the place in the queue, and of whether the visitor is still there.
LOOK = 0.3

BUSY = "Busy: too many people are waiting for the networks. Nothing is lost: try again in a moment."
_numbers = itertools.count()


class Busy(StopException):
    """The queue is full, and the page says so. Uncaught, it ends the script's run as `st.stop` does."""


def visitor() -> Hashable:
    """Identify who asks: the session, or the thread where there is no session."""
    return session() or threading.get_ident()


def run(
    queue: Queue, task: Callable[..., _T], *arguments: object, urgent: bool = False, limit: int | None = None
) -> _T:
    """Run a task through a queue and wait for its result (see `Queue.enter`).

    Raises:
        Busy: `limit` other people are waiting already.
    """
    try:
        ticket = queue.enter(functools.partial(task, *arguments), visitor(), urgent=urgent, limit=limit)
    except FullError:
        draw_live(_busy)
        raise Busy from None
    try:
        _wait(queue, ticket)
    except BaseException:  # Streamlit ends this run: the visitor has left, or clicked again
        queue.leave(ticket)
        raise
    return ticket.result()


def _wait(queue: Queue, ticket: Ticket) -> None:
    """Show the place until the task runs, then wait for its end; Streamlit may end the run meanwhile."""
    check_visitor, slot, written = raise_if_left(), None, 0
    while not ticket.wait(LOOK) and ticket.waiting:
        check_visitor()
        before = queue.before(ticket)
        if before and before != written:  # redraw only if the place has changed
            slot, written = slot or draw_live(st.empty), before
            draw_live(_place, slot, before)
    if slot:
        draw_live(slot.empty)
    ticket.wait()


def _place(slot: DeltaGenerator, before: int) -> None:
    people = "1 person is" if before == 1 else f"{before} people are"
    slot.caption(f":material/hourglass_empty: {people} before you.")


def _busy() -> None:
    st.error(BUSY, icon=":material/hourglass_disabled:")
    # The click needs no handler, the rerun is enough: so the key may be new each time
    st.button("Try again", icon=":material/refresh:", key=f"busy_{next(_numbers)}")


def panel(function: Callable[..., _T]) -> Callable[..., _T | None]:
    """Let `Busy` end a panel, but not the rest of its page."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> _T | None:
        try:
            return function(*args, **kwargs)
        except Busy:
            return None

    return guarded
