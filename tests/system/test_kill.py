"""Ended at any moment, app and writers leave nothing behind that is half written and taken as whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fcnviz import files, weights
from fcnviz.lessons.convolutionalize import digits
from tests.apps import ROOT, free_port, run_async
from tests.system.load.__main__ import server
from tests.system.load.visitor import Visitor

#: Runs each writer in a process of its own, which the kernel ends at its 100th byte, and prints by what.
WRITERS = """
import os, resource, signal
from pathlib import Path
from types import SimpleNamespace
import torch
from fcnviz import bench, files
from fcnviz.lessons.convolutionalize import digits
from fcnviz.training import train
from fcnviz.training.config import Config
from fcnviz.weights import bundling

folder = Path(os.environ["FCNVIZ_WEIGHTS"])
line = torch.nn.Linear(30, 30)
run = SimpleNamespace(config=Config(stride=32), model=line, average=line,
                      optimiser=torch.optim.SGD(line.parameters()))
net = digits.load()
writers = {
    "digits --out": lambda: digits.save(net, folder / "digits.safetensors", 1),
    "evaluate --record": lambda: bundling.record("lite0-fcn8s", {"mean_iu": 0.5}),
    "evaluate --json": lambda: files.write_bytes(folder / "result.json", b"2" * 1000),
    "bundle": lambda: bundling._write_half("lite0-fcn8s", folder / "lite0-fcn8s.safetensors", folder),
    "bench --record": lambda: bench.record([], "cpu", folder / "bench.json"),
    "train": lambda: train.Run.save(run, folder / "last.pt", 1),
}
for name, write in writers.items():
    if not (child := os.fork()):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        write()
        os._exit(0)
    print(name, os.waitpid(child, 0)[1] & 127, sep="=")
"""


def _prints(folder: Path) -> dict[str, str]:
    there = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in there}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A weights folder, with other results in it."""
    shutil.copytree(ROOT / "weights", tmp_path / "weights")
    for name in ("result.json", "bench.json", "last.pt"):
        (tmp_path / "weights" / name).write_bytes(b"1" * 1000)
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def test_a_writer_that_is_killed_leaves_the_old_file(folder):
    before = _prints(folder)
    command = [sys.executable, "-c", WRITERS]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
                          capture_output=True, text=True, check=True)  # fmt: skip
    ended = dict(line.split("=") for line in done.stdout.splitlines())
    assert len(ended) == 6
    assert set(ended.values()) == {str(int(signal.SIGXFSZ))}, done.stderr
    after = _prints(folder)
    assert {name: after[name] for name in before} == before
    left = [name for name in after.keys() - before.keys() if not name.endswith(".part")]
    assert all(name.startswith(".") for name in left), left  # safetensors' own, which no one reads either
    assert weights.problems() == ["last.pt is no checkpoint, not weights saved by PyTorch or safetensors"]
    assert weights.available() == list(weights.BUNDLED)
    digits.load()


def test_the_next_writer_replaces_what_was_left(tmp_path):
    (tmp_path / "a.json.part").write_text("half of a long, long fi")
    with files.atomic_write(tmp_path / "a.json") as part:
        part.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "whole"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.json").write_text("old")

    def interrupted() -> None:
        with files.atomic_write(tmp_path / "a.json") as part:
            part.write_text("ne")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.json", "old")]


def test_a_server_killed_while_it_evaluates_comes_back_clean():
    before = _prints(ROOT / "weights")
    port = free_port()
    with server(port) as process:
        visitor = run_async(_evaluating(f"http://127.0.0.1:{port}"))
        assert " of 5 pairs" in visitor
        process.kill()
        process.wait(30)
    with server(port) as process:
        assert " of 5 pairs" in run_async(_evaluating(f"http://127.0.0.1:{port}"))
        process.kill()  # what else it would evaluate is of no interest
    assert _prints(ROOT / "weights") == before
    assert not list(ROOT.glob("*/*.part"))


async def _evaluating(url: str) -> str:
    """Open Evaluate's pairs, which runs over the bundled photos by itself; → what its progress bar says."""
    for _ in range(240):
        visitor = Visitor(url)
        try:
            await visitor.open("section=Pairs", page="evaluate")
            break
        except OSError:
            await asyncio.sleep(0.5)
    assert visitor.trouble == []
    bars = [e.progress.text for e in visitor.elements.values() if e.WhichOneof("type") == "progress"]
    assert len(bars) == 1, "the evaluation was over before it could be killed"
    return bars[0]
