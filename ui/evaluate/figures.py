"""Charts of the Evaluate page, from plain arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from fcnviz.render import Scale
from ui.figures import theme
from ui.figures.grids import Panel, Values, coarse
from ui.figures.marks import Box, Mark, Numbers
from ui.figures.numbers import count
from ui.figures.pictures import Extent
from ui.figures.theme import BLUE, CLEAR, FRAME, ORANGE

#: Colours of the networks from coarse to fine. They differ in lightness too, and lines also in dashes.
COLOURS = (ORANGE, FRAME, BLUE)
DASHES = ("dot", "dash", "solid")

_LEGEND = {**theme.LEGEND, "y": 1, "font": {"size": 15}, "traceorder": "normal"}

#: Larger confusion matrices have no numbers written into their cells.
MOST_TEXT = 8


def by_iu(rows: Mapping[str, np.ndarray]) -> list[int]:
    """Sort the classes that have an IU in any network by the finest network's IU, the best first."""
    values = np.array(list(rows.values()))
    there = ~np.isnan(values).all(0)
    return [int(c) for c in np.argsort(-np.nan_to_num(values[-1]), kind="stable") if there[c]]


def class_bars(
    rows: Mapping[str, np.ndarray],
    names: Sequence[str],
    order: Sequence[int],
    spans: Mapping[str, np.ndarray] | None = None,
) -> go.Figure:
    """Plot the IU of some classes for each network, the first class on top.

    Args:
        rows: IU of all classes, (C,), 0 … 1 or NaN, by the network's title, coarse to fine.
        names: The names of the classes.
        order: The classes to draw (see `by_iu`).
        spans: The interval of each IU, (C, 2), by title, drawn as error bars.
    """
    figure, order, classes = go.Figure(), list(order), [names[c] for c in order]
    for (title, values), colour in zip(rows.items(), COLOURS[-len(rows) :], strict=True):
        span = spans.get(title) if spans else None
        bars = {"x": 100 * values[order], "y": classes, "name": title, "marker_color": colour}
        if span is not None:
            bars["error_x"] = _whiskers(values[order], span[order])
        hover = f"{title}<br>%{{y}}: %{{x:.1f}} %<extra></extra>"
        figure.add_bar(orientation="h", hovertemplate=hover, **bars)
    _chart(figure, 60 + (9 * len(rows) + 7) * len(order), "IU, %", "")
    figure.update_layout(bargap=0.22, bargroupgap=0)
    figure.update_yaxes(tickfont={"size": 13}, categoryorder="array", categoryarray=classes)
    return figure.update_yaxes(autorange="reversed").update_xaxes(range=(0, 100))


def _whiskers(values: np.ndarray, span: np.ndarray) -> dict[str, Any]:
    """Return error bars in percent, from `span` (N, 2) around `values` (N,), both 0 … 1."""
    above, below = 100 * (span[:, 1] - values), 100 * (values - span[:, 0])
    look = {"thickness": 1, "width": 2, "color": "#808080"}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}


