"""What pages cost the server, in multiples of one FCN-8s run: `python -m tests.system.pages` or `make pages`.

One visitor without a browser uploads photos of 640 × 480 px that the server has never seen, and walks through
the pages. Counted is processor time (user and system) of the server's process, so that a busy machine changes
little. The unit is measured in the same run, in a process of its own: one run of the bundled FCN-8s on all
pixels of such a photo. The app itself reduces it to 416 px for the networks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

import numpy as np
import psutil

from fcnviz import inference, render, weights
from tests.apps import free_port, run_async
from tests.system.load import __main__ as load
from tests.system.load.visitor import Visitor

IMPORTS = "import torch, torchvision, streamlit"
#: What costs are multiples of.
UNIT = "FCN-8s on 640 × 480 px"
#: The networks alone: what an upload needs in any case.
NETS = ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s")
#: The most that steps may cost, in multiples of the unit; those of an upload in multiples of the networks.
LIMITS = {"upload": 1.3, "open": 1.0, "change": 1 / 3}


def unit(repeats: int = 9) -> dict[str, float]:
    """Measure one run of each network, processor seconds, the median of some runs; the `UNIT` is one of them.

    The networks run as the app runs them, and FCN-8s also on the photo's own 640 × 480 px.
    """
    image, found = load.photo(99), {}
    nets = {name: weights.load(name, "cpu", fold=True) for name in NETS}
    for name in (*NETS, UNIT):
        net, longest, took = nets.get(name, nets[NETS[-1]]), 0 if name == UNIT else None, []
        for _ in range(repeats):
            began = time.process_time()
            inference.run(net, image, longest)
            took.append(time.process_time() - began)
        found[name] = statistics.median(took)
    return found


async def walk(url: str, process: psutil.Process, rounds: int) -> dict[str, list[float]]:
    """Walk through the pages, in each round with another photo; the first round warms up."""
    costs: dict[str, list[float]] = defaultdict(list)

    async def step(name: str, act: Callable[[], Awaitable[None]], count: bool) -> None:
        before = _seconds(process)
        await act()
        await asyncio.sleep(0.8)  # what the server does after a run, and when the queue rests
        if count:
            costs[name].append(_seconds(process) - before)

    for number in range(rounds + 1):
        visitor = Visitor(url)
        await visitor.open()
        for name, act in _steps(visitor, number):
            await step(name, act, number > 0)
        assert not visitor.trouble, visitor.trouble
        await visitor.leave()
    return costs


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _steps(v: Visitor, number: int) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    photo = render.to_png(np.asarray(load.photo(number)))
    return [
        ("upload", lambda: v.upload("upload", f"{number}.png", photo)),
        ("open compare", lambda: v.go("compare")),
        ("change view", lambda: v.set("view", "string_array_value", ["Labels"])),
        ("open heatmaps", lambda: v.go("heatmaps")),
        ("change class", lambda: v.set("shown_class", "string_value", "sofa")),
        ("change stage", lambda: v.set("stage", "string_array_value", ["16"])),
        ("open convolutionalize", lambda: v.go("convolutionalize")),
        ("open upsampling", lambda: v.go("upsampling")),
        ("open alignment", lambda: v.go("alignment")),
        ("open training", lambda: v.go("training")),
        ("open evaluate", lambda: v.go("evaluate")),
        ("open lecture", lambda: v.go("lecture")),
    ]


def main() -> int:
    """Print the table; the exit status is 1 if a step costs more than its limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds, over = parser.parse_args().rounds, []
    port = free_port()
    with load.server(port) as process:
        cold, costs = run_async(_ready_and_walk(f"http://127.0.0.1:{port}", process, rounds))
    alone, imports = _in_own_process(), _imports()
    one, three = alone[UNIT], sum(alone[name] for name in NETS)
    print(f"from the start to the first page: {cold / imports:.2f} × {IMPORTS} ({imports:.1f} s)")
    print(f"one {UNIT}: {1000 * one:.0f} ms of processor time; the three networks: {three / one:.2f} units")
    for name, took in costs.items():
        kind = name.split()[0]
        cost = statistics.median(took) / one
        limit = LIMITS[kind] * (three / one if kind == "upload" else 1)
        print(f"{name:<24}{cost:>6.2f} units, at most {limit:.2f}{'' if cost <= limit else '  OVER'}")
        over += [name] * (cost > limit)
    return int(bool(over))


async def _ready_and_walk(
    url: str, process: psutil.Process, rounds: int
) -> tuple[float, dict[str, list[float]]]:
    await load._ready(url)  # three results on the landing page
    cold = _seconds(process)
    return cold, await walk(url, process, rounds)


def _imports() -> float:
    """Measure the imports that the app cannot do without, in a process of their own."""
    code = f"import os; {IMPORTS}; times = os.times(); print(times.user + times.system)"
    return float(_python(code))


def _in_own_process() -> dict[str, float]:
    # `ui` says how torch's threads wait, and does so in the app, too
    return json.loads(
        _python("import json, ui; from tests.system.pages import unit; print(json.dumps(unit()))")
    )


def _python(code: str) -> str:
    """Run code in a process of its own; return the last line that it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=load.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main())
