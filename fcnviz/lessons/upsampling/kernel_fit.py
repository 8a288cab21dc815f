"""Learn one upsampling kernel by gradient descent, step by step (CVPR 2015, section 3.3: it can be learned).

The task: a label map is reduced to the most frequent class of each cell, and one transposed convolution with
kernel 2·f and stride f, the same for all classes, has to restore it. As in FCN, the class with the highest
score wins, and pixels labelled 255 are ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz import geometry, metrics
from fcnviz.photos.voc import VOID
from fcnviz.upsampling import bilinear_kernel, stamp

#: Adam's step size at the start.
RATE = 0.3

#: Number of steps.
STEPS = 200


@dataclass(frozen=True, eq=False)
class Task:
    """A label map to restore.

    Attributes:
        labels: (H, W) uint8, indices into `classes`, or 255.
        classes: the labels that occur.
        coarse: (C, h, w) float32, 1 for the class that has most of a cell's pixels, else 0.
        factor: pixels per cell, on each axis.
    """

    labels: np.ndarray
    classes: tuple[int, ...]
    coarse: Tensor
    factor: int


@dataclass(frozen=True, eq=False)
class Progress:
    """The state of learning after some steps.

    Attributes:
        step: number of steps taken.
        loss: cross-entropy with this kernel.
        kernel: (2·factor, 2·factor) float32.
    """

    step: int
    loss: float
    kernel: Tensor


def task(labels: np.ndarray, factor: int) -> Task:
    """Make a task of a label map: reduce it to cells.

    Args:
        labels: (H, W) uint8 class labels, 255 = void.
        factor: even.

    Raises:
        ValueError: fewer than two classes occur, so that there is no outline to restore.
    """
    classes = tuple(int(c) for c in np.unique(labels) if c != VOID)
    if len(classes) < 2:
        raise ValueError("These labels hold fewer than two classes, so there is no outline to restore.")
    index = np.full(labels.shape, VOID, np.uint8)
    for i, c in enumerate(classes):
        index[labels == c] = i
    return Task(index, classes, _votes(index, len(classes), factor), factor)


def _votes(index: np.ndarray, count: int, factor: int) -> Tensor:
    (height, width), f = index.shape, factor
    padded = np.pad(index, ((0, -height % f), (0, -width % f)), constant_values=VOID)
    one_hot = padded == np.arange(count)[:, None, None]  # (C, h·f, w·f)
    votes = one_hot.reshape(count, padded.shape[0] // f, f, -1, f).sum((2, 4))  # (C, h, w)
    won = (np.arange(count)[:, None, None] == votes.argmax(0)) & (votes > 0)  # an all-void cell has no class
    return torch.from_numpy(won.astype(np.float32))


def upsample(task: Task, kernel: Tensor) -> Tensor:
    """Upsample the coarse map with a kernel (2·factor, 2·factor) and crop as FCN does: (C, H, W) scores."""
    height, width = task.labels.shape
    cells = geometry.place([geometry.Layer("cell", task.factor, task.factor)])
    edge = geometry.final_crop(cells)
    dense = stamp(task.coarse[:, None], kernel[None, None])[:, 0]  # (C, (h + 1)·f, (w + 1)·f)
    return dense[:, edge : edge + height, edge : edge + width]


def restored(task: Task, kernel: Tensor) -> np.ndarray:
    """The class labels, (H, W) uint8, that a kernel restores."""
    return np.array(task.classes, np.uint8)[upsample(task, kernel).argmax(0).numpy()]


def mean_iu(task: Task, kernel: Tensor) -> float:
    """Mean IU of what a kernel restores, over the classes that occur."""
    index = upsample(task, kernel).argmax(0).numpy()
    return metrics.scores(metrics.confusion(index, task.labels, len(task.classes))).mean_iu


@dataclass(frozen=True)
class Trial:
    """A kernel tried on a label map beside the fixed bilinear one: mean IU of both, 0 … 1.

    Attributes:
        learned: mean IU with the kernel.
        fixed: mean IU with the fixed bilinear kernel.
        changed: share of the counted pixels whose label differs between the two, 0 … 1.
    """

    learned: float
    fixed: float
    changed: float


def trial(task: Task, kernel: Tensor) -> Trial:
    """Try a kernel (2·factor, 2·factor) on a task."""
    bilinear = bilinear_kernel(2 * task.factor)
    differs = restored(task, kernel) != restored(task, bilinear)
    changed = float(differs[task.labels != VOID].mean())
    return Trial(mean_iu(task, kernel), mean_iu(task, bilinear), changed)


def learn(task: Task, start: Tensor, steps: int = STEPS, rate: float = RATE) -> Iterator[Progress]:
    """Fit the kernel with Adam; each step uses the whole map.

    The loss is the cross-entropy of the softmax over classes. A class is weighted by one over the square root
    of its share; otherwise background, which has most of the pixels, would dominate and small objects vanish.

    Args:
        task: what to restore.
        start: (2·factor, 2·factor) kernel to start from; is not changed.
        steps: number of steps.
        rate: step size at the start; it falls to zero along half a cosine.

    Yields:
        the progress before the first step and after each step.
    """
    kernel = start.detach().clone().float().requires_grad_()
    target = torch.from_numpy(task.labels).long()[None]
    counts = torch.stack([(target == i).sum() for i in range(len(task.classes))])
    weights = (counts.sum() / counts).sqrt()
    optimiser = torch.optim.Adam([kernel], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    for step in range(steps + 1):
        with torch.enable_grad():
            scores = upsample(task, kernel)[None]
            loss = F.cross_entropy(scores, target, weights, ignore_index=VOID)
        yield Progress(step, float(loss.detach()), kernel.detach().clone())
        if step < steps:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