def confusion_matrix(matrix: np.ndarray, names: Sequence[str], percent: bool, caption: str = "") -> Panel:
    """Draw a confusion matrix as coloured cells; zeros are left empty.

    Args:
        matrix: (C, C) integers, one row per true class. Classes that never occur are left out.
        names: The names of the classes.
        percent: Colour by the share of the row, and not by the logarithm of the count.
        caption: The text below it.
    """
    there = np.flatnonzero(matrix.sum(0) + matrix.sum(1)).tolist() or [0]
    counts, present = matrix[np.ix_(there, there)], [names[c] for c in there]
    rows = counts.sum(1, keepdims=True)
    share = np.divide(100 * counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    shown = np.where(counts > 0, share if percent else np.log10(np.maximum(counts, 1)), np.nan)
    few = len(present) <= MOST_TEXT
    where, scale = _wide(len(present), 1.7 if few else 1.0), _scale(shown, percent)
    write = np.frompyfunc((lambda v: f"{v:.1f}") if percent else count, 1, 1)
    texts = np.where(counts > 0, write(share if percent else counts), "")
    numbers = Numbers.on(shown, scale, where, texts)
    return Panel(
        shows=where,
        layers=(coarse(shown, scale, where, reads=_reads(shown, counts, share, present)),),
        marks=(numbers,) if few else (),
        caption=caption,
        rows=present,
        columns=present,
        tall=(52 if few else 26) * len(present),
    )


def _scale(shown: np.ndarray, percent: bool) -> Scale:
    """Return the colours of 0 … 100 %, or of the logarithms that occur."""
    there = shown[~np.isnan(shown)]
    return Scale(0, 100) if percent or not there.size else Scale.over(there)


def _wide(side: int, ratio: float) -> Extent:
    """Return the place of a matrix of side × side cells that are `ratio` times as wide as high."""
    return Extent(0, 0, ratio * side, side)


def _reads(shown: np.ndarray, counts: np.ndarray, share: np.ndarray, names: Sequence[str]) -> Values:
    texts = [
        f"{n:,} px, {part:.2f} % of the row" if n else ""
        for n, part in zip(counts.flat, share.flat, strict=True)
    ]
    truth, labelled = [f"truth {name}" for name in names], [f"labelled {name}" for name in names]
    return Values(shown, "", rows=truth, columns=labelled, texts=texts)


def trimap(rows: Mapping[str, np.ndarray]) -> go.Figure:
    """Plot the pixel accuracy within d pixels of a true boundary against d.

    Args:
        rows: Accuracy for d = 1 … D, (D,), 0 … 1 or NaN, by the network's title, coarse to fine.
    """
    figure, last = go.Figure(), -len(rows)
    for (title, values), colour, dash in zip(rows.items(), COLOURS[last:], DASHES[last:], strict=True):
        line = {"color": colour, "width": 3, "dash": dash}
        x = np.arange(1, len(values) + 1)
        figure.add_scatter(
            x=x, y=100 * values, name=title, mode="lines", line=line, hovertemplate="%{y:.1f} %"
        )
    low = 5 * int(20 * min((np.nanmin(v) for v in rows.values() if np.isfinite(v).any()), default=0))
    cut = f" (axis starts at {low} %)" if low else ""
    _chart(figure, 380, "d, pixels from a true boundary", f"right within d, %{cut}")
    figure.update_yaxes(title_standoff=16, range=(low, 100))
    return figure.update_layout(hovermode="x unified")


def sandbox_matrix(matrix: np.ndarray, names: Sequence[str], last: tuple[int, int] | None) -> Panel:
    """Draw the sandbox's matrix with all numbers, the sums of rows and columns, and the cell that grew last.

    Args:
        matrix: (C, C) integers, one row per true class.
        names: The names of the classes.
        last: (truth, label) of the pixel that was counted last.
    """
    true, labelled = matrix.sum(1), matrix.sum(0)
    shown, scale = np.where(matrix > 0, matrix, np.nan), Scale(0, float(matrix.sum() or 1))
    where = _wide(len(matrix), 1.5)
    numbers = Numbers.on(shown, scale, where, matrix.astype(str))
    marks: tuple[Mark, ...] = (numbers,)
    if last:
        y, x = last
        marks += (Box(1.5 * x, y, 1.5 * (x + 1), y + 1, line=3),)
    return Panel(
        shows=where,
        layers=(coarse(shown, scale, where, reads=Values(shown, "px", 0, list(names), list(names))),),
        title="Confusion matrix, pixels",
        caption="Rows: the truth. Columns: the labels.",
        marks=marks,
        rows=[f"{name}\nt = {n}" for name, n in zip(names, true, strict=True)],
        columns=[f"{name}\nΣ = {n}" for name, n in zip(names, labelled, strict=True)],
        tall=240,
    )


def _chart(figure: go.Figure, height: int, x: str, y: str) -> None:
    """Give a figure the look of this page's charts: larger text, and a legend even for one network."""
    theme.chart(figure, height=height, margin_r=8, margin_t=8, legend=_LEGEND, showlegend=True)
    figure.update_layout(paper_bgcolor=CLEAR, xaxis_title_text=x, yaxis_title_text=y)
    figure.update_xaxes(title_standoff=8, title_font_size=15)
    figure.update_yaxes(title_standoff=8, title_font_size=15)
