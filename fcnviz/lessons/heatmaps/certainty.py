"""How sure the network is: the logits of one pixel, and the entropy at every pixel."""

import numpy as np
import torch
from torch import Tensor

from fcnviz.fcn import FCN, ScoreMaps


@torch.no_grad()
def at_pixel(model: FCN, scores: ScoreMaps, x: int, y: int) -> np.ndarray:
    """Logits (C,) of one pixel, from the coarse cells that reach it: at most four."""
    finest = ScoreMaps(scores.finest.to(model.device))
    one = model.upsample(finest, (y + 1, x + 1), rows=range(y, y + 1), columns=range(x, x + 1))
    return one[0, :, 0, 0].cpu().numpy()


@torch.no_grad()
def entropy(logits: Tensor) -> np.ndarray:
    """Entropy of the softmax over the classes, in bits: (1, C, H, W) → (H, W), 0 … log2 C."""
    log = logits[0].log_softmax(0)
    return (-(log.exp() * log).sum(0) / np.log(2)).cpu().numpy()
