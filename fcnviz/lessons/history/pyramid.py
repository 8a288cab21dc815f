"""Context by pooling: averages of a score map on coarse grids, as PSPNet's pyramid takes them of features.

`score_fr` is a 1 × 1 convolution, hence linear in each cell: to average its scores is to score its averaged
features. So a pooled score is what the network's own classifier says about a region as a whole.
"""

import torch.nn.functional as F
from torch import Tensor

#: Cells a side of the pyramid's grids.
GRIDS = (1, 2, 3, 6)


def pooled(scores: Tensor, grid: int) -> Tensor:
    """Average a map (N, C, h, w) on grid × grid regions → (N, C, grid, grid); in a small map they overlap."""
    return F.adaptive_avg_pool2d(scores, grid)


def seen(scores: Tensor, grid: int) -> Tensor:
    """A level of the pyramid at the map's own size: pooled, and upsampled bilinearly, (N, C, h, w)."""
    height, width = scores.shape[-2:]
    return F.interpolate(pooled(scores, grid), (height, width), mode="bilinear", align_corners=False)
