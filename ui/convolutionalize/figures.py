"""Figures of the Convolutionalize page, from plain arrays."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fcnviz import render
from fcnviz.lessons.convolutionalize.crop_timing import Timing
from fcnviz.render import Scale
from ui.components.grids import Pick
from ui.figures import theme
from ui.figures.grids import Layer, Panel, Values, coarse
from ui.figures.marks import Box, Dots, Line, Numbers, Ring
from ui.figures.numbers import signed
from ui.figures.pictures import Extent
from ui.figures.theme import BLUE, FRAME, INK

#: Colours of the dense layer and of the convolution, everywhere on the page.
DENSE, CONV = "#d9822b", BLUE
#: Opacity of the classifier's heatmap over the photo.
HEATMAP_OPACITY = 0.72


def matrix_and_kernel(weights: np.ndarray, label: int, column: int) -> Panel:
    """Draw the matrix of a dense layer, and below it one of its rows as the kernel of a convolution.

    Each channel of the kernel is a tile below the columns that hold its weights; every weight can be clicked.

    Args:
        weights: The weights, (labels, C, H, W) float.
        label: The row of the weight that is marked in both places.
        column: The column of that weight.
    """
    labels, c, h, w = weights.shape
    piece, scale, row = _WIDE / c, Scale.diverging(weights), _MATRIX / labels
    channel, y, x = (int(i) for i in np.unravel_index(column, (c, h, w)))
    matrix = _matrix(weights, scale)
    tiles = _tiles(weights[label], label, scale)
    edges = (channel * piece, (channel + 1) * piece)
    cell = piece / (w + 1)
    rings = (
        Ring((column + 0.5) * _WIDE / (c * h * w), (label + 0.5) * row, 0.8),
        Ring(edges[0] + (x + 1) * cell, tiles.where.top + (y + 0.5) * tiles.where.height / h, 0.8),
    )
    leaders = (Line(((edge, (label + 1) * row), (edge, tiles.where.top)), "dot") for edge in edges)
    return Panel(
        shows=Extent(-0.2, -0.2, _WIDE + 0.2, tiles.where.bottom + 0.2),
        layers=(matrix, tiles),
        title=f"The matrix, and row {label} as a kernel",
        marks=(Box(0, label * row, _WIDE, (label + 1) * row), *leaders, *rings),
        key="weight",
        selected=(label, column),
    )


#: Width and height of the matrix, and the place of the tiles below it, in units of the drawing.
_WIDE, _MATRIX, _TILES = 100.0, 19.0, (23.0, 35.0)


def _matrix(weights: np.ndarray, scale: Scale) -> Layer:
    labels, c, h, w = weights.shape
    values = weights.reshape(labels, -1)
    places = np.ndindex(c, h, w)
    columns = [f"column {i} = channel {k}, y {y}, x {x}" for i, (k, y, x) in enumerate(places)]
    reads = Values(values, "weight", 3, [f"row {i}" for i in range(labels)], columns)
    return coarse(values, scale, Extent(0, 0, _WIDE, _MATRIX), reads=reads)


def _tiles(kernel: np.ndarray, label: int, scale: Scale) -> Layer:
    """Draw a kernel's channels, (C, H, W), side by side, one cell apart."""
    c, h, w = kernel.shape
    values = np.pad(kernel, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    values = values.transpose(1, 0, 2).reshape(h, -1)
    columns = [f"channel {k}, x {x}" for k in range(c) for x in range(w + 1)]
    reads = Values(values, "weight", 3, [f"kernel {label}, y {y}" for y in range(h)], columns)
    half = _WIDE / c / (w + 1) / 2
    where = Extent(half, _TILES[0], _WIDE + half, _TILES[1])
    return coarse(values, scale, where, reads=reads, lines=False)


def weight_at(pick: Pick, shape: tuple[int, ...], label: int) -> tuple[int, int]:
    """Return the row and the column, in the matrix, of a weight that was clicked.

    Args:
        pick: The clicked cell of `matrix_and_kernel`.
        shape: (C, H, W).
        label: The row that is drawn as a kernel.
    """
    _, h, w = shape
    if pick.layer == 0:
        return pick.row, pick.column
    channel, x = divmod(pick.column, w + 1)
    return label, (channel * h + pick.row) * w + x


def label_scores(dense: np.ndarray, conv: np.ndarray, before: np.ndarray | None = None) -> Panel:
    """Write the scores of both layers one below the other, and earlier ones (if any) above them.

    Args:
        dense: scores of the dense layer, (labels,).
        conv: scores of the convolution, (labels,).
        before: scores before a weight was moved, (labels,).
    """
    rows = {} if before is None else {"before": before}
    rows |= {"dense": dense, "convolution": conv}
    values, columns = np.stack(list(rows.values())), [f"{i}" for i in range(len(dense))]
    scale = Scale.diverging(values)
    layer = coarse(values, scale, reads=Values(values, "score", 4, list(rows), columns))
    texts = np.vectorize(lambda v: signed(v, 2), otypes=[object])(values)
    numbers = Numbers.on(values, scale, layer.where, texts)
    return Panel(
        title="Score of each class",
        shows=layer.where,
        layers=(layer,),
        marks=(numbers,),
        rows=list(rows),
        columns=columns,
    )


# --- maps


def digit_canvas(pixels: np.ndarray) -> Layer:
    """Draw a canvas of digits, (H, W), 0 … 1, as white ink on black."""
    return coarse(pixels, Scale(0, 1, "gray"), reads=Values(pixels, "ink", 2), lines=False)


#: Colours of the ten digits, which differ in both themes.
TEN = (
    *("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f"),
    *("#edc948", "#b07aa1", "#ff9da7", "#9c755f", FRAME),
)


def best_digits(digits: np.ndarray, where: Extent) -> Layer:
    """Draw the best digit of every window in its colour; windows without an answer (−1) are left empty."""
    h, w = digits.shape
    colours = np.array([[*bytes.fromhex(colour[1:]), 255] for colour in TEN] + [[0, 0, 0, 0]], np.uint8)
    says = ["no digit" if d < 0 else f"best digit {d}" for d in digits.flat]
    reads = Values(np.where(digits < 0, np.nan, digits), "", 0, texts=says)
    return Layer(render.to_png(colours[digits]), where, cells=(w, h), reads=reads)


def digit_names(digits: np.ndarray, where: Extent) -> tuple[Numbers, ...]:
    """Write the best digits into their cells, if there is room."""
    if digits.shape[1] > 20:
        return ()
    texts = np.array([["" if d < 0 else str(d) for d in row] for row in digits], object)
    return (Numbers(where, texts, np.full(digits.shape, INK, object)),)


# --- sizes and times


def window_places(side: int, grid: int, window: int, stride: int) -> Panel:
    """Draw a square input, the centres of its windows, and the first, the second and the last window."""
    centres = [(window - 1) / 2 + stride * i for i in range(grid)]
    last = stride * (grid - 1)
    spots = {(0, 0): "solid", (min(stride, last), 0): "dash", (last, last): "dot"}
    edge = window - 0.5
    boxes = (Box(x - 0.5, y - 0.5, x + edge, y + edge, dash) for (x, y), dash in spots.items())
    dots = Dots(tuple((x, y) for y in centres for x in centres), CONV)
    title = f"The windows of {side} × {side}"
    return Panel(shows=Extent.of((side, side)), title=title, marks=(dots, *boxes), tall=300)


def parameter_shares(sizes: dict[str, int]) -> go.Figure:
    """Draw a network's parameters as one bar, with one piece for each part of the network."""
    figure, total = go.Figure(), sum(sizes.values())
    colours = (FRAME, DENSE, "#e3a567", "#eec9a3")
    for (name, count), colour in zip(sizes.items(), colours, strict=True):
        share = 100 * count / total
        hover = f"{name}: {count:,} parameters, {share:.1f} %<extra></extra>"
        text = f"{name}<br>{share:.0f} %" if share > 8 else ""
        figure.add_bar(x=[count], y=[""], name=name, text=text, marker_color=colour, hovertemplate=hover)
    figure.update_traces(textposition="inside", insidetextanchor="middle", textangle=0, orientation="h")
    figure.update_traces(textfont={"color": INK, "size": 14})
    theme.bare(figure, barmode="stack", height=84).update_yaxes(visible=False)
    return figure.update_xaxes(range=(0, total), visible=False)


def race_times(laps: Sequence[Timing]) -> go.Figure:
    """Plot the milliseconds of both ways against the number of windows."""
    count = [lap.windows for lap in laps]
    ways = (
        ("crop by crop", [1000 * lap.crops for lap in laps], DENSE),
        ("one pass", [1000 * lap.one_pass for lap in laps], CONV),
    )
    figure = go.Figure()
    for name, values, colour in ways:
        hover = f"{name}, %{{x}} windows<br>%{{y:,.3g}} ms<extra></extra>"
        look = {"line": {"color": colour, "width": 3}, "marker": {"size": 9}, "hovertemplate": hover}
        figure.add_scatter(x=count, y=values, name=name, mode="lines+markers", **look)
    theme.chart(figure, height=330, legend={"orientation": "h", "y": 1.1, "x": 0})
    figure.update_xaxes(title="windows", rangemode="tozero")
    return figure.update_yaxes(title="ms", rangemode="tozero")


def accuracy_by_epoch(accuracies: Sequence[float], epochs: int) -> go.Figure:
    """Plot the test accuracy after each epoch, in percent."""
    x, y = list(range(1, len(accuracies) + 1)), [100 * a for a in accuracies]
    look = {"line": {"color": CONV, "width": 3}, "hovertemplate": "epoch %{x}<br>%{y:.1f} %<extra></extra>"}
    figure = theme.chart(go.Figure(go.Scatter(x=x, y=y, mode="lines+markers", **look)), height=220)
    figure.update_xaxes(title="epoch", range=(0.5, epochs + 0.5))
    return figure.update_yaxes(title="test accuracy, %", range=(0, 102))
