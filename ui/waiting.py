"""Waiting for the thread that runs networks: the place in its queue is shown, and given up by who leaves."""

from __future__ import annotations

import contextvars
import functools
import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import get_run_yield_check, in_cached_function

from ui.queue import FullError, Queue, Ticket

_T = TypeVar("_T")

#: Seconds between two looks at the place in the queue, and at whether the visitor is still there.
LOOK = 0.3

BUSY = "Busy: too many people are waiting for the networks. Nothing is lost: try again in a moment."
_numbers = itertools.count()


class Busy(StopException):
    """Turned away, and the page says so. What catches it goes on; uncaught it ends the run, as `st.stop`."""


def visitor() -> Hashable:
    """Who asks: the session, or the thread where there is none."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else threading.get_ident()


def run(
    queue: Queue, task: Callable[..., _T], *arguments: object, urgent: bool = False, limit: int | None = None
) -> _T:
    """Run a task through a queue, and wait for its result (see `Queue.enter`).

    Raises:
        Busy: more people than `limit` wait already.
    """
    try:
        ticket = queue.enter(functools.partial(task, *arguments), visitor(), urgent=urgent, limit=limit)
    except FullError:
        _live(_busy)
        raise Busy from None
    try:
        _wait(queue, ticket)
    except BaseException:  # the visitor has left, or asked for something else
        queue.leave(ticket)
        raise
    return ticket.result()


def _wait(queue: Queue, ticket: Ticket) -> None:
    """Show the place until the task runs, then wait for it; raises what Streamlit ends a script run with."""
    still_there, slot, shown = get_run_yield_check() or (lambda: None), None, 0
    while not ticket.wait(LOOK) and ticket.waiting:
        still_there()
        before = queue.before(ticket)
        if before and before != shown:  # fifty who wait are not to be told the same five times a second
            slot, shown = slot or _live(st.empty), before
            _live(_place, slot, before)
    if slot:
        _live(slot.empty)
    ticket.wait()


def _place(slot: DeltaGenerator, before: int) -> None:
    people = "1 person is" if before == 1 else f"{before} people are"
    slot.caption(f":material/hourglass_empty: {people} before you.")


def _busy() -> None:
    st.error(BUSY, icon=":material/hourglass_disabled:")
    # another key each time: a click only has to run the page, or its fragment, again
    st.button("Try again", icon=":material/refresh:", key=f"busy_{next(_numbers)}")


def _live(draw: Callable[..., Any], *arguments: object) -> Any:
    """Draw at once, and not again when what a cached function drew is replayed."""

    def plainly() -> Any:
        in_cached_function.set(False)
        return draw(*arguments)

    return contextvars.copy_context().run(plainly)


def panel(function: Callable[..., _T]) -> Callable[..., _T | None]:
    """A panel that, turned away, does not take the rest of its page along."""

    @functools.wraps(function)
    def whole(*args: Any, **kwargs: Any) -> _T | None:
        try:
            return function(*args, **kwargs)
        except Busy:
            return None

    return whole
