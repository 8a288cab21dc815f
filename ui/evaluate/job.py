"""An evaluation in its own thread, which can be watched, stopped and continued. No Streamlit here."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fcnviz import render
from fcnviz.evaluation import measure, pairs, trimap
from fcnviz.evaluation.measure import Measured
from fcnviz.evaluation.pairs import Pair
from fcnviz.fcn import FCN
from fcnviz.photos.images import BinaryMaskError, ImageError, fit, fit_labels

_log = logging.getLogger(__name__)

#: Longest side of a pair in px; larger photos and masks are reduced first, to bound the memory.
LARGEST = 2048
#: Longest side in px of the pictures that are kept for display.
PREVIEW = 320
#: Seconds after which a job that no page watches ends; a hidden browser tab asks only once a minute.
PATIENCE = 90


@dataclass(frozen=True, eq=False)
class Outcome:
    """The counts and small pictures that are kept of one pair.

    Attributes:
        size: (width, height) in pixels, as evaluated.
        measured: counts by network.
        photo: the photo as a small WebP.
        labels: small PNGs of class indices: one for "truth", and one for each network.
        notes: what the readers of the photo and the mask had to decide.
    """

    size: tuple[int, int]
    measured: dict[str, Measured]
    photo: bytes
    labels: dict[str, bytes]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """The pairs and networks of an evaluation.

    Attributes:
        key: equal keys mean equal results.
        pairs: photos and masks.
        models: networks by registry name, coarse to fine.
        longest: longest side of a photo for the networks, in px.
        on_worker: runs a task in the thread for networks, and waits for it.
    """

    key: tuple[Any, ...]
    pairs: Sequence[Pair]
    models: dict[str, FCN]
    longest: int
    on_worker: Callable[..., Any]


class Job:
    """An evaluation that runs pair by pair; finished pairs are kept whatever happens.

    Attributes:
        plan: the plan.
        outcomes: by pair, an `Outcome`, or one sentence on why the pair was skipped.
        binary: whether a pair was skipped because nobody has said what white means in its mask.
        error: why the job ended early, if the reason is no single pair; else "".
    """

    def __init__(self, plan: Plan, outcomes: dict[str, Outcome | str]):
        self.plan, self.outcomes, self.error, self.binary = plan, outcomes, "", False
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._seen = self._began = time.monotonic()
        self._before = len(outcomes)

    def start(self) -> None:
        """Start, or continue with the remaining pairs; does nothing if it runs."""
        if self.running or not self.left:
            return
        self._stop.clear()
        self.error, self._before, self._began = "", len(self.outcomes), time.monotonic()
        self.look()
        self._thread = threading.Thread(target=self._run, name="evaluation", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the job after the current pair."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the job has ended, at most so many seconds."""
        if self._thread:
            self._thread.join(seconds)

    def look(self) -> None:
        """Record that a page is watching."""
        self._seen = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether the job has started and not ended yet."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether the job runs and was asked to stop."""
        return self.running and self._stop.is_set()

    @property
    def left(self) -> int:
        """Number of pairs that are not done."""
        return len(self.plan.pairs) - len(self.outcomes)

    @property
    def rate(self) -> float:
        """Pairs per second since the last start; 0 before the first is done."""
        return (len(self.outcomes) - self._before) / max(time.monotonic() - self._began, 1e-9)

    @property
    def good(self) -> dict[str, Outcome]:
        """Outcomes of the evaluated pairs, in the plan's order."""
        pairs = self.plan.pairs
        return {p.name: done for p in pairs if isinstance(done := self.outcomes.get(p.name), Outcome)}

    @property
    def skipped(self) -> dict[str, str]:
        """Reasons why pairs were skipped, in the plan's order."""
        pairs = self.plan.pairs
        return {p.name: why for p in pairs if isinstance(why := self.outcomes.get(p.name), str)}

    @property
    def notes(self) -> dict[str, str]:
        """What the readers had to decide, by pair, in the plan's order."""
        return {name: " ".join(done.notes) for name, done in self.good.items() if done.notes}

    def _run(self) -> None:
        for pair in self.plan.pairs:
            if self._stop.is_set() or time.monotonic() - self._seen > PATIENCE:
                return
            if pair.name in self.outcomes:
                continue
            try:
                self.outcomes[pair.name] = self._one(pair)
            except ImageError as error:
                self.outcomes[pair.name] = str(error)
                self.binary |= isinstance(error, BinaryMaskError)
            except Exception as error:  # noqa: BLE001 (for example out of memory: other pairs would fail too)
                if threading.main_thread().is_alive():  # the server is not just shutting down
                    _log.exception("the evaluation ended early")
                self.error = f"The evaluation ended at {pair.name}: {error}"
                return

    def _one(self, pair: Pair) -> Outcome:
        plan = self.plan
        read = plan.on_worker(_read, pair)
        photo, truth = read.photo, read.labels
        ring = trimap.distances(truth)
        measured, labels = {}, {"truth": _small(truth)}
        for name, model in plan.models.items():
            found = plan.on_worker(measure.predict, model, photo, plan.longest)
            measured[name] = measure.measure(found, truth, ring=ring)
            labels[name] = _small(found)
        preview = render.to_webp(np.asarray(fit(photo, PREVIEW)), 75)
        return Outcome(photo.size, measured, preview, labels, read.notes)


def _read(pair: Pair) -> pairs.Read:
    return pairs.reduced(pair.open(), LARGEST)


def _small(labels: np.ndarray) -> bytes:
    return render.label_png(fit_labels(labels, PREVIEW), render.PALETTES["VOC"])
