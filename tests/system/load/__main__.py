"""Load many visitors at once, each with a photo of its own, on loopback: `python -m tests.system.load`.

Two scenarios. In the hall, visitors arrive within 10 s, each uploads a photo, looks, thinks for 5 to 15 s
between two clicks, and walks through all pages once. In the saturated one, they all upload at once and go on
without a rest for 3 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np
import psutil
from PIL import Image, ImageOps

from fcnviz import inference, render, weights
from fcnviz.photos import images, samples
from tests.apps import ROOT, run_async
from tests.system.load.visitor import Visitor
from ui.running.queue import AGAIN

NET, PANEL = "lite0-fcn8s", 3
#: Share of an answer's pixels that must be as the library computes them; threads may round otherwise.
SAME = 0.99
#: Seconds for one step before it counts as an error; after which the server forgets a session that has left.
PATIENCE, FORGET = 900, 2
#: Of the environment that the Dockerfile sets.
IMAGE = {"FCNVIZ_MODE": "public", "MALLOC_ARENA_MAX": "2"}
COMES_BACK = 0.10


@dataclass(frozen=True)
class Scenario:
    """What visitors do.

    Attributes:
        arrive: seconds within which they come.
        pause: shortest and longest time between two steps, in seconds.
        seconds: for how long they come again; with 0, each comes once.
        pages: pages that each opens after the upload, and Compare.
        rss: the most memory, in MB.
        upload, open: the most seconds from upload to result, and to open a page, for 95 of 100.
    """

    arrive: float
    pause: tuple[float, float]
    seconds: float
    pages: tuple[str, ...]
    rss: float
    upload: float = float("inf")
    open: float = float("inf")


_ALL = (
    "heatmaps", "convolutionalize", "upsampling", "alignment", "training", "evaluate", "history", "lecture",
)  # fmt: skip
HALL = Scenario(10, (5, 15), 0, _ALL, 1500, 8, 5)
SATURATED = Scenario(0, (0, 2), 180, ("heatmaps", "alignment"), 2000)
SCENARIOS = {"hall": HALL, "saturated": SATURATED}


@dataclass
class Report:
    """What happened; memory in MB, times in seconds."""

    clients: int
    scenario: Scenario = SATURATED
    seconds: float = 0
    visits: int = 0
    results: int = 0
    clicks: int = 0
    waited_in_line: int = 0
    errors: list[str] = field(default_factory=list)
    crossed: int = 0
    p50: float = 0
    p95: float = 0
    slowest: float = 0
    open_p50: float = 0
    open_p95: float = 0
    rss_before: float = 0
    rss_peak: float = 0
    rss_after: float = 0

    @property
    def problems(self) -> list[str]:
        """What did not hold, in words."""
        found = []
        if self.errors:
            found.append(f"{len(self.errors)} errors")
        if self.crossed:
            found.append(f"{self.crossed} crossed results")
        if self.results < self.clients:
            found.append(f"only {self.results} results for {self.clients} visitors")
        if self.rss_peak >= self.scenario.rss:
            found.append(f"{self.rss_peak:.0f} MB at the peak")
        if self.p95 > self.scenario.upload:
            found.append(f"{self.p95:.1f} s from upload to result")
        if self.open_p95 > self.scenario.open:
            found.append(f"{self.open_p95:.1f} s to open a page")
        if self.rss_before and self.rss_after > self.rss_before * (1 + COMES_BACK):
            found.append(f"{self.rss_after:.0f} MB afterwards, {self.rss_before:.0f} MB before")
        return found


# --- photos, and what the library answers for each alone


def photo(number: int) -> Image.Image:
    """A picture like no other's: a bundled photo, tinted, turned round and shifted; 640 × 480."""
    names = list(samples.SAMPLES)
    base = ImageOps.fit(samples.load(names[number % len(names)]), (640, 480))
    pixels = np.roll(np.asarray(base), 37 * number, axis=1).astype(np.float32)
    tint = np.random.default_rng(number).uniform(0.55, 1.0, 3)
    return Image.fromarray((pixels * tint).astype(np.uint8))


