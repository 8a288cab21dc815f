"""Figures of transposed convolutions, from plain arrays; no Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fcnviz import render
from fcnviz.render import Scale
from ui import figures
from ui.figures import FRAME, MARK, Box, Extent

#: Height of a row of cells in CSS pixels.
ROW = 42
#: A space that is drawn.
BLANK = "\u00a0"
UNSEEN = [(0, "rgba(0,0,0,0)"), (1, "rgba(0,0,0,0)")]


def scale(*arrays: np.ndarray) -> Scale:
    """Colours for small grids: from zero up, or both ways where there are negative numbers."""
    if min(float(np.min(a)) for a in arrays) < 0:
        return Scale.diverging(*arrays)
    return Scale(0.0, max(float(np.max(a)) for a in arrays) or 1.0)


def number(value: float) -> str:
    """At most three digits, and a real minus."""
    text = f"{value:.0f}" if abs(value) >= 100 else f"{round(value, 2):.3g}"
    return ("0" if text in ("-0", "0") else text).replace("-", "−")


def grid(
    values: np.ndarray,
    colours: Scale,
    *,
    boxes: Sequence[Box] = (),
    cut: int = 0,
    columns: int = 0,
    height: int | None = None,
) -> go.Figure:
    """A small map with its numbers written in, if they fit.

    Args:
        values: (h, w).
        colours: for the cells.
        boxes: rectangles, in cells.
        cut: rows and columns on each side that the padding takes away: greyed.
        columns: how many to leave room for, so that figures of one width have cells of one size.
        height: in CSS pixels.
    """
    figure = figures.grid(values, colours, unit="value")
    h, w = values.shape
    if max(h, w) > 30:
        figure.update_traces(xgap=0, ygap=0)
    if max(h, w) <= 14:
        _write(figure, [(values, colours)], 16 if max(w, columns) <= 8 else 12)
    for box in _rim(h, w, cut):
        _grey(figure, box)
    figures.add_boxes(figure, boxes)
    edges = Extent(-0.55, -0.55, max(w, columns) - 0.45, h - 0.45)
    figures.framed(figure, edges, height or figures.fitting(w, h))
    return figure.update_xaxes(showline=False).update_yaxes(showline=False)


def _write(figure: go.Figure, layers: Sequence[tuple[np.ndarray, Scale]], size: int) -> None:
    """Write the numbers into their cells, black or white, whichever can be read.

    The browser shrinks the text of a heatmap to its cells, by its longest text; so each colour is an unseen
    heatmap of its own, with blanks of the same length in the other's cells.

    Args:
        figure: is changed.
        layers: (h, w) values with NaN where a layer has no cell, and their colours; no cell is in two.
        size: of the text, at most.
    """
    shape = layers[0][0].shape
    texts, light = np.full(shape, "", object), np.zeros(shape, bool)
    for values, colours in layers:
        there = ~np.isnan(values)
        texts[there] = [number(v) for v in values[there]]
        painted = render.heatmap(values, colours.low, colours.high, colours.cmap)  # (h, w, 3)
        light |= there & (painted @ np.array([0.299, 0.587, 0.114]) > 120)  # luma of ITU-R BT.601
    blanks = np.frompyfunc(lambda text: BLANK * len(text), 1, 1)(texts)
    for colour, mine in (("#000000", light), ("#ffffff", ~light)):
        figure.add_heatmap(
            z=np.where(texts == "", np.nan, 0), text=np.where(mine, texts, blanks), texttemplate="%{text}",
            textfont={"color": colour}, colorscale=UNSEEN, showscale=False, hoverinfo="skip",
        )  # fmt: skip
    figure.update_layout(font={"size": size})


def _rim(h: int, w: int, cut: int) -> list[Extent]:
    if not cut:
        return []
    left, top, right, bottom = -0.5, -0.5, w - 0.5, h - 0.5
    return [
        Extent(left, top, right, top + cut),
        Extent(left, bottom - cut, right, bottom),
        Extent(left, top + cut, left + cut, bottom - cut),
        Extent(right - cut, top + cut, right, bottom - cut),
    ]


def _grey(figure: go.Figure, where: Extent) -> None:
    figure.add_shape(
        type="rect", x0=where.left, y0=where.top, x1=where.right, y1=where.bottom, line={"width": 0},
        fillcolor=FRAME, opacity=0.6, layer="above",
    )  # fmt: skip


def around(start: Sequence[int], size: Sequence[int], dash: str = "solid", colour: str = MARK) -> Box:
    """A box around cells: (row, column) of the first, (rows, columns)."""
    (top, left), (rows, columns) = start, size
    return Box(left - 0.5, top - 0.5, left + columns - 0.5, top + rows - 0.5, dash, colour)


def stamps(x: np.ndarray, kernel: np.ndarray, stride: int, pad: int, *, step: int, cell: int) -> go.Figure:
    """A 1-D transposed convolution as a table: one row a stamp, their sum below.

    Args:
        x: (n,) input, drawn as the column on the left.
        kernel: (k,), drawn on top where it stamps now.
        stride: columns from one stamp to the next.
        pad: columns cut off at both ends of the sum.
        step: how many stamps are done; the last of them is marked.
        cell: the output cell whose column is marked.
    """
    n, k = len(x), len(kernel)
    width = (n - 1) * stride + k
    table = np.full((n + 2, width + 2), np.nan)  # kernel, stamps, sum; input and a gap on the left
    table[1 : n + 1, 0] = x
    now = max(step - 1, 0)
    above = np.full_like(table, np.nan)  # the kernel has colours of its own
    above[0, 2 + now * stride :][:k] = kernel
    for i in range(step):
        table[1 + i, 2 + i * stride :][:k] = x[i] * kernel
    table[n + 1, 2:] = np.nan_to_num(table[1 : n + 1, 2:]).sum(0)
    layers = [(table, scale(x, np.outer(x, kernel), table[n + 1, 2:])), (above, scale(kernel))]
    figure = _table(layers)
    if pad:
        for left in (1.5, width + 1.5 - pad):
            _grey(figure, Extent(left, 0.5, left + pad, n + 1.5))
    boxes = [around((1, 2 + pad + cell), (n + 1, 1), "dot")]
    if step:
        boxes += [around((1 + now, 2 + now * stride), (1, k)), around((1 + now, 0), (1, 1))]
    figures.add_boxes(figure, boxes)
    return _table_axes(figure, n, width, pad)


def _table(layers: Sequence[tuple[np.ndarray, Scale]]) -> go.Figure:
    figure = go.Figure()
    for values, colours in layers:
        figure.add_heatmap(
            z=values, xgap=2, ygap=2, zmin=colours.low, zmax=colours.high, showscale=False,
            colorscale=figures.colorscale(colours.cmap), hoverinfo="skip",
        )  # fmt: skip
    _write(figure, layers, 16 if layers[0][0].shape[1] <= 16 else 12)
    return figure


def _table_axes(figure: go.Figure, n: int, width: int, pad: int) -> go.Figure:
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    outputs = np.arange(width - 2 * pad)
    figure.update_layout(
        xaxis={**axis, "range": (-0.6, width + 1.6), "tickvals": [0, *(2 + pad + outputs)],
               "ticktext": ["input", *map(str, outputs)], "tickfont": {"size": 14}, "tickangle": 0},
        yaxis={**axis, "range": (n + 1.6, -0.6), "tickvals": list(range(n + 2)),
               "ticktext": ["kernel", *(f"x[{i}]" for i in range(n)), "output"], "tickfont": {"size": 14}},
        margin={"l": 1, "r": 1, "t": 4, "b": 1}, dragmode=False, height=ROW * (n + 2) + 30,
        plot_bgcolor="rgba(0,0,0,0)", showlegend=False,
    )  # fmt: skip
    return figure


def loss(losses: Sequence[tuple[int, float]], steps: int) -> go.Figure:
    """The loss against the step, on axes that stay while it is learned.

    Args:
        losses: (step, loss).
        steps: where the axis ends.
    """
    x, y = zip(*losses, strict=True)
    line = go.Scatter(
        x=x, y=y, mode="lines+markers" if len(x) == 1 else "lines", line={"color": MARK, "width": 3}
    )
    figure = go.Figure(line)
    figure.update_layout(
        xaxis={"title": "step", "range": (0, steps), "fixedrange": True, "showgrid": False},
        yaxis={"title": "loss", "range": (0, 1.05 * max(y)), "fixedrange": True, "nticks": 5},
        margin={"l": 1, "r": 8, "t": 8, "b": 1}, height=260, showlegend=False, dragmode=False,
    )  # fmt: skip
    return figure
