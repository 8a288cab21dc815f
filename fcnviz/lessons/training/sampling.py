"""Patchwise training is loss sampling (section 3.4): the gradient of a random share of a photo's loss.

The loss of a photo is the mean of its pixels' cross-entropies, so its gradient is a sum over the pixels too.
If each of them is kept with probability p, and what is left is divided by p, the gradient is the full one on
average. Here it is that of the score layer alone, whose inputs one forward pass gives: then a draw costs one
backward pass through the deconvolution, and none through the trunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.inference import coarse
from fcnviz.photos.voc import VOID


@dataclass(frozen=True, eq=False)
class Forward:
    """What one forward pass leaves for the loss, on the CPU.

    Attributes:
        scores: (1, C, h, w), of the score layer.
        features: (K, h, w), what it has read; only the gradient needs them.
    """

    scores: Tensor
    features: Tensor | None = None


def forward(model: FCN, image: Image.Image) -> Forward:
    """Run an FCN-32s once.

    Args:
        model: in eval mode.
        image: RGB, of the size at which it is labelled.

    Raises:
        ValueError: its loss has more score layers than one.
    """
    if model.stride != 32:
        raise ValueError(f"the loss of FCN-{model.stride}s has more score layers than one")
    read: list[Tensor] = []
    hook = model.score_fr.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    try:
        scores = coarse(model, image).s32
    finally:
        hook.remove()
    return Forward(scores.float().cpu(), read[0][0].float().cpu())


class Loss:
    """The mean cross-entropy of a photo's pixels that are not void, and its gradient.

    Attributes:
        labels: (H, W) uint8, the labels that it is measured against.
        pixels: (H, W), the cross-entropy of each pixel; 0 where it is void.
        counted: number of pixels that are not void.
    """

    def __init__(self, model: FCN, seen: Forward, size: tuple[int, int], labels: np.ndarray | None = None):
        """Compute the losses of all pixels.

        Args:
            model: the network that has made `seen`.
            seen: what its pass has left.
            size: (H, W) of the photo.
            labels: (H, W) class indices, 255 for void; None: the network's own labels.
        """
        self._features = seen.features
        self._scores = seen.scores.detach().to(model.device).requires_grad_()
        with torch.enable_grad():
            self._logits = model.upsample(ScoreMaps(self._scores), size)  # (1, C, H, W)
        logits = self._logits.detach()
        true = logits.argmax(1) if labels is None else torch.tensor(labels, device=logits.device).long()[None]
        each = F.cross_entropy(logits, true, ignore_index=VOID, reduction="none")
        self.labels, self.pixels = true[0].byte().cpu().numpy(), each[0].cpu().numpy()
        self.counted = int((self.labels != VOID).sum())

    @cached_property
    def _by_logits(self) -> Tensor:
        """The gradient of the loss by the logits, (1, C, H, W): (softmax − one-hot) / counted; 0: void."""
        true = torch.tensor(self.labels, device=self._logits.device).long()[None, None]
        weight = (true != VOID).to(self._logits.dtype) / max(self.counted, 1)
        found = self._logits.detach().softmax(1)
        found.scatter_add_(1, true.where(true != VOID, 0), -torch.ones_like(weight))
        return found.mul_(weight)

    @property
    def mean(self) -> float:
        """The loss."""
        return float(self.pixels.sum(dtype=np.float64)) / max(self.counted, 1)

    def of(self, kept: np.ndarray, share: float) -> float:
        """Estimate the loss from the kept pixels, (H, W) bool; each was kept with this probability."""
        return float(self.pixels[kept].sum(dtype=np.float64)) / max(self.counted, 1) / share

    def gradient(self, kept: np.ndarray | None = None, share: float = 1.0) -> np.ndarray:
        """Estimate the gradient of the loss by the score layer's weights and biases.

        Args:
            kept: (H, W) bool, the pixels that count; None: all of them.
            share: the probability with which each was kept; the sum is divided by it.

        Returns:
            (C, K + 1) float64: a class's K weights, and its bias in the last column.

        Raises:
            ValueError: the pass has left no features.
        """
        if self._features is None:
            raise ValueError("the gradient needs what the score layer has read")
        by_logits = self._by_logits / share
        if kept is not None:
            by_logits = by_logits * torch.tensor(kept, device=by_logits.device)
        (by_scores,) = torch.autograd.grad(self._logits, self._scores, by_logits, retain_graph=True)
        by_scores = by_scores[0].double().cpu()  # (C, h, w)
        weights = torch.einsum("chw,khw->ck", by_scores, self._features.double())
        return torch.cat([weights, by_scores.sum((1, 2))[:, None]], 1).numpy()


def draw(size: tuple[int, int], share: float, side: int, random: np.random.Generator) -> np.ndarray:
    """Keep each square of `side` × `side` pixels with probability `share`, independently; → (H, W) bool."""
    squares = random.random([-(-n // side) for n in size]) < share
    return squares.repeat(side, 0).repeat(side, 1)[: size[0], : size[1]]


@dataclass(frozen=True)
class Distance:
    """How far a gradient is from the full one.

    Attributes:
        error: length of their difference over the length of the full one.
        cosine: of the angle between them; NaN if one of them is zero.
    """

    error: float
    cosine: float


def distance(gradient: np.ndarray, full: np.ndarray) -> Distance:
    """Compare a gradient with the full one."""
    length, own = float(np.linalg.norm(full)), float(np.linalg.norm(gradient))
    cosine = float((gradient * full).sum()) / (length * own) if length and own else float("nan")
    return Distance(float(np.linalg.norm(gradient - full)) / max(length, 1e-30), cosine)


@dataclass(frozen=True)
class Trial:
    """Many draws of one kind.

    Attributes:
        side: side of the squares that were kept or dropped, in px.
        share: the share that was kept.
        one: relative error of one draw, as the root of the mean square over the draws.
        mean: relative error of the mean of all draws.
    """

    side: int
    share: float
    one: float
    mean: float


def trials(
    loss: Loss, sides: Sequence[int], shares: Sequence[float], draws: int, seed: int = 0
) -> Iterator[Trial]:
    """Draw many times for each side and each share."""
    full, random = loss.gradient(), np.random.default_rng(seed)
    for side in sides:
        for share in shares:
            yield _trial(loss, full, (side, share, draws), random)


def _trial(
    loss: Loss, full: np.ndarray, setting: tuple[int, float, int], random: np.random.Generator
) -> Trial:
    side, share, draws = setting
    size, total, squares = loss.labels.shape, np.zeros_like(full), 0.0
    for _ in range(draws):
        gradient = loss.gradient(draw(size, share, side, random), share)
        total += gradient
        squares += distance(gradient, full).error ** 2
    return Trial(side, share, (squares / draws) ** 0.5, distance(total / draws, full).error)
