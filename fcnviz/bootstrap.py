"""How sure a measured metric is: percentile bootstrap over images (Efron & Tibshirani 1993, chapter 13).

A data set's metrics come from one sum of counts, so an image is the unit: images are drawn again with
replacement, as many as there are, and the metrics of each such sum spread as they would over other photos of
the kind. Two networks are compared on the same draws ("paired"), for a hard photo is hard for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fcnviz import metrics, trimap
from fcnviz.evaluate import FOUR, Measured
from fcnviz.voc import CLASSES

#: Draws, and the share of them that an interval holds.
DRAWS, LEVEL = 2000, 0.95
#: Metrics whose gain over another network is recorded; the last is near true boundaries, in pixels.
COMPARED = (*FOUR, "within_5")

Interval = tuple[float, float]


def draws(images: Sequence[Measured], count: int = DRAWS, seed: int = 0) -> np.ndarray:
    """The metrics of `count` data sets drawn from these images.

    Args:
        images: each image's counts; the same images in the same order for networks that are to be compared.
        count: how many draws.
        seed: of the draws; equal seeds draw the same images.

    Returns:
        (count, M) float64, columns as `names`.

    Raises:
        ValueError: no images.
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
    """Of the columns: the four metrics, accuracy within 1 … 40 px of a true boundary, IU of each class.

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
    """The middle `level` of the draws, by metric.

    Args:
        drawn: from `draws`, or the difference of two networks' with one seed: then a paired interval.
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
    """Intervals of a network's metrics and, paired, of its gain over another one; numbers rounded.

    Args:
        images: its counts on each image.
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


def percent(value: float, between: Interval) -> str:
    """A metric and its interval as text, in percent.

    >>> percent(0.631, (0.6044, 0.656))
    '63.1 (60.4 to 65.6)'
    """
    low, high = between
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def points(gain: Sequence[float]) -> str:
    """A gain and its interval as text, in percentage points.

    >>> points((0.0055, -0.0033, 0.0148))
    '+0.55 (−0.33 to +1.48)'
    """
    value, low, high = gain
    return f"{100 * value:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})".replace("-", "−")


def _rounded(numbers: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    return {
        name: [None if np.isnan(v) else round(float(v), 4) for v in values]
        for name, values in numbers.items()
    }
