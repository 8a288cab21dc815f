"""Confidence intervals of metrics: percentile bootstrap over images (Efron & Tibshirani 1993, chapter 13).

As many images as there are, are drawn with replacement, and the metrics are computed from the sum of their
counts. Over many draws these metrics vary about as much as they would over other photos of the same kind. Two
networks are compared on the same draws ("paired"), because a photo that is hard for one network is usually
hard for the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fcnviz import metrics
from fcnviz.evaluation import trimap
from fcnviz.evaluation.measure import FOUR, Measured
from fcnviz.photos.voc import CLASSES

#: Number of draws.
DRAWS = 2000
#: Share of the draws that an interval contains.
LEVEL = 0.95
#: Metrics whose gain over another network is recorded; the last is the accuracy within 5 px of a boundary.
COMPARED = (*FOUR, "within_5")

Interval = tuple[float, float]


def draws(images: Sequence[Measured], count: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Compute the metrics of `count` data sets drawn from these images.

    Args:
        images: each image's counts; to compare networks, the same images in the same order.
        count: number of draws.
        seed: seed of the draws; equal seeds draw the same images.

    Returns:
        (count, M) float64, columns as in `names`.

    Raises:
        ValueError: there are no images.
    """
    if not images:
        raise ValueError("there are no images to draw from.")
    n = len(images)
    often = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), count).astype(np.float64)
    confusions = often @ np.stack([m.confusion.ravel() for m in images])  # (count, C · C)
    near = often @ np.stack([m.near.ravel() for m in images])
    classes, bands = images[0].confusion.shape, images[0].near.shape
    return np.array(
        [_values(c.reshape(classes), b.reshape(bands)) for c, b in zip(confusions, near, strict=True)]
    )


def names(classes: int) -> tuple[str, ...]:
    """Name the columns: the four metrics, accuracy within 1 … 40 px of a true boundary, IU of each class.

    >>> names(21)[3:6], names(21)[-1]
    (('frequency_weighted_iu', 'within_1', 'within_2'), 'iu_tvmonitor')
    """
    near = (f"within_{d}" for d in range(1, trimap.WIDEST + 1))
    return (*FOUR, *near, *(f"iu_{name}" for name in CLASSES[:classes]))


def _values(confusion: np.ndarray, near: np.ndarray) -> np.ndarray:
    scores = metrics.scores(confusion)
    four = [getattr(scores, name) for name in FOUR]
    return np.concatenate([four, trimap.accuracy(near), scores.class_iu])


def intervals(drawn: np.ndarray, level: float = LEVEL) -> dict[str, Interval]:
    """Compute each metric's interval, the middle `level` of its draws.

    Args:
        drawn: from `draws`; for a paired interval, the difference of two networks' draws with one seed.
        level: share of the draws inside.
    """
    tail, there = 50 * (1 - level), ~np.isnan(drawn).all(0)
    found = np.full((2, drawn.shape[1]), np.nan)
    found[:, there] = np.nanpercentile(drawn[:, there], [tail, 100 - tail], axis=0)
    columns = names(drawn.shape[1] - len(names(0)))
    return {name: (float(a), float(b)) for name, a, b in zip(columns, *found, strict=True)}


def record(
    images: Sequence[Measured], before: tuple[str, Sequence[Measured]] | None = None
) -> dict[str, Any]:
    """Compute a network's intervals, and paired ones of its gain over another network, as plain numbers.

    Args:
        images: the network's counts on each image.
        before: the other network's name and its counts on the same images.
    """
    drawn = draws(images)
    found: dict[str, Any] = {"draws": DRAWS, "level": LEVEL, "intervals": _rounded(intervals(drawn))}
    if before:
        over, other = before
        differences = intervals(drawn - draws(other))
        gains = dict(zip(differences, _total(images) - _total(other), strict=True))
        points = {name: (gains[name], *differences[name]) for name in COMPARED}
        found["gain"] = {"over": over, "points": _rounded(points)}
    return found


def _total(images: Sequence[Measured]) -> np.ndarray:
    return _values(*(np.sum([getattr(m, part) for m in images], 0) for part in ("confusion", "near")))


def _rounded(numbers: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    return {
        name: [None if np.isnan(v) else round(float(v), 4) for v in values]
        for name, values in numbers.items()
    }
