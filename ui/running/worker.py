"""Ways to run a task on the one thread that runs networks."""

import ctypes
import functools
import gc
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from ui.running import waiting
from ui.running.queue import Queue
from ui.settings import settings

_T = TypeVar("_T")
_GLIBC = platform.libc_ver()[0] == "glibc"


@functools.cache
def queue() -> Queue:
    """The queue to the one thread that runs networks, whatever the device.

    On the same cores, two networks at once take longer than one after the other. Each thread that has run a
    network keeps buffers: if the threads of script runs did, memory would grow with the number of visits.
    """
    _keep_freed()
    return Queue(at_rest=_trim)


def run(task: Callable[..., _T], *arguments: object) -> _T:
    """Run a task that takes time or memory, and wait for its result.

    Raises:
        Busy: too many people are waiting; the page says so.
    """
    return waiting.run(queue(), task, *arguments, limit=settings().waiting)


def run_short(task: Callable[..., _T], *arguments: object) -> _T:
    """Run a task of about 50 ms and a few megabytes before the long ones; it is never refused."""
    return waiting.run(queue(), task, *arguments, urgent=True)


def run_part(task: Callable[..., _T], *arguments: object) -> _T:
    """Run a part of a long job that has begun; other people's tasks run between the parts."""
    return waiting.run(queue(), task, *arguments)


def run_steps(steps: Iterator[_T]) -> Iterator[_T]:
    """Run a long job step by step; the first step raises as `run` does."""
    step = run(next, steps, None)
    while step is not None:
        yield step
        step = run_part(next, steps, None)


def one_turn() -> AbstractContextManager[None]:
    """Let the visitor wait only once for all tasks in a `with` block, as for three networks."""
    return queue().turn(waiting.visitor())


def in_background() -> Callable[..., Any]:
    """Return a function like `run_part` for a background thread: it draws nothing on the page.

    Its tasks wait beside the visitor's other tasks, as if they were another person's.
    """
    entrance, who = queue().enter, (waiting.visitor(), "in the background")
    return lambda task, *arguments: entrance(functools.partial(task, *arguments), who).result()


#: Of glibc's malloc.h: which parameter is set, and to how many bytes.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = (-1, 2**27), (-3, 2**25)


def _keep_freed() -> None:
    """Let freed memory stay with the process until the queue rests.

    Otherwise the next layer asks the system for it again, and gets it page by page, each filled with zeros: a
    tenth of the time of three networks.
    """
    if _GLIBC:
        for parameter, size in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, size)


#: Least number of seconds between two searches for garbage.
_COLLECT = 10.0
_collected = 0.0


def _trim() -> None:
    """Give the memory of freed activations, and now and then of garbage, back to the system.

    The next network has to ask for it again, which costs a third of its time: so not after each of three.
    """
    global _collected
    if time.monotonic() - _collected > _COLLECT:
        gc.collect()
        _collected = time.monotonic()
    if _GLIBC:
        ctypes.CDLL(None).malloc_trim(0)
