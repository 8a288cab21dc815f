"""The scores of a single photo.

The paper's four metrics are for data sets. On one photo the mean over all classes that occur, predicted
ones too, lets a handful of stray pixels cost as much as a missed object. So here the mean runs over the
classes in the truth, false alarms are counted by class beside it, and accuracy near the true boundaries says
how fine the outline is, which is what the paper claims for its skips.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fcnviz.evaluation import trimap
from fcnviz.evaluation.measure import Measured

#: Width in pixels of the band along true boundaries.
WITHIN = 5


@dataclass(frozen=True)
class Single:
    """A network's scores on one photo; void pixels are ignored.

    Attributes:
        pixel_accuracy: share of the pixels labelled right; NaN without pixels, as the others.
        class_iu: IU by class, of the classes in the truth.
        near: share of the pixels labelled right within `WITHIN` pixels of a true boundary.
        false_alarms: pixels by class, of the classes that are predicted and not in the truth, most first.
    """

    pixel_accuracy: float
    class_iu: dict[int, float]
    near: float
    false_alarms: dict[int, int]

    @property
    def mean_iu(self) -> float:
        """Mean IU over the classes in the truth."""
        return float(np.mean(list(self.class_iu.values()))) if self.class_iu else float("nan")

    @property
    def three(self) -> tuple[float, float, float]:
        """Pixel accuracy, IU of the truth's classes, and accuracy within `WITHIN` pixels of a boundary."""
        return self.pixel_accuracy, self.mean_iu, self.near


def single(measured: Measured) -> Single:
    """Compute the scores from one photo's counts.

    >>> labels, truth = np.array([[0, 0, 8, 3]]), np.array([[0, 8, 8, 8]])
    >>> from fcnviz.evaluation.measure import measure
    >>> found = single(measure(labels, truth))
    >>> found.pixel_accuracy, found.class_iu, found.false_alarms
    (0.5, {0: 0.5, 8: 0.3333333333333333}, {3: 1})
    """
    counts = measured.confusion
    true, labelled, right = counts.sum(1), counts.sum(0), counts.diagonal()
    iu = {int(c): float(right[c] / (true[c] + labelled[c] - right[c])) for c in np.flatnonzero(true)}
    alarms = {int(c): int(labelled[c]) for c in np.argsort(-labelled) if labelled[c] and not true[c]}
    total = true.sum()
    accuracy = float(right.sum() / total) if total else float("nan")
    return Single(accuracy, iu, float(trimap.accuracy(measured.near)[WITHIN - 1]), alarms)


def ranked(results: Mapping[str, Measured]) -> list[tuple[str, float]]:
    """Rank images by their IU of the truth's classes, best first; images without pixels are left out."""
    return _descending({name: single(m).mean_iu for name, m in results.items()})


def gains(before: Mapping[str, Measured], after: Mapping[str, Measured]) -> list[tuple[str, float]]:
    """Rank images by the second network's gain in that score over the first, largest first."""
    return _descending(
        {name: single(after[name]).mean_iu - single(before[name]).mean_iu for name in before if name in after}
    )


def _descending(values: Mapping[str, float]) -> list[tuple[str, float]]:
    there = [(name, value) for name, value in values.items() if not np.isnan(value)]
    return sorted(there, key=lambda item: (-item[1], item[0]))
