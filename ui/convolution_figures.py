"""Plotly figures of the page "Convolutionalize", from plain arrays; no Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from fcnviz.race import Lap
from fcnviz.render import Scale
from ui.figures import FRAME, MARK, Box, Extent, add_boxes, colorscale, framed

#: Everywhere on the page: what the dense layer says, and what the convolution says.
DENSE, CONV = "#d9822b", "#3d8fd1"
_CLEAR = "rgba(0,0,0,0)"
_QUIET = {"showgrid": False, "zeroline": False, "fixedrange": True, "title": None, "ticks": ""}


def fold(weights: np.ndarray, label: int, column: int) -> go.Figure:
    """The dense matrix, and below it one row of it, folded into the kernel that it is.

    Each channel's kernel slice stands right under the columns that it is made of. Every weight can be
    clicked: `customdata` is (label, column, channel, y, x).

    Args:
        weights: (labels, C, H, W) float.
        label: row of the weight that is marked in both places.
        column: its column.
    """
    labels, c, h, w = weights.shape
    matrix, scale = weights.reshape(labels, -1), Scale.diverging(weights)
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.1)
    look = {
        "zmin": scale.low, "zmax": scale.high, "colorscale": colorscale(scale.cmap), "showscale": False,
        "hoverinfo": "skip",
    }  # fmt: skip
    figure.add_heatmap(z=matrix.astype(np.float32), x=np.arange(c * h * w) + 0.5, row=1, col=1, **look)
    tiles, edges = _tiles(weights[label])
    figure.add_heatmap(z=tiles, x=edges, y=np.arange(h), row=2, col=1, **look)
    _clickable(figure, matrix, np.arange(labels), (c, h, w))
    _clickable_tiles(figure, weights[label], label, edges)
    _mark_fold(figure, (c, h, w), label, column, edges)
    for row, last in ((1, labels), (2, h)):
        figure.update_yaxes(range=(last - 0.4, -0.6), showticklabels=False, row=row, col=1, **_QUIET)
    figure.update_xaxes(range=(-0.5, c * h * w + 0.5), showticklabels=False, **_QUIET)
    figure.update_layout(
        height=330, margin={"l": 1, "r": 1, "t": 4, "b": 1}, showlegend=False, hovermode="closest",
        dragmode=False, plot_bgcolor=_CLEAR,
    )  # fmt: skip
    return figure


def _tiles(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A kernel's channels side by side with gaps: values (H, C·(W + 1)), and their edges in columns."""
    c, h, w = kernel.shape
    gaps = np.full((c, h, 1), np.nan, np.float32)
    values = np.concatenate([kernel, gaps], 2).transpose(1, 0, 2).reshape(h, -1)
    inside = np.append(np.arange(w) * 0.9 / w, 0.9) + 0.05  # edges of one tile, and its right side
    return values, np.append((np.arange(c)[:, None] + inside).ravel(), c + 0.05) * h * w