def references(count: int) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """→ PNG files, small thumbnails (n, 30, 40, 3) and spotlights (n, 480, 640, 4) of FCN-8s."""
    net, files, small, layers = weights.load(NET, "cpu", fold=True), [], [], []
    for number in range(count):
        image = photo(number)
        files.append(render.to_png(np.asarray(image)))
        small.append(np.asarray(images.fit(image, 40), np.float32))
        found = inference.segment(net, image).labels
        layers.append(_rgba(render.spotlight(found)[0]))
    return files, np.stack(small), np.stack(layers)


def _rgba(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def _picture(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def _seen(visitor: Visitor) -> tuple[str, str]:
    """The photo, and FCN-8s' answer laid over it: on Compare, or on Start."""
    try:
        panel = visitor.viewer("viewer", "panels")["panels"][PANEL]
        return visitor.viewer("viewer", "photo")["photo"], panel["layer"]
    except LookupError:
        frame = visitor.viewer("stepper", "frames")["frames"][-1]
        return visitor.viewer("stepper", "photo")["photo"], frame["layer"]


def crossed(visitor: Visitor, number: int, small: np.ndarray, layers: np.ndarray) -> str:
    """Why the picture or the answer on the visitor's page is not its own; empty if both are."""
    picture, layer = _seen(visitor)
    shown = np.asarray(images.fit(_picture(picture), 40), np.float32)
    if (best := int(np.abs(small - shown).mean((1, 2, 3)).argmin())) != number:
        return f"visitor {number} sees the photo of {best}"
    found = np.asarray(_picture(layer).convert("RGBA"))
    if (same := float((layers[number] == found).all(-1).mean())) < SAME:
        return f"visitor {number}: {same:.1%} of the answer's pixels are those of its photo"
    return ""


# --- one visitor


class Load:
    """The visitors' doings, and what came of them."""

    def __init__(self, url: str, report: Report):
        self.url, self.report, self.deadline = url, report, float("inf")
        self.files, self.small, self.layers = references(report.clients)
        self.took: list[float] = []
        self.opened: list[float] = []
        self.served: set[int] = set()

    async def stay(self, number: int) -> None:
        """Come, look around, leave, and come again, until time is up."""
        random_ = random.Random(number)
        await asyncio.sleep(random_.uniform(0, self.report.scenario.arrive))
        while True:
            await self.visit(number, random_)
            if time.monotonic() > self.deadline:
                return

    async def visit(self, number: int, random_: random.Random) -> None:
        """One visit; whatever goes wrong is an error of the report."""
        visitor, steps = Visitor(self.url), self._steps(number)
        try:
            for step in steps:
                await asyncio.wait_for(step(visitor), PATIENCE)
                if (
                    time.monotonic() > self.deadline
                    and number in self.served
                    and self.report.scenario.seconds
                ):
                    break
                await asyncio.sleep(random_.uniform(*self.report.scenario.pause))
        except Exception as error:  # noqa: BLE001 (whatever goes wrong is counted)
            self.report.errors.append(f"visitor {number}: {type(error).__name__}: {error}")
        finally:
            self.report.errors += [f"visitor {number}: on the page: {t}" for t in visitor.trouble]
            self.report.waited_in_line += bool(visitor.places)
            self.report.visits += 1
            await visitor.leave()

    def _steps(self, number: int):
        async def upload(v: Visitor) -> None:
            began = time.monotonic()
            await v.upload("upload", f"{number}.png", self.files[number])
            self.took.append(time.monotonic() - began)
            self._check(v, number)
            self.served.add(number)

        async def click(v: Visitor, key: str, kind: str, value: object) -> None:
            await v.set(key, kind, value)
            self.report.clicks += 1

        async def open_page(v: Visitor, page: str) -> None:
            began = time.monotonic()
            await v.go(page)
            self.opened.append(time.monotonic() - began)

        async def look(v: Visitor) -> None:
            await open_page(v, "compare")
            self._check(v, number)

        return [
            lambda v: v.open(),
            upload,
            look,
            lambda v: click(v, "view", "string_array_value", ["Labels"]),
            lambda v: click(v, "colours", "string_value", "Colour-blind safe"),
            lambda v: click(v, "view", "string_array_value", ["Spotlight"]),
            look,
            *(partial(open_page, page=page) for page in self.report.scenario.pages),
        ]

    def _check(self, v: Visitor, number: int) -> None:
        self.report.results += 1
        if why := crossed(v, number, self.small, self.layers):
            self.report.crossed += 1
            self.report.errors.append(why)


# --- the server


@contextmanager
def server(port: int):
    """The app on loopback; → its process."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", "127.0.0.1",
               "--server.port", str(port), "--server.headless", "true",
               "--server.disconnectedSessionTTL", str(FORGET)]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | IMAGE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _megabytes(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


@contextmanager
def watched(process: psutil.Process, report: Report):
    """Note the most memory that the server takes meanwhile."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            report.rss_peak = max(report.rss_peak, _megabytes(process))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def _ready(url: str) -> None:
    for _ in range(240):
        try:
            visitor = Visitor(url)
            await visitor.open()
            return await visitor.leave()
        except OSError:
            await asyncio.sleep(0.5)
    raise TimeoutError(f"{url} does not answer")


async def _forgotten(url: str) -> None:
    """Wait until sessions without a browser are forgotten, when another one ends, and memory is back."""
    for _ in range(2):
        await asyncio.sleep(FORGET + 1)
        await _ready(url)
    await asyncio.sleep(AGAIN + 5)


async def _all(url: str, process: psutil.Process, report: Report, compare_memory: bool) -> None:
    await _ready(url)
    if compare_memory:
        warm = Report(1, replace(report.scenario, arrive=0, pause=(0, 0)))
        await Load(url, warm).visit(0, random.Random(0))  # all is loaded, and all has run
        report.errors += warm.errors
        await _forgotten(url)
    report.rss_before = _megabytes(process)
    load, began = Load(url, report), time.monotonic()
    load.deadline = began + report.scenario.seconds
    with watched(process, report):
        await asyncio.gather(*(load.stay(number) for number in range(report.clients)))
    report.seconds = time.monotonic() - began
    if compare_memory:
        await _forgotten(url)
    report.rss_after = _megabytes(process)
    if load.took:
        report.p50, report.p95 = (float(np.percentile(load.took, p)) for p in (50, 95))
        report.slowest = max(load.took)
    if load.opened:
        report.open_p50, report.open_p95 = (float(np.percentile(load.opened, p)) for p in (50, 95))


def run(clients: int, scenario: Scenario, port: int, *, compare_memory: bool = True) -> Report:
    """Run a scenario on a server of its own; memory is compared before and after if wanted."""
    report = Report(clients, scenario)
    with server(port) as process:
        run_async(_all(f"http://127.0.0.1:{port}", process, report, compare_memory))
    return report


def main() -> int:
    """Run, print, and say whether all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.load", description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--port", type=int, default=8639)
    a = parser.parse_args()
    reports = [_print(name, run(a.clients, SCENARIOS[name], a.port)) for name in a.scenarios]
    return int(any(report.problems for report in reports))


def _print(name: str, report: Report) -> Report:
    print(f"\n{name}")
    for key, value in asdict(report).items():
        if key not in ("errors", "scenario"):
            print(f"{key:<16}{value:>10.1f}" if isinstance(value, float) else f"{key:<16}{value:>10}")
    for error in report.errors[:20]:
        print(error, file=sys.stderr)
    print("passed" if not report.problems else "failed: " + "; ".join(report.problems), flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
