"""The four metrics of the paper (section 5), all from one confusion matrix.

With n_ij the pixels of class i that are labelled j, and t_i = Σ_j n_ij the pixels of class i:

    pixel accuracy          Σ_i n_ii / Σ_i t_i
    mean accuracy           mean over i of n_ii / t_i
    mean IU                 mean over i of n_ii / (t_i + Σ_j n_ji − n_ii)
    frequency-weighted IU   Σ_i t_i · IU_i / Σ_i t_i

The metrics of a data set are computed from the sum of its images' confusion matrices, as in the paper. They
are not the mean of the images' metrics.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fcnviz.photos.voc import VOID


@dataclass(frozen=True, eq=False)  # eq=False: arrays have no single truth value to compare by
class Scores:
    """The metrics of one confusion matrix, each in 0..1, or NaN if there was nothing to measure.

    Attributes:
        pixel_accuracy: share of the counted pixels that are labelled correctly.
        mean_accuracy: mean of `class_accuracy` over the classes that have one.
        mean_iu: mean of `class_iu` over the classes that have one.
        frequency_weighted_iu: mean of `class_iu` weighted by each class's share of the truth.
        class_accuracy: (C,) float64, share of each class's pixels that are labelled correctly.
        class_iu: (C,) float64, intersection over union of each class.
    """

    pixel_accuracy: float
    mean_accuracy: float
    mean_iu: float
    frequency_weighted_iu: float
    class_accuracy: np.ndarray
    class_iu: np.ndarray


def confusion(labels: ArrayLike, truth: ArrayLike, num_classes: int) -> np.ndarray:
    """Count the pixels of each class that are labelled as each class.

    Args:
        labels: integers of any shape, the network's class at each pixel; any integer where truth is void.
        truth: integers of the same shape, the true class at each pixel; void pixels (255) are not counted.
        num_classes: C, background included, at most 255.

    Returns:
        (C, C) int64; row = true class, column = labelled class.

    Raises:
        ValueError: the shapes differ, a value is not an integer, or a counted one is not a class.

    >>> confusion([0, 1, 1, 0], [0, 1, 0, 255], num_classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    labels, truth = np.asarray(labels), np.asarray(truth)
    if labels.shape != truth.shape:
        raise ValueError(f"labels are {labels.shape} but the truth is {truth.shape}: the sizes must match.")
    counted = truth != VOID
    row = _indices("truth", truth[counted], num_classes)
    column = _indices("labels", labels[counted], num_classes)
    return np.bincount(row * num_classes + column, minlength=num_classes**2).reshape(num_classes, num_classes)


def scores(confusion: ArrayLike) -> Scores:
    """Compute the paper's four metrics.

    Absent classes are left out of the means, as in the authors' score.py (nanmean):

    - A class neither in the truth nor among the labels has no IU and no accuracy (NaN).
    - A class that is labelled but not in the truth has IU 0, so a false alarm costs mean IU, but it has no
      accuracy (NaN), because t_i = 0. torchmetrics agrees on IU; its macro accuracy counts such a class as 0.

    If every pixel was void, all metrics are NaN.

    Args:
        confusion: (C, C) counts, row = true class, as from `confusion`; may be a sum over images.

    Returns:
        The metrics as fractions, not per cent.

    Raises:
        ValueError: the matrix is not square.

    >>> s = scores([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    >>> s.pixel_accuracy, s.mean_accuracy, s.class_iu.tolist()
    (0.875, 0.875, [0.75, 0.8, nan])
    """
    counts = np.asarray(confusion, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, but this one is {counts.shape}.")
    right, true, labelled = counts.diagonal(), counts.sum(1), counts.sum(0)  # n_ii, t_i, Σ_j n_ji
    class_iu = _divide(right, true + labelled - right)
    class_accuracy = _divide(right, true)
    return Scores(
        pixel_accuracy=float(_divide(right.sum(), true.sum())),
        mean_accuracy=_mean(class_accuracy),
        mean_iu=_mean(class_iu),
        frequency_weighted_iu=float(_divide(np.nansum(true * class_iu), true.sum())),
        class_accuracy=class_accuracy,
        class_iu=class_iu,
    )


def _indices(name: str, values: np.ndarray, num_classes: int) -> np.ndarray:
    """Check that values, (N,), are integers in 0..C−1 and return them as int64."""
    if values.dtype.kind not in "biu":
        raise ValueError(f"the {name} must be integer class indices, not {values.dtype}.")
    wrong = values[(values < 0) | (values >= num_classes)]
    if wrong.size:
        raise ValueError(f"class {wrong[0]} in the {name} is outside 0 to {num_classes - 1}.")
    return values.astype(np.int64)


def _divide(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """Elementwise part / whole; NaN, without a warning, where whole is 0."""
    part, whole = np.asarray(part), np.asarray(whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> float:
    """Mean of the values that are not NaN; NaN, without a warning, if there are none."""
    there = ~np.isnan(values)
    return float(_divide(values[there].sum(), there.sum()))
