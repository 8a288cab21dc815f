"""An evaluation in a thread of its own: it can be watched, stopped and gone on with. No Streamlit here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from fcnviz import evaluate, pairs, render, trimap
from fcnviz.evaluate import Measured
from fcnviz.fcn import FCN
from fcnviz.images import ImageError, fit
from fcnviz.pairs import Pair

#: Larger pairs are reduced to this longest side first, photo and mask: memory has to be bounded.
LARGEST = 2048
#: Longest side of the pictures that are kept to be looked at.
PREVIEW = 320
#: Seconds after which a job ends that nobody has looked at; browsers look once a minute when hidden.
PATIENCE = 90


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is kept of one pair: counts and small pictures.

    Attributes:
        size: (width, height) in pixels, as evaluated.
        measured: by network.
        photo: small WebP.
        labels: small label maps as PNGs of the classes' indices: "truth" and by network.
    """

    size: tuple[int, int]
    measured: dict[str, Measured]
    photo: bytes
    labels: dict[str, bytes]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be evaluated, and how.

    Attributes:
        key: equal keys mean equal results.
        pairs: photos and masks.
        models: networks by registry name, coarse to fine.
        longest: longest side that the networks see.
        on_worker: runs a task in the thread for networks, and waits for it.
    """

    key: tuple[Any, ...]
    pairs: Sequence[Pair]
    models: dict[str, FCN]
    longest: int
    on_worker: Callable[..., Any]


class Job:
    """Runs a plan, pair after pair; what is done stays, whatever happens.

    Attributes:
        plan: what to do.
        outcomes: what is done: an `Outcome`, or one sentence on why the pair was skipped, by pair.
        error: why the job ended early, if something failed that no pair is to blame for.
    """

    def __init__(self, plan: Plan, outcomes: dict[str, Outcome | str]):
        self.plan, self.outcomes, self.error = plan, outcomes, ""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._seen = self._began = time.monotonic()
        self._before = len(outcomes)

    def start(self) -> None:
        """Begin, or go on with what is not done; nothing happens if it runs."""
        if self.running or not self.left:
            return
        self._stop.clear()
        self.error, self._before, self._began = "", len(self.outcomes), time.monotonic()
        self.look()
        self._thread = threading.Thread(target=self._run, name="evaluation", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the pair that is being evaluated."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until it has ended, but no longer than that."""
        if self._thread:
            self._thread.join(seconds)

    def look(self) -> None:
        """Say that somebody is watching."""
        self._seen = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended yet."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it runs and has been asked to stop."""
        return self.running and self._stop.is_set()

    @property
    def left(self) -> int:
        """How many pairs are not done."""
        return len(self.plan.pairs) - len(self.outcomes)

    @property
    def rate(self) -> float:
        """Pairs a second since it last began; 0 before the first is done."""
        return (len(self.outcomes) - self._before) / max(time.monotonic() - self._began, 1e-9)

    @property
    def good(self) -> dict[str, Outcome]:
        """The pairs that were evaluated, in their order."""
        done = {pair.name: self.outcomes.get(pair.name) for pair in self.plan.pairs}
        return {name: outcome for name, outcome in done.items() if isinstance(outcome, Outcome)}

    @property
    def skipped(self) -> dict[str, str]:
        """The pairs that could not be used, with the reason."""
        done = {pair.name: self.outcomes.get(pair.name) for pair in self.plan.pairs}
        return {name: outcome for name, outcome in done.items() if isinstance(outcome, str)}

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
            except Exception as error:  # a device out of memory, say: it would fail for the others too
                self.error = f"The evaluation ended at {pair.name}: {error}"
                return

    def _one(self, pair: Pair) -> Outcome:
        plan = self.plan
        photo, truth = plan.on_worker(_read, pair)
        ring = trimap.distances(truth)
        measured, labels = {}, {"truth": _small(truth)}
        for name, model in plan.models.items():
            found = plan.on_worker(evaluate.predict, model, photo, plan.longest)
            measured[name] = evaluate.measure(found, truth, ring=ring)
            labels[name] = _small(found)
        return Outcome(photo.size, measured, render.to_webp(np.asarray(fit(photo, PREVIEW)), 75), labels)


def _read(pair: Pair) -> tuple[Image.Image, np.ndarray]:
    return pairs.reduced(*pair.open(), LARGEST)


def _small(labels: np.ndarray) -> bytes:
    height, width = labels.shape
    scale = min(1.0, PREVIEW / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(labels).resize(size, Image.Resampling.NEAREST)
    return render.label_png(np.asarray(small), render.PALETTES["VOC"])
