"""The queue to the one thread that runs networks: fair, and bounded. No Streamlit here."""

import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: Largest number of urgent tasks in a row while another task waits.
RUSH = 5
#: Seconds without a task after which the thread rests, and with tasks all the time after which it does, too.
IDLE, BUSY = 3.0, 10.0
#: Seconds after which it rests anew while there is no task: what visitors left behind goes then.
AGAIN = 20.0


class FullError(Exception):
    """Too many people are waiting already."""


@dataclass(eq=False)
class Ticket:
    """A place in the queue.

    Attributes:
        task: the function to run.
        who: the person whose task it is.
        urgent: whether it goes before tasks that are not urgent.
        order: the task of the lowest order runs first, among the urgent ones or among the others.
        future: holds the result once the task is done.
    """

    task: Callable[[], Any]
    who: Hashable
    urgent: bool
    order: int
    future: Future = field(default_factory=Future)

    @property
    def waiting(self) -> bool:
        """Whether the task has neither begun nor been cancelled."""
        return not (self.future.running() or self.future.done())

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the task is done, at most this long; return whether it is done."""
        return bool(wait([self.future], seconds).done)

    def result(self) -> Any:
        """Return or raise what the task did; waits until it is done."""
        return self.future.result()


class Queue:
    """Runs tasks one at a time in a thread of its own, first come, first served.

    A job of 300 parts takes a new place for each part, so others run in between. Urgent tasks go before the
    others, but at most `RUSH` in a row.
    """

    def __init__(self, at_rest: Callable[[], None] = lambda: None) -> None:
        """Begin with no tasks; `at_rest` runs in the thread when it rests."""
        self._lock = threading.Lock()
        self._added = threading.Condition(self._lock)
        self._at_rest = at_rest
        self._thread: threading.Thread | None = None
        self._waiting: list[Ticket] = []
        self._running: Ticket | None = None
        self._turns: dict[Hashable, int | None] = {}  # order of the first task in a turn, None before it
        self._numbers = itertools.count()
        self._rushed = 0

    def enter(
        self, task: Callable[[], Any], who: Hashable, *, urgent: bool = False, limit: int | None = None
    ) -> Ticket:
        """Take a place in the queue.

        Args:
            task: the function to run.
            who: the person whose task it is.
            urgent: whether it goes before the others; it must take well under a second.
            limit: number of other waiting people at which the task is refused; None never refuses.

        Raises:
            FullError: `limit` other people are waiting already.
        """
        with self._lock:
            kept = None if urgent else self._turns.get(who)
            others = {t.who for t in self._waiting if not t.urgent} - {who}
            if limit is not None and kept is None and self._running and len(others) >= limit:
                raise FullError
            ticket = Ticket(task, who, urgent, next(self._numbers) if kept is None else kept)
            if who in self._turns and not urgent:
                self._turns[who] = ticket.order
            self._waiting.append(ticket)
            self._added.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="inference", daemon=True)
                self._thread.start()
        return ticket

    @contextmanager
    def turn(self, who: Hashable) -> Iterator[None]:
        """Give all tasks of a person in the `with` block the place of the first one."""
        with self._lock:
            self._turns.setdefault(who, None)
        try:
            yield
        finally:
            with self._lock:
                self._turns.pop(who, None)

    def leave(self, ticket: Ticket) -> None:
        """Give up a place; a task that has begun runs to its end."""
        ticket.future.cancel()
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)

    def before(self, ticket: Ticket) -> int:
        """Count the other people who come first, with the one whose task runs; urgent tasks do not count."""
        with self._lock:
            ahead = [t for t in self._waiting if t.order < ticket.order and not t.urgent]
            sooner = set() if ticket.urgent else {t.who for t in ahead}
            if self._running is not None:
                sooner.add(self._running.who)
        return len(sooner - {ticket.who})

    def _work(self) -> None:
        """Run the waiting tasks one after the other, for ever."""
        rested, since = True, 0.0
        while True:
            with self._lock:
                there = self._added.wait_for(lambda: self._waiting, AGAIN if rested else IDLE)
                ticket = self._running = self._next() if there else None
            since = time.monotonic() if rested else since
            if ticket and ticket.future.set_running_or_notify_cancel():
                _run(ticket)
            with self._lock:
                self._running = None
            rested = ticket is None or time.monotonic() - since > BUSY
            if rested:
                self._at_rest()

    def _next(self) -> Ticket:
        urgent = [t for t in self._waiting if t.urgent]
        others = [t for t in self._waiting if not t.urgent]
        hurry = bool(urgent) and (self._rushed < RUSH or not others)
        self._rushed = self._rushed + 1 if hurry else 0
        ticket = min(urgent if hurry else others, key=lambda t: t.order)
        self._waiting.remove(ticket)
        return ticket


def _run(ticket: Ticket) -> None:
    try:
        ticket.future.set_result(ticket.task())
    except BaseException as error:  # noqa: BLE001 (`Ticket.result` raises it)
        ticket.future.set_exception(error)
