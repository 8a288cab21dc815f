"""Several processes that share one job, started by torchrun: each one's rank and shard, and sums over all.

    torchrun --nproc-per-node 4 -m fcnviz evaluate --data VOC2012 --weights lite0-fcn8s

Without torchrun there is one process, and no process group is created.
"""

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
        rank: number of this process, from 0; only process 0 prints and writes.
        size: number of processes.
        device: device of this process, e.g. "cuda:1".
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def shard(self, count: int) -> range:
        """Return this process's indices among `count`: every size-th, so that shards differ by at most one.

        >>> [list(World(rank, 3).shard(7)) for rank in range(3)]
        [[0, 3, 6], [1, 4], [2, 5]]
        """
        return range(self.rank, count, self.size)

    def sum(self, counts: np.ndarray) -> np.ndarray:
        """Sum an array of integers over all processes, exactly; every process must call it.

        Args:
            counts: int64, of the same shape in every process.
        """
        return self.all_reduce(torch.from_numpy(counts.astype(np.int64))).numpy()

    def all_reduce(self, values: Tensor) -> Tensor:
        """Sum a tensor over all processes, on the CPU; every process must call it."""
        if self.size == 1:
            return values
        total = values.to(self.device, copy=True)
        dist.all_reduce(total)
        return total.cpu()


#: One process, without torchrun.
SINGLE = World()


@contextmanager
def join(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, and leave at the end; without torchrun, a single process.

    Args:
        device: requested device; with CUDA each process of a machine takes a device of its own.

    Raises:
        ValueError: this machine has fewer CUDA devices than processes.
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
