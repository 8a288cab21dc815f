"""The skips of a network taken apart: what is added to what, and the labels without some of them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fcnviz import geometry
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.inference import labels_in_strips
from fcnviz.lessons.heatmaps.reconstruct import to_finest


@dataclass(frozen=True, eq=False)
class Sum:
    """One sum of a network, `upscored + skip = fused`, each (1, C, h, w).

    Attributes:
        stride: stride of the sum, 16 or 8.
        upscored: the scores of twice the stride, upsampled.
        skip: the scores of the finer layer, score_pool4 or score_pool3.
        fused: the sum as the network computed it.
    """

    stride: int
    upscored: Tensor
    skip: Tensor
    fused: Tensor


@torch.no_grad()
def sums(model: FCN, scores: ScoreMaps) -> list[Sum]:
    """The sums of a network, from coarse to fine; FCN-32s has none."""
    scores = scores.to(model.device)
    return [
        Sum(
            skip.stride,
            model.upsample_to_skip(skip, scores.at(2 * skip.stride)),
            scores.added(skip.stride),
            scores.at(skip.stride),
        )
        for skip in geometry.skips(model.stride)
    ]


def margin(scores: Tensor, index: int) -> np.ndarray:
    """A class's score less the highest of all others, (1, C, h, w) → (h, w): above 0 the class wins there."""
    others = torch.cat([scores[0, :index], scores[0, index + 1 :]])  # (C − 1, h, w)
    return (scores[0, index] - others.amax(0)).cpu().numpy()


@torch.no_grad()
def labels_up_to(
    model: FCN, scores: ScoreMaps, stride: int, size: tuple[int, int], photo: tuple[int, int] | None = None
) -> np.ndarray:
    """Labels, (H, W) uint8, if the network added its skips down to this stride only.

    At the network's own stride these are its labels; at 32 no skip is added. That is an ablation, not
    FCN-32s, which was trained without skips. Sizes as for `inference.decide_in_strips`.
    """
    finest = to_finest(model, scores.at(stride).to(model.device), stride)
    return labels_in_strips(model, ScoreMaps(finest), size, photo)
