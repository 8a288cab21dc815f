"""Time tasks side by side: time, peak memory, operations, and the machine's own rate of computing."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from fcnviz import fcn
from fcnviz.lessons.convolutionalize.crop_timing import flops

#: A group is repeated less often once it has taken this many seconds.
PATIENCE = 60.0


@dataclass(frozen=True)
class Row:
    """One task's measurements.

    Attributes:
        group: name of the group whose tasks took turns in one loop.
        what: the network or the task.
        how: size, precision, or what is included.
        milliseconds: median time.
        ratio: time of the group's first row over this row's time; above 1 is faster.
        agreement: share of labels equal to float32's, over all bundled photos; None if not measured.
        megabytes: peak memory of one run above the memory before; None if the device cannot tell.
        parameters: number of the network's parameters.
        gflop: billions of floating point operations; a multiplication and an addition count as two.
        peak_share: share of the measured rate of matrix products in the same precision.
    """

    group: str
    what: str
    how: str
    milliseconds: float
    ratio: float = 1.0
    agreement: float | None = None
    megabytes: float | None = None
    parameters: int | None = None
    gflop: float | None = None
    peak_share: float | None = None


@dataclass(frozen=True)
class Task:
    """A task to time.

    Attributes:
        row: what is known before it is measured.
        run: the task; it must end with a result on the CPU, so that an asynchronous device has finished.
        dtype: type of its matrix products.
    """

    row: Row
    run: Callable[[], object]
    dtype: torch.dtype = torch.float32


def compare(tasks: Sequence[Task], repeats: int, device: torch.device) -> list[Row]:
    """Run the tasks in turn, after one round that is not counted.

    Args:
        tasks: the tasks of one group.
        repeats: rounds; fewer, but at least three, once `PATIENCE` is over.
        device: device whose peak memory and rate of matrix products are measured.
    """
    memory = [peak_memory(t.run, device) for t in tasks]  # also the warm-up
    times: list[list[float]] = [[] for _ in tasks]
    start = time.perf_counter()
    for turn in range(repeats):
        if turn >= 3 and time.perf_counter() - start > PATIENCE:
            break
        for task, taken in zip(tasks, times, strict=True):
            taken.append(1000 * _seconds(task.run))
    medians = [statistics.median(t) for t in times]
    return [
        replace(
            task.row,
            milliseconds=ms,
            ratio=medians[0] / ms,
            megabytes=mb,
            peak_share=_peak_share(task, ms, device),
        )
        for task, ms, mb in zip(tasks, medians, memory, strict=True)
    ]


def _peak_share(task: Task, ms: float, device: torch.device) -> float | None:
    if not task.row.gflop:
        return None
    return task.row.gflop * 1e9 / (ms / 1000) / matmul_rate(device, task.dtype)


#: Rates measured so far in this process, by device and type.
MATMUL_RATES: dict[tuple[str, torch.dtype], float] = {}


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the best rate of a large matrix product once, in operations per second."""
    key = (str(device), dtype)
    if key not in MATMUL_RATES:
        n = 8192 if device.type == "cuda" else 2048
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        best = min(_seconds(lambda: (a @ b)[0, 0].item()) for _ in range(6))
        MATMUL_RATES[key] = 2 * n**3 / best
    return MATMUL_RATES[key]


def _seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def peak_memory(task: Callable[[], object], device: torch.device) -> float | None:
    """Run a task once and return its peak memory above the memory before, in megabytes.

    On CUDA this is the memory of tensors, on Linux the process's resident memory; elsewhere it is None.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        task()
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    try:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _status("VmRSS")
        task()
        return (_status("VmHWM") - before) / 1e6
    except OSError:
        task()
        return None


def _status(key: str) -> int:
    """Read a size of this process from /proc, in bytes."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(key))
    return int(line.split()[1]) * 1024


def gflop(backbone: str, stride: int, size: tuple[int, int]) -> float:
    """Count a network's operations on one image of (W, H), in billions, without computing them."""
    with torch.device("meta"):
        net, x = fcn.build(backbone, stride, imagenet=False).eval(), torch.empty(1, 3, size[1], size[0])
    return flops(net, x) / 1e9
