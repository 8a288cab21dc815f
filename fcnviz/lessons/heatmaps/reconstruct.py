"""A coarse score map at the size of the photo: the network's own upsampling beside three fixed ones.

Everything is computed from the score maps alone; the network's trunk does not run.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz import geometry, upsampling
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.inference import blocks

#: Ways to bring a coarse map to the size of the photo. "learned" is the network's own.
WAYS = ("nearest", "bilinear", "fixed", "learned")


def to_finest(model: FCN, coarse: Tensor, stride: int) -> Tensor:
    """Upsample scores to the network's finest stride by its own deconvolutions, adding no skip.

    Args:
        model: the network; its stride is at most `stride`.
        coarse: (1, C, h, w) of stride 32, 16 or 8.
        stride: stride of `coarse`.
    """
    for skip in geometry.skips(model.stride):
        if skip.stride < stride:
            coarse = model.upsample_to_skip(skip, coarse)
    return coarse


@torch.no_grad()
def dense(
    model: FCN, coarse: Tensor, stride: int, size: tuple[int, int], way: str, only: int | None = None
) -> Tensor:
    """Coarse scores → scores at the size of the photo, by one of `WAYS`.

    "learned" takes the network's own deconvolutions from `stride` on and leaves out the skips that would be
    added after it; from the finest map it gives the network's logits. "fixed" is one bilinear deconvolution
    by `stride`; "bilinear" and "nearest" are plain interpolation with half-pixel centres.

    Args:
        model: the network.
        coarse: (1, C, h, w) of `stride`, from `ScoreMaps.at`.
        stride: 32, 16 or 8.
        size: (H, W) of the photo.
        way: one of `WAYS`.
        only: compute this class alone.

    Returns:
        (1, C, H, W), or (1, 1, H, W) with `only`; on the network's device.
    """
    coarse = coarse.to(model.device)
    if way == "learned":
        return model.upsample(ScoreMaps(to_finest(model, coarse, stride)), size, only=only)
    chosen = coarse if only is None else coarse[:, only : only + 1]
    start = geometry.final_crop(geometry.stages(*model.backbone.places)[stride])
    if way == "fixed":
        canvas = fixed_bilinear(chosen, stride)
    else:
        canvas = F.interpolate(chosen, scale_factor=stride, mode=way)
        start -= stride // 2  # a deconvolution starts half a cell before its first cell
    return canvas[..., start : start + size[0], start : start + size[1]]


def fixed_bilinear(x: Tensor, stride: int) -> Tensor:
    """Bilinear deconvolution, not cropped: (1, C, h, w) → (1, C, (h + 1)·stride, (w + 1)·stride)."""
    return upsampling.deconvolution(x.shape[1], stride, per_class=True).to(x.device)(x)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One class's coarse map and its upsampled maps, as scores or as softmax probabilities.

    Attributes:
        coarse: (h, w) float32.
        dense: upsampled maps by the names of `WAYS`, each (H, W) float32.
    """

    coarse: np.ndarray
    dense: dict[str, np.ndarray]

    @property
    def border(self) -> np.ndarray:
        """Fixed bilinear deconvolution − interpolation, (H, W): zeros beyond the canvas, near its border."""
        return self.dense["fixed"] - self.dense["bilinear"]

    @property
    def learning(self) -> np.ndarray:
        """The network's deconvolution − the fixed bilinear one, (H, W): what training changed.

        If the map goes through several deconvolutions, also that several small ones are not one large one.
        """
        return self.dense["learned"] - self.dense["fixed"]


@dataclass(frozen=True, eq=False)
class AllClasses:
    """What all classes of a coarse map come to at the size of the photo, by way of upsampling.

    Attributes:
        log_sums: logsumexp over the classes, (H, W) float32 each: what softmax takes a score down by.
        labels: the best classes, (H, W) uint8 each.
    """

    log_sums: dict[str, Tensor]
    labels: dict[str, np.ndarray]


@torch.no_grad()
def all_classes(model: FCN, coarse: Tensor, stride: int, size: tuple[int, int]) -> AllClasses:
    """Upsample all classes by deconvolution and interpolation: once for a map, whatever class is looked at.

    Args:
        model: the network.
        coarse: (1, C, h, w) of `stride`.
        stride: 32, 16 or 8.
        size: (H, W) of the photo.
    """
    log_sums, labels = {}, {}
    for way in WAYS[1:]:  # one after the other, so that only one map of all classes is in memory
        scores = dense(model, coarse, stride, size, way)[0]
        # block by block: of all at once, the system would be asked for as much memory again
        sums, best = zip(*map(_reduced, blocks(scores)), strict=True)
        log_sums[way], labels[way] = torch.cat(sums), torch.cat(best).cpu().numpy()
    nearest = dense(model, coarse.logsumexp(1, keepdim=True), stride, size, "nearest")
    return AllClasses({"nearest": nearest[0, 0], **log_sums}, labels)


def _reduced(scores: Tensor) -> tuple[Tensor, Tensor]:
    """(C, H, W) → logsumexp over the classes, and the best class, uint8: with one search for the maximum."""
    top, best = scores.max(0)
    return (scores - top).exp_().sum(0).log_().add_(top), best.byte()


@torch.no_grad()
def reconstruct(
    model: FCN,
    coarse: Tensor,
    stride: int,
    size: tuple[int, int],
    index: int,
    log_sums: Mapping[str, Tensor] | None = None,
) -> Reconstruction:
    """Upsample one class's coarse map in all of `WAYS`.

    Args:
        model: the network.
        coarse: (1, C, h, w) of `stride`.
        stride: 32, 16 or 8.
        size: (H, W) of the photo.
        index: the class.
        log_sums: from `all_classes`, for softmax probabilities over the classes after upsampling, as the
            network decides; None: raw scores.
    """
    scores = {way: dense(model, coarse, stride, size, way, index)[0, 0] for way in WAYS}
    if log_sums is None:
        return Reconstruction(coarse[0, index].numpy(), {way: m.cpu().numpy() for way, m in scores.items()})
    probabilities = {way: (m - log_sums[way]).exp().cpu().numpy() for way, m in scores.items()}
    return Reconstruction((coarse[0, index] - coarse[0].logsumexp(0)).exp().numpy(), probabilities)
