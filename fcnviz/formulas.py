"""The paper's four metrics as formulas with the numbers of one confusion matrix put in, in TeX.

The sums run over the classes that `metrics.scores` counts: those without a pixel to count drop out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fcnviz import metrics


@dataclass(frozen=True)
class Formula:
    """One metric.

    Attributes:
        name: of the metric.
        symbols: its definition, TeX.
        numbers: the same with the numbers put in, TeX; "" if there is nothing to measure.
        value: what it comes to, or NaN; from `metrics.scores`.
    """

    name: str
    symbols: str
    numbers: str
    value: float


def formulas(confusion: np.ndarray) -> tuple[Formula, Formula, Formula, Formula]:
    r"""Pixel accuracy, mean accuracy, mean IU and frequency-weighted IU of a confusion matrix.

    Args:
        confusion: (C, C) integers, row = true class.

    >>> formulas(np.array([[3, 1], [0, 4]]))[0].numbers
    '\\frac{3 + 4}{4 + 4}'
    """
    s = metrics.scores(confusion)
    right, true, labelled = (
        [int(v) for v in values] for values in (confusion.diagonal(), confusion.sum(1), confusion.sum(0))
    )
    there = [i for i in range(len(true)) if true[i]]
    seen = [i for i in range(len(true)) if true[i] + labelled[i]]
    ious = {i: _over(right[i], f"{true[i]} + {labelled[i]} - {right[i]}") for i in seen}
    every = " + ".join(str(true[i]) for i in there)
    parts = (
        _over(" + ".join(str(right[i]) for i in there), every),
        _mean([_over(right[i], true[i]) for i in there]),
        _mean(list(ious.values())),
        _over(1, every) + _bracket(" + ".join(rf"{true[i]} \cdot {ious[i]}" for i in there)),
    )
    values = (s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu)
    one, two, three, four = (
        Formula(name, symbols, numbers if there else "", value)
        for (name, symbols), numbers, value in zip(_SYMBOLS.items(), parts, values, strict=True)
    )
    return one, two, three, four


_SYMBOLS = {
    "Pixel accuracy": r"\frac{\sum_i n_{ii}}{\sum_i t_i}",
    "Mean accuracy": r"\frac{1}{n_\mathrm{cl}} \sum_i \frac{n_{ii}}{t_i}",
    "Mean IU": r"\frac{1}{n_\mathrm{cl}} \sum_i \frac{n_{ii}}{t_i + \sum_j n_{ji} - n_{ii}}",
    "Frequency-weighted IU": (
        r"\frac{1}{\sum_k t_k} \sum_i \frac{t_i \, n_{ii}}{t_i + \sum_j n_{ji} - n_{ii}}"
    ),
}


def _over(top: int | str, bottom: int | str) -> str:
    return rf"\frac{{{top}}}{{{bottom}}}"


def _mean(terms: list[str]) -> str:
    return _over(1, len(terms)) + _bracket(" + ".join(terms))


def _bracket(inside: str) -> str:
    return rf"\left( {inside} \right)"
