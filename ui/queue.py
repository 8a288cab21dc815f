"""The queue to the one thread that runs networks: fair, bounded, and easily left. No Streamlit here."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: Seconds after which Python's threads take turns (its default: 0.005). A network is hundreds of short
#: operations, after each of which its thread waits for its turn: beside 16 busy scripts, 40 ms became 13 s.
SWITCH = 0.0002

#: Short tasks that may run before a long one that waits, one after the other.
RUSH = 5


class FullError(Exception):
    """More people wait already than may."""


@dataclass(eq=False)
class Ticket:
    """A place in the queue.

    Attributes:
        task: what is to run.
        who: whose task it is.
        urgent: short: it goes before long ones.
        order: the lower, the sooner, among the urgent ones or among the others.
        future: becomes its result.
    """

    task: Callable[[], Any]
    who: Hashable
    urgent: bool
    order: int
    future: Future = field(default_factory=Future)

    @property
    def waiting(self) -> bool:
        """Whether it has neither begun nor been left."""
        return not (self.future.running() or self.future.done())

    def wait(self, seconds: float | None = None) -> bool:
        """Until it is done, but no longer than that; → whether it is."""
        return bool(wait([self.future], seconds).done)

    def result(self) -> Any:
        """What the task returned or raised, once it is done."""
        return self.future.result()


class Queue:
    """Runs tasks one at a time in a thread of its own.

    Who came first goes first, each with one task: a job of 300 pieces queues up again after each. Short tasks
    go before long ones, but at most `RUSH` in a row.
    """

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH)
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "inference")
        self._waiting: list[Ticket] = []
        self._running: Ticket | None = None
        self._turns: dict[Hashable, int | None] = {}  # None: no task yet
        self._numbers = itertools.count()
        self._rushed = 0

    def enter(
        self, task: Callable[[], Any], who: Hashable, *, urgent: bool = False, limit: int | None = None
    ) -> Ticket:
        """Take a place.

        Args:
            task: what is to run.
            who: whose it is.
            urgent: it takes well under a second.
            limit: most other people that may wait already; None for tasks that are never turned away.

        Raises:
            FullError: more than `limit` wait already.
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
        self._thread.submit(self._step)
        return ticket

    @contextmanager
    def turn(self, who: Hashable) -> Iterator[None]:
        """Keep the place of the first task for what follows: three networks for one photo, say."""
        with self._lock:
            self._turns.setdefault(who, None)
        try:
            yield
        finally:
            with self._lock:
                self._turns.pop(who, None)

    def leave(self, ticket: Ticket) -> None:
        """Give up a place; what runs already runs on."""
        ticket.future.cancel()
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)

    def before(self, ticket: Ticket) -> int:
        """How many other people's tasks come first, the one that runs included; short ones do not count."""
        with self._lock:
            ahead = [t for t in self._waiting if t.order < ticket.order and not t.urgent]
            sooner = set() if ticket.urgent else {t.who for t in ahead}
            if self._running is not None:
                sooner.add(self._running.who)
        return len(sooner - {ticket.who})

    def _step(self) -> None:
        """Run whoever is first by now; there is one step for each task that ever came."""
        with self._lock:
            if not self._waiting:
                return  # its task was left
            ticket = self._running = self._next()
        if ticket.future.set_running_or_notify_cancel():
            _run(ticket)
        with self._lock:
            self._running = None

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
    except BaseException as error:
        ticket.future.set_exception(error)
