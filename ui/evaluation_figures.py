"""Figures of the Evaluate page, from plain arrays; no Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ui.figures import FRAME, MARK, colorscale
from ui.kernel_figures import BLUE, ORANGE

#: Networks from coarse to fine; told apart by lightness and dash too.
COLOURS = (ORANGE, FRAME, BLUE)
DASHES = ("dot", "dash", "solid")

_LEGEND = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 15},
           "bgcolor": "rgba(0,0,0,0)"}  # fmt: skip


def by_iu(rows: Mapping[str, np.ndarray]) -> list[int]:
    """Classes that any network has an IU of, the best of the finest network first."""
    finest, there = list(rows.values())[-1], ~np.isnan(list(rows.values())).all(0)
    return [int(c) for c in np.argsort(-np.nan_to_num(finest), kind="stable") if there[c]]


def class_bars(
    rows: Mapping[str, np.ndarray],
    names: Sequence[str],
    order: Sequence[int],
    spans: Mapping[str, np.ndarray] | None = None,
) -> go.Figure:
    """IU of some classes for each network, the first on top.

    Args:
        rows: (C,) IU, 0..1 or NaN, by the network's title, coarse to fine.
        names: of the classes.
        order: the classes to draw (see `by_iu`).
        spans: (C, 2) interval of each IU, by title: drawn as error bars.
    """
    figure, order = go.Figure(), list(order)
    for (title, values), colour in zip(rows.items(), COLOURS[-len(rows) :], strict=True):
        span = spans.get(title) if spans else None
        figure.add_bar(
            y=[names[c] for c in order], x=[100 * values[c] for c in order], name=title, orientation="h",
            marker_color=colour, error_x=None if span is None else _whiskers(values[order], span[order]),
            hovertemplate=f"{title}<br>%{{y}}: %{{x:.1f}} %<extra></extra>",
        )  # fmt: skip
    _chart(figure, 60 + (9 * len(rows) + 7) * len(order), "IU, %", "")
    figure.update_layout(bargap=0.22, bargroupgap=0, legend={**_LEGEND, "traceorder": "normal"})
    figure.update_xaxes(range=(0, 100))
    figure.update_yaxes(automargin=True, tickfont={"size": 13}, autorange="reversed")
    figure.update_yaxes(categoryorder="array", categoryarray=[names[c] for c in order])
    return figure


def _whiskers(values: np.ndarray, span: np.ndarray) -> dict:
    """Error bars from `span` (N, 2) around `values` (N,), both 0..1."""
    return {
        "type": "data", "symmetric": False, "array": 100 * (span[:, 1] - values),
        "arrayminus": 100 * (values - span[:, 0]), "thickness": 1, "width": 2, "color": "#808080",
    }  # fmt: skip


def confusion(matrix: np.ndarray, names: Sequence[str], percent: bool) -> go.Figure:
    """A confusion matrix as coloured cells; what is zero stays empty.

    Args:
        matrix: (C, C) integers, rows = truth; classes that never occur are left out.
        names: of the classes.
        percent: colour by the share of each row instead of by the count (logarithmic).
    """
    there = np.flatnonzero(matrix.sum(0) + matrix.sum(1))
    counts = matrix[np.ix_(there, there)]
    rows = counts.sum(1, keepdims=True)
    share = np.divide(100 * counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    shown = share if percent else np.log10(np.maximum(counts, 1))
    text = np.where(counts > 0, np.vectorize("{:.1f}".format)(share), "") if percent else _short(counts)
    return _matrix(
        np.where(counts > 0, shown, np.nan), text if len(there) <= 8 else None, (share, counts),
        [names[c] for c in there], 100 if percent else None,
    )  # fmt: skip


def _matrix(
    shown: np.ndarray, text: np.ndarray | None, hover: tuple[np.ndarray, np.ndarray], names: list[str],
    top: float | None,
) -> go.Figure:  # fmt: skip
    many = len(names) > 8
    figure = go.Figure(
        go.Heatmap(
            z=shown, x=names, y=names, text=text, customdata=np.stack(hover, -1), xgap=1, ygap=1, zmin=0,
            zmax=top, showscale=False, colorscale=colorscale("viridis"), hoverongaps=False,
            texttemplate=None if text is None else "%{text}", textfont={"size": 14},
            hovertemplate="truth: %{y}<br>labelled: %{x}<br>%{customdata[1]:,} px, %{customdata[0]:.2f} % of "
            "the row<extra></extra>",
        )
    )  # fmt: skip
    _chart(figure, 130 + (26 if many else 52) * len(names), "labelled as", "truth")
    figure.update_xaxes(side="top", tickangle=-90 if many else 0, showgrid=False, tickfont={"size": 13})
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True, tickfont={"size": 13})
    return figure


def _short(counts: np.ndarray) -> np.ndarray:
    """Counts as short text, "" for none."""

    def one(n: int) -> str:
        return "" if not n else f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k" if n >= 1e4 else str(n)

    return np.vectorize(one, otypes=[object])(counts)


def trimap(rows: Mapping[str, np.ndarray]) -> go.Figure:
    """Pixel accuracy within d pixels of a true boundary, against d.

    Args:
        rows: (D,) accuracy, 0..1 or NaN, for d = 1 … D, by the network's title, coarse to fine.
    """
    figure = go.Figure()
    for (title, values), colour, dash in zip(
        rows.items(), COLOURS[-len(rows) :], DASHES[-len(rows) :], strict=True
    ):
        figure.add_scatter(
            x=np.arange(1, len(values) + 1), y=100 * values, name=title, mode="lines",
            line={"color": colour, "width": 3, "dash": dash}, hovertemplate="%{y:.1f} %",
        )  # fmt: skip
    _chart(figure, 380, "d, pixels from a true boundary", "right within d, %")
    figure.update_yaxes(automargin=True, title_standoff=16)
    figure.update_layout(hovermode="x unified", legend=_LEGEND)
    return figure


def sandbox(matrix: np.ndarray, names: Sequence[str], last: tuple[int, int] | None) -> go.Figure:
    """The sandbox's matrix: every number, the sums of rows and columns, and the cell that grew last.

    Args:
        matrix: (C, C) integers, rows = truth.
        names: of the classes.
        last: (truth, label) of the pixel that was counted last.
    """
    true, labelled = matrix.sum(1), matrix.sum(0)
    columns = [f"{name}<br>Σ = {n}" for name, n in zip(names, labelled, strict=True)]
    rows = [f"{name}<br>t = {n}" for name, n in zip(names, true, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=np.where(matrix > 0, matrix, np.nan), x=columns, y=rows, xgap=2, ygap=2, zmin=0,
            zmax=matrix.sum() or 1, showscale=False, colorscale=colorscale("viridis"), hoverinfo="skip",
            text=np.where(matrix > 0, matrix.astype(str), ""), texttemplate="%{text}", textfont={"size": 20},
        )
    )  # fmt: skip
    _chart(figure, 300, "labelled as", "truth")
    figure.update_xaxes(side="top", showgrid=False, tickangle=0, tickfont={"size": 14})
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True, tickfont={"size": 14})
    for y, x in np.argwhere(matrix == 0):  # Plotly picks the other colours to suit their cells
        figure.add_annotation(x=x, y=y, text="0", showarrow=False, font={"size": 20, "color": FRAME})
    if last:
        y, x = last
        line = {"color": MARK, "width": 3}
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=line)
    return figure


def _chart(figure: go.Figure, height: int, x: str, y: str) -> None:
    axis: dict[str, Any] = {"fixedrange": True, "title_standoff": 8, "title_font": {"size": 15}}
    figure.update_layout(
        height=height, margin={"l": 4, "r": 8, "t": 8, "b": 4}, dragmode=False, showlegend=True,
        xaxis={**axis, "title_text": x}, yaxis={**axis, "title_text": y}, plot_bgcolor="rgba(0,0,0,0)",
        paper_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
