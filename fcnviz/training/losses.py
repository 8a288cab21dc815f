"""The loss of a training step: cross-entropy over the pixels that are not void."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz.evaluation.parallel import World
from fcnviz.photos.voc import VOID


def mean_factor(labels: Tensor, world: World) -> Tensor | None:
    """Factor from one process's sum of losses to its part of the whole batch's mean; None for one process.

    DistributedDataParallel averages gradients over processes, so the factor is the number of processes over
    the counted pixels of all processes.
    """
    if world.size == 1:
        return None
    counted = world.all_reduce((labels != VOID).sum())
    return (world.size / counted.clamp(min=1)).to(world.device)


def class_weights(frequencies: np.ndarray, power: float) -> Tensor:
    """Weigh each class by (median frequency / frequency) ** power (Eigen & Fergus 2015 with power 1).

    Args:
        frequencies: (C,) pixels of each class; a class without pixels gets weight 0.
        power: how much to balance.
    """
    there = frequencies > 0
    weights = np.zeros(len(frequencies), np.float32)
    weights[there] = (np.median(frequencies[there]) / frequencies[there]) ** power
    return torch.from_numpy(weights)


def pixel_losses(scores: Tensor, labels: Tensor, smooth: float, weight: Tensor | None) -> Tensor:
    """Compute each pixel's cross-entropy, with targets smoothed at borders and classes weighted.

    Args:
        scores: (N, C, H, W).
        labels: (N, H, W) int64; the loss of `VOID` pixels is 0.
        smooth: see `Config`.
        weight: (C,) weight of each true class, scaled here so that the batch's counted pixels weigh 1 on
            average; None: all 1.

    Returns:
        (N, H, W).
    """
    counted = labels != VOID
    target = F.one_hot(labels.masked_fill(~counted, 0), scores.shape[1]).permute(0, 3, 1, 2).to(scores.dtype)
    target = target * counted[:, None]
    if smooth:
        around = F.avg_pool2d(target, 5, stride=1, padding=2)
        share = around / around.sum(1, keepdim=True).clamp(min=1e-6)
        target = ((1 - smooth) * target + smooth * share) * counted[:, None]
    loss = -(target * scores.log_softmax(1)).sum(1)
    if weight is None:
        return loss
    each = weight[labels.masked_fill(~counted, 0)] * counted
    return loss * each * (counted.sum() / each.sum().clamp(min=1e-6))
