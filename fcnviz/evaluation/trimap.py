"""Accuracy near the true boundaries, which measures the "finer" output that the paper claims for its skips.

The band of width d contains the pixels within d pixels of a true boundary: band 1 the pixels that touch
another label or void (`render.boundaries`), band 2 those less than 2 pixels from one of these, and so on.
Void pixels are ignored. After the trimap plots of Kohli, Ladický & Torr (IJCV 2009), on the paper's metric.
"""

import numpy as np

from fcnviz import render
from fcnviz.photos.voc import VOID

#: Widest band, in pixels.
WIDEST = 40


def counts(labels: np.ndarray, truth: np.ndarray, ring: np.ndarray | None = None) -> np.ndarray:
    """Count pixels, and correct pixels, by their distance from the nearest true boundary.

    Args:
        labels: (H, W) integers, the predicted class of each pixel.
        truth: (H, W) integers, the true class; `VOID` pixels are ignored.
        ring: the truth's `distances`, if already known.

    Returns:
        (2, WIDEST + 1) int64: row 0 the correct pixels, row 1 all pixels; column i holds distances from i to
        below i + 1 pixels, the last column all larger ones.

    Raises:
        ValueError: the sizes differ.

    >>> counts(np.array([[0, 0, 5, 0]]), np.array([[0, 0, 5, 5]]))[:, :3].tolist()
    [[2, 1, 0], [2, 2, 0]]
    """
    if labels.shape != truth.shape:
        raise ValueError(f"labels are {labels.shape} but the truth is {truth.shape}: the sizes must match.")
    ring = distances(truth) if ring is None else ring
    counted = truth != VOID
    found = 2 * ring[counted] + (labels == truth)[counted]  # at most 2 · WIDEST + 1
    wrong, right = np.bincount(found, minlength=2 * (WIDEST + 1)).reshape(-1, 2).T
    return np.stack([right, wrong + right])


def distances(truth: np.ndarray) -> np.ndarray:
    """Compute each pixel's distance to the nearest boundary pixel, rounded down, at most `WIDEST`: uint8."""
    from scipy.ndimage import distance_transform_edt  # here, not above: it takes a while

    boundary = render.boundaries(truth)
    if not boundary.any():
        return np.full(truth.shape, WIDEST, np.uint8)
    return np.minimum(distance_transform_edt(~boundary), WIDEST).astype(np.uint8)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Compute the pixel accuracy within each band.

    Args:
        counts: result of `counts`, or a sum of them over images.

    Returns:
        (WIDEST,) float64 for d = 1 … WIDEST, NaN where a band has no pixel.
    """
    right, all_of_them = counts[:, :WIDEST].cumsum(1).astype(float)
    return np.divide(right, all_of_them, out=np.full(WIDEST, np.nan), where=all_of_them > 0)