def _clickable(figure: go.Figure, matrix: np.ndarray, rows: np.ndarray, shape: tuple[int, int, int]) -> None:
    _, h, w = shape
    label, column = (i.ravel() for i in np.meshgrid(rows, np.arange(matrix.shape[1]), indexing="ij"))
    data = np.stack([label, column, column // (h * w), column // w % h, column % w], 1)
    _points(figure, column + 0.5, label, data, matrix.ravel(), row=1)


def _clickable_tiles(figure: go.Figure, kernel: np.ndarray, label: int, edges: np.ndarray) -> None:
    _, h, w = kernel.shape
    channel, y, x = (i.ravel() for i in np.indices(kernel.shape))
    left = edges[channel * (w + 1) + x]
    data = np.stack([np.full_like(channel, label), (channel * h + y) * w + x, channel, y, x], 1)
    _points(figure, left + 0.45 * h, y, data, kernel.ravel(), row=2)


def _points(
    figure: go.Figure, x: np.ndarray, y: np.ndarray, data: np.ndarray, values: np.ndarray, *, row: int
) -> None:
    """Points that cannot be seen but hovered and clicked."""
    hover = (
        "row %{customdata[0]}, column %{customdata[1]}<br>= kernel %{customdata[0]}, "
        "channel %{customdata[2]}, y %{customdata[3]}, x %{customdata[4]}<br>weight %{text}<extra></extra>"
    )
    figure.add_scattergl(
        x=x, y=y, customdata=data.tolist(), text=[f"{v:+.3f}" for v in values], hovertemplate=hover,
        row=row, col=1, **_invisible(),
    )  # fmt: skip


def _invisible() -> dict[str, Any]:
    marker = {"size": 10, "color": FRAME, "opacity": 0}
    return {"mode": "markers", "marker": marker, "selected": {"marker": {"opacity": 0}},
            "unselected": {"marker": {"opacity": 0}}}  # fmt: skip


def _mark_fold(
    figure: go.Figure, shape: tuple[int, int, int], label: int, column: int, edges: np.ndarray
) -> None:
    c, h, w = shape
    channel, y, x = np.unravel_index(column, shape)
    figure.add_shape(
        type="rect", x0=0, x1=c * h * w, y0=label - 0.5, y1=label + 0.5, row=1, col=1,
        line={"color": MARK, "width": 1.5},
    )  # fmt: skip
    for edge in (channel * h * w, (channel + 1) * h * w):  # from the row's piece down to its tile
        figure.add_shape(
            type="line", x0=edge, x1=edge, yref="paper", y0=0, y1=0.45, xref="x2",
            line={"color": MARK, "width": 1, "dash": "dot"},
        )  # fmt: skip
    cross = {"symbol": "circle-open", "size": 15, "color": MARK, "line": {"width": 3, "color": MARK}}
    places = ((column + 0.5, label), (edges[channel * (w + 1) + x] + 0.45 * h, y))
    for row, (px, py) in enumerate(places, 1):
        figure.add_scatter(x=[px], y=[py], mode="markers", marker=cross, hoverinfo="skip", row=row, col=1)


def outputs(dense: np.ndarray, conv: np.ndarray, before: np.ndarray | None = None) -> go.Figure:
    """Scores of both layers, a pair of bars a label; `before` as lines across, if something has moved."""
    labels = np.arange(len(dense))
    figure = go.Figure()
    for name, values, colour in (("dense", dense, DENSE), ("convolution", conv, CONV)):
        hover = f"{name}, label %{{x}}<br>score %{{y:.4f}}<extra></extra>"
        figure.add_bar(x=labels, y=values, name=name, marker_color=colour, hovertemplate=hover)
    if before is not None:
        line = {"symbol": "line-ew", "size": 22, "line": {"width": 3, "color": MARK}}
        figure.add_scatter(x=labels, y=before, mode="markers", marker=line, name="before")
    axis = {"fixedrange": True, "automargin": True}
    figure.update_layout(
        height=260, margin={"l": 1, "r": 1, "t": 1, "b": 1}, dragmode=False, plot_bgcolor=_CLEAR,
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={**axis, "title": "label", "dtick": 1}, yaxis={**axis, "title": "score"},
    )  # fmt: skip
    return figure


# --- maps


def outlined(figure: go.Figure, height: int | None = None) -> go.Figure:
    """Frame what a figure shows, by a rectangle: the axes' own lines stay where the axes could have been."""
    (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
    figure.update_xaxes(showline=False).update_yaxes(showline=False)
    line = {"color": FRAME, "width": 1}
    figure.add_shape(type="rect", x0=left, x1=right, y0=bottom, y1=top, line=line, layer="below")
    return figure.update_layout(height=height) if height else figure


def cells(figure: go.Figure, text: Sequence[str], width: int, start: float) -> None:
    """Make the cells of a map clickable: `customdata` is (x, y) of the cell.

    Args:
        figure: is changed.
        text: what each cell says on hover, row by row.
        width: cells in a row.
        start: of the centre of cell 0, on both axes.
    """
    y, x = np.divmod(np.arange(len(text)), width)
    figure.add_scatter(
        x=start + x, y=start + y, customdata=np.stack([x, y], 1).tolist(), text=text,
        hovertemplate="cell %{customdata[0]}, %{customdata[1]}<br>%{text}<extra></extra>", **_invisible(),
    )  # fmt: skip


def ink(pixels: np.ndarray) -> go.Figure:
    """A canvas of digits, white ink on black."""
    h, w = pixels.shape
    trace = go.Heatmap(
        z=pixels, zmin=0, zmax=1, colorscale=[(0, "#000000"), (1, "#ffffff")], showscale=False,
        hovertemplate="x %{x}, y %{y}<br>ink %{z:.2f}<extra></extra>",
    )  # fmt: skip
    return framed(go.Figure(trace), Extent.of((w, h)))


#: One colour a digit, told apart in both themes; the digit itself is written on hover and in small maps.
_TEN = ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f",
        "#8a94a0")  # fmt: skip


def answers(digits: np.ndarray, start: float, shows: Extent) -> go.Figure:
    """The best digit of every window, a colour each; cells without an answer (−1) are left empty."""
    h, w = digits.shape
    trace = _ten(digits, x=start + np.arange(w), y=start + np.arange(h), labelled=w <= 20)
    return framed(go.Figure(trace), shows)


def ten_colours() -> go.Figure:
    """The legend of `answers`."""
    figure = framed(go.Figure(_ten(np.arange(10)[None], np.arange(10), [0], labelled=True)),
                    Extent(-0.5, -0.5, 9.5, 0.5), 30)  # fmt: skip
    return figure.update_xaxes(showline=False).update_yaxes(showline=False)


def _ten(digits: np.ndarray, x: Any, y: Any, *, labelled: bool) -> go.Heatmap:
    steps = [(edge, colour) for i, colour in enumerate(_TEN) for edge in (i / 10, (i + 1) / 10)]
    text = [["" if d < 0 else str(d) for d in row] for row in digits]
    return go.Heatmap(
        z=np.where(digits < 0, np.nan, digits).astype(np.float32), x=x, y=y, zmin=-0.5, zmax=9.5,
        colorscale=steps, showscale=False, text=text, texttemplate="%{text}" if labelled else None,
        textfont={"size": 14, "color": "#101418"}, hoverinfo="skip",
    )  # fmt: skip


def heat(figure: go.Figure, values: np.ndarray, scale: Scale, start: float, step: float) -> go.Figure:
    """Lay a coarse map over a picture; cells are see-through, their value is on hover."""
    h, w = values.shape
    low, high = (f"{v:.3g}" for v in (scale.low, scale.high))
    figure.add_heatmap(
        z=values.astype(np.float32), x=start + step * np.arange(w), y=start + step * np.arange(h),
        opacity=0.72, zmin=scale.low, zmax=scale.high, colorscale=colorscale(scale.cmap), showscale=False,
        hovertemplate=f"probability %{{z:.3f}} (colours: {low} to {high})<extra></extra>",
    )  # fmt: skip
    return figure


# --- sizes and times


def windows(side: int, grid: int, window: int, stride: int) -> go.Figure:
    """A square input to scale, with the centres of its windows, and the first, second and last window."""
    centres = (window - 1) / 2 + stride * np.arange(grid)
    x, y = (v.ravel() for v in np.meshgrid(centres, centres))
    marker = {"size": 7, "color": CONV}
    figure = go.Figure(go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip"))
    framed(figure, Extent(-0.5, -0.5, side - 0.5, side - 0.5), height=300)
    last = stride * (grid - 1)
    spots = {(0, 0): "solid", (min(stride, last), 0): "dash", (last, last): "dot"}
    edge = window - 0.5
    add_boxes(figure, [Box(x - 0.5, y - 0.5, x + edge, y + edge, dash) for (x, y), dash in spots.items()])
    return outlined(figure)


def shares(sizes: dict[str, int]) -> go.Figure:
    """Where a network's parameters are: one bar, a piece a part."""
    figure, total = go.Figure(), sum(sizes.values())
    colours = (FRAME, DENSE, "#e3a567", "#eec9a3")
    for (name, count), colour in zip(sizes.items(), colours, strict=True):
        share = 100 * count / total
        figure.add_bar(
            x=[count], y=[""], orientation="h", name=name, marker_color=colour,
            text=f"{name}<br>{share:.0f} %" if share > 8 else "", textposition="inside",
            insidetextanchor="middle",
            textfont={"color": "#101418", "size": 14}, textangle=0,
            hovertemplate=f"{name}: {count:,} parameters, {share:.1f} %<extra></extra>",
        )  # fmt: skip
    hidden = {**_QUIET, "showticklabels": False, "visible": False}
    figure.update_layout(
        barmode="stack", height=84, margin={"l": 1, "r": 1, "t": 1, "b": 1}, showlegend=False, dragmode=False,
        plot_bgcolor=_CLEAR, xaxis={**hidden, "range": (0, total)}, yaxis=hidden,
    )  # fmt: skip
    return figure


def times(laps: Sequence[Lap]) -> go.Figure:
    """Milliseconds of both ways against the number of windows."""
    count = [lap.windows for lap in laps]
    ways = (
        ("crop by crop", [1000 * lap.crops for lap in laps], DENSE),
        ("one pass", [1000 * lap.one_pass for lap in laps], CONV),
    )
    figure = go.Figure()
    for name, values, colour in ways:
        figure.add_scatter(
            x=count, y=values, name=name, mode="lines+markers", line={"color": colour, "width": 3},
            marker={"size": 9}, hovertemplate=f"{name}, %{{x}} windows<br>%{{y:,.3g}} ms<extra></extra>",
        )  # fmt: skip
    axis = {"fixedrange": True, "automargin": True, "rangemode": "tozero"}
    figure.update_layout(
        height=330, margin={"l": 1, "r": 1, "t": 1, "b": 1}, dragmode=False, plot_bgcolor=_CLEAR,
        legend={"orientation": "h", "y": 1.1, "x": 0},
        xaxis={**axis, "title": "windows"}, yaxis={**axis, "title": "ms"},
    )  # fmt: skip
    return figure


def progress(accuracies: Sequence[float], epochs: int) -> go.Figure:
    """Test accuracy after each epoch, in percent."""
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(accuracies) + 1)), y=[100 * a for a in accuracies], mode="lines+markers",
            line={"color": CONV, "width": 3}, hovertemplate="epoch %{x}<br>%{y:.1f} %<extra></extra>",
        )
    )  # fmt: skip
    axis = {"fixedrange": True, "automargin": True}
    figure.update_layout(
        height=220, margin={"l": 1, "r": 1, "t": 1, "b": 1}, dragmode=False, plot_bgcolor=_CLEAR,
        xaxis={**axis, "title": "epoch", "range": (0.5, epochs + 0.5)},
        yaxis={**axis, "title": "test accuracy, %", "range": (0, 102)},
    )  # fmt: skip
    return figure
