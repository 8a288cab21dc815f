"""What a coarse grid can give at best: the truth itself, reduced to a grid and upsampled again.

The paper's appendix does the same. It is no strict bound: the grid holds whole votes here, and a network's
scores, which are finer than votes, may place an outline better.
"""

import numpy as np

from fcnviz.lessons.upsampling import kernel_fit
from fcnviz.upsampling import bilinear_kernel

#: Strides of the grids, in pixels.
STRIDES = (64, 32, 16, 8, 4)


def reduced(labels: np.ndarray, stride: int) -> np.ndarray:
    """Reduce labels to the most frequent class of each cell, and upsample them by a bilinear deconvolution.

    Args:
        labels: (H, W) uint8 class labels, 255 = void.
        stride: side of a cell in px, even.

    Returns:
        (H, W) uint8 class labels.

    Raises:
        ValueError: fewer than two classes occur.
    """
    return kernel_fit.restored(kernel_fit.task(labels, stride), bilinear_kernel(2 * stride))
