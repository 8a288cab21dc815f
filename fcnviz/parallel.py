"""Several processes on one job, started by torchrun: who am I, what is my share, and the sum over all.

    torchrun --nproc-per-node 4 -m fcnviz evaluate --data VOC2012 --weights lite0-fcn8s

Without torchrun there is one process, and nothing here talks to anybody.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class World:
    """The processes that share one job.

    Attributes:
        rank: this process's number, from 0; 0 alone prints and writes.
        size: how many there are.
        device: where this one's tensors live, "cuda:1" say.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process is the one that prints and writes."""
        return self.rank == 0

    def share(self, count: int) -> range:
        """Which of `count` things are this process's: every size-th, so that shares differ by one at most.

        >>> [list(World(rank, 3).share(7)) for rank in range(3)]
        [[0, 3, 6], [1, 4], [2, 5]]
        """
        return range(self.rank, count, self.size)

    def sum(self, counts: np.ndarray) -> np.ndarray:
        """Sum of every process's integers, exact; all must ask, with arrays of one shape.

        Args:
            counts: int64, any shape.
        """
        return self.add(torch.from_numpy(counts.astype(np.int64))).numpy()

    def add(self, values: Tensor) -> Tensor:
        """Sum of every process's tensors, on the CPU; all must ask."""
        if self.size == 1:
            return values
        total = values.to(self.device, copy=True)
        dist.all_reduce(total)
        return total.cpu()


#: One process, without torchrun.
ALONE = World()


@contextmanager
def world(device: torch.device) -> Iterator[World]:
    """The processes that torchrun started, met and parted again; without torchrun, this one alone.

    Args:
        device: as asked for; of several CUDA devices each process of a machine takes its own.

    Raises:
        ValueError: more processes than CUDA devices on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(device=str(device))
        return
    if device.type == "cuda":
        device = _own_gpu()
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), size, str(device))
    finally:
        dist.destroy_process_group()


def _own_gpu() -> torch.device:
    local, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local >= there:
        raise ValueError(f"this machine has {there} CUDA devices: start at most that many processes on it")
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
