"""The paper's four metrics as formulas with the numbers of one confusion matrix put in, in TeX.

The sums run over the same classes as in `metrics.scores`: classes without pixels are left out.
"""

from dataclasses import dataclass

import numpy as np

from fcnviz import metrics


@dataclass(frozen=True)
class Formula:
    """One metric.

    Attributes:
        name: name of the metric.
        symbols: its definition in TeX.
        numbers: the definition with numbers in TeX, one line per term; () if there is nothing to measure.
        value: its value from `metrics.scores`, or NaN.
    """

    name: str
    symbols: str
    numbers: tuple[str, ...]
    value: float


def formulas(confusion: np.ndarray) -> list[Formula]:
    r"""Write pixel accuracy, mean accuracy, mean IU and frequency-weighted IU of a confusion matrix.

    Args:
        confusion: (C, C) integers, row = true class.

    >>> formulas(np.array([[3, 1], [0, 4]]))[0].numbers
    ('\\frac{3 + 4}{4 + 4}',)
    """
    s = metrics.scores(confusion)
    values = (s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu)
    numbers = _numbers(confusion) if confusion.any() else [()] * 4
    parts = zip(_SYMBOLS.items(), numbers, values, strict=True)
    return [Formula(name, symbols, lines, value) for (name, symbols), lines, value in parts]


_SYMBOLS = {
    "Pixel accuracy": r"\frac{\sum_i n_{ii}}{\sum_i t_i}",
    "Mean accuracy": r"\frac{1}{n_\mathrm{cl}} \sum_i \frac{n_{ii}}{t_i}",
    "Mean IU": r"\frac{1}{n_\mathrm{cl}} \sum_i \frac{n_{ii}}{t_i + \sum_j n_{ji} - n_{ii}}",
    "Frequency-weighted IU": r"\frac{1}{\sum_i t_i} \sum_i t_i \, \mathrm{IU}_i",
}


def _numbers(confusion: np.ndarray) -> list[tuple[str, ...]]:
    """Write the four metrics with numbers, in the order of `_SYMBOLS`."""
    right, true, labelled = (
        values.tolist() for values in (confusion.diagonal(), confusion.sum(1), confusion.sum(0))
    )
    there = [i for i in range(len(true)) if true[i]]
    union = {i: f"{true[i]} + {labelled[i]} - {right[i]}" for i in range(len(true)) if true[i] + labelled[i]}
    return [
        (_over(" + ".join(str(right[i]) for i in there), " + ".join(str(true[i]) for i in there)),),
        _times(_over(1, len(there)), [_over(right[i], true[i]) for i in there]),
        _times(_over(1, len(union)), [_over(right[i], below) for i, below in union.items()]),
        _times(_over(1, sum(true)), [_over(rf"{true[i]} \cdot {right[i]}", union[i]) for i in there]),
    ]


def _over(top: int | str, bottom: int | str) -> str:
    return rf"\frac{{{top}}}{{{bottom}}}"


def _times(factor: str, terms: list[str]) -> tuple[str, ...]:
    """Write the factor times the sum of the terms, one term per line."""
    first, *others = terms
    lines = [rf"{factor} \Bigl( {first}", *(f"+ {term}" for term in others)]
    return (*lines[:-1], rf"{lines[-1]} \Bigr)")
