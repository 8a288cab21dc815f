"""Figures of the Upsampling page, from plain arrays: small maps with numbers, stamps, and the loss."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from fcnviz.render import Scale
from ui.figures import theme
from ui.figures.grids import Layer, Panel, coarse
from ui.figures.marks import Box, Empty, Mark, Numbers, Shade
from ui.figures.numbers import short
from ui.figures.pictures import Extent
from ui.figures.theme import MARK

#: Largest height of a row of cells in CSS pixels.
ROW = 52


def cell_colours(*arrays: np.ndarray) -> Scale:
    """Return the colours for small grids: from zero up, or around zero if there are negative numbers."""
    there = [a[~np.isnan(a)] for a in arrays if not np.isnan(a).all()]
    if min(float(np.min(a)) for a in there) < 0:
        return Scale.diverging(*there)
    return Scale(0.0, max(float(np.max(a)) for a in there) or 1.0)


def number_grid(
    values: np.ndarray,
    colours: Scale,
    *,
    marks: Sequence[Mark] = (),
    cut: int = 0,
    columns: int = 0,
    hatched: bool = True,
    **panel: Any,
) -> Panel:
    """Draw a small map, with its numbers in the cells if they fit.

    Args:
        values: The map, (h, w); cells of NaN, such as zeros that are put in, stay empty.
        colours: The colours of the cells.
        marks: What is drawn on it, in cells.
        cut: How many rows and columns the padding removes on each side; they are greyed out.
        columns: The least number of columns to make room for: panels above each other have equal cells.
        hatched: Whether cells of NaN are hatched, as zeros that are put in.
        panel: Further arguments of `Panel`.
    """
    h, w = values.shape
    numbers = [_numbers([(values, colours)])] if max(h, w) <= 14 else []
    empty = [Empty(Extent.of((w, h)), np.isnan(values), hatched)]
    drawn: tuple[Mark, ...] = (*empty, *numbers, *_cut_edges(h, w, cut), *marks)
    layer = coarse(values, colours, lines=max(h, w) <= 30)
    return Panel(shows=Extent.of((max(w, columns), h)), layers=(layer,), marks=drawn, **panel)


def _numbers(layers: Sequence[tuple[np.ndarray, Scale]]) -> Numbers:
    """Write the numbers of all layers into their cells, in one size.

    Args:
        layers: Values (h, w), NaN where a layer has no cell, and their colours. No two layers share a cell.
    """
    shape = layers[0][0].shape
    texts, written = np.full(shape, "", object), np.full(shape, "#000", object)
    for values, colours in layers:
        there = ~np.isnan(values)
        texts[there] = [short(v) for v in values[there]]
        written[there] = Numbers.readable(values, colours)[there]
    return Numbers(Extent.cells(shape), texts, written)


def _cut_edges(h: int, w: int, cut: int) -> list[Shade]:
    if not cut:
        return []
    left, top, right, bottom = -0.5, -0.5, w - 0.5, h - 0.5
    return [
        Shade(left, top, right, top + cut),
        Shade(left, bottom - cut, right, bottom),
        Shade(left, top + cut, left + cut, bottom - cut),
        Shade(right - cut, top + cut, right, bottom - cut),
    ]


def cell_box(start: Sequence[int], size: Sequence[int], dash: str = "solid") -> Box:
    """Return a box around cells: `start` is the (row, column) of the first, `size` is (rows, columns)."""
    return Box.at(Extent.cells(tuple(size), (start[1], start[0])), dash)


def slide_sheet(wide: np.ndarray, flipped: np.ndarray, output: np.ndarray, *, step: int) -> Panel:
    """Draw a 1-D convolution: the padded input, the flipped kernel below its window, and the output below it.

    Args:
        wide: The padded input, (n,), NaN where zeros are put in.
        flipped: The flipped kernel, (k,).
        output: The output, (n − k + 1,), NaN where it is not computed yet; each cell lies below its window.
        step: How many output cells are done; the window of the last of them is marked.
    """
    now, k = max(step - 1, 0), len(flipped)
    colours = cell_colours(wide, output)
    drawn = (
        (wide, colours, (0.0, 0.0), True),
        (flipped, cell_colours(flipped), (float(now), 1.0), True),
        (output, colours, ((k - 1) / 2, 2.0), False),
    )
    layers: list[Layer] = []
    marks: list[Mark] = []
    for values, scale, start, hatched in drawn:
        row, where = values[None], Extent.cells((1, len(values)), start)
        layers.append(coarse(row, scale, where))
        marks += [Empty(where, np.isnan(row), hatched), replace(_numbers([(row, scale)]), where=where)]
    boxes = [cell_box((0, now), (2, k)), _cell_at(now + (k - 1) / 2, 2)] if step else []
    return Panel(
        shows=Extent.cells((3, len(wide))),
        layers=tuple(layers),
        marks=(*marks, *boxes),
        title="The flipped kernel over the padded input",
        rows=("padded input", "flipped kernel", "output"),
        tall=ROW * 3,
    )


def _cell_at(x: float, y: float) -> Box:
    return Box.at(Extent.cells((1, 1), (x, y)), "dot")


def stamp_sheet(
    x: np.ndarray, kernel: np.ndarray, stride: int, pad: int, *, step: int | None, cell: int
) -> Panel:
    """Draw a 1-D transposed convolution as a sheet of cells: one row per stamp, and their sum below.

    Args:
        x: The input, (n,), drawn as the column on the left.
        kernel: The kernel, (k,), drawn on top at the place of the current stamp.
        stride: The number of columns from one stamp to the next.
        pad: The number of columns that are cut off at both ends of the sum.
        step: How many stamps are done; the last of them is marked. None: all, and none is marked.
        cell: The output cell whose column is marked.
    """
    n, k = len(x), len(kernel)
    width = (n - 1) * stride + k
    sheet = np.full((n + 2, width + 2), np.nan)  # kernel, stamps, sum; input and a gap on the left
    sheet[1 : n + 1, 0] = x
    done, now = n if step is None else step, max((step or 0) - 1, 0)
    first = int(step is None)  # without a current stamp there is no row for the kernel
    above = np.full_like(sheet, np.nan)  # the kernel has its own colours
    if step is not None:
        above[0, 2 + now * stride :][:k] = kernel
    for i in range(done):
        sheet[1 + i, 2 + i * stride :][:k] = x[i] * kernel
    sheet[n + 1, 2:] = np.nan_to_num(sheet[1 : n + 1, 2:]).sum(0)
    layers = [(sheet, cell_colours(x, np.outer(x, kernel), sheet[n + 1, 2:])), (above, cell_colours(kernel))]
    boxes = [cell_box((1, 2 + pad + cell), (n + 1, 1), "dot")]
    if step:
        boxes += [cell_box((1 + now, 2 + now * stride), (1, k)), cell_box((1 + now, 0), (1, 1))]
    cut = [Shade(left, 0.5, left + pad, n + 1.5) for left in (1.5, width + 1.5 - pad) if pad]
    return Panel(
        shows=Extent(-0.5, first - 0.5, width + 1.5, n + 1.5),
        layers=tuple(coarse(values, colours) for values, colours in layers),
        marks=(_numbers(layers), *cut, *boxes),
        title="Each input value times the kernel, and the sum",
        rows=("kernel", *(f"x[{i}]" for i in range(n)), "output")[first:],
        columns=("input", "", *[""] * pad, *map(str, range(width - 2 * pad)), *[""] * pad),
        below=True,
        tall=ROW * (n + 2 - first),
    )


def loss_curve(losses: Sequence[tuple[int, float]], steps: int) -> go.Figure:
    """Plot the loss against the step; the axis of steps does not move during learning."""
    x, y = zip(*losses, strict=True)
    look = {"mode": "lines+markers" if len(x) == 1 else "lines", "line": {"color": MARK, "width": 3}}
    figure = theme.chart(go.Figure(go.Scatter(x=x, y=y, **look)), height=260, margin_r=8, margin_t=8)
    figure.update_xaxes(title="step", range=(0, steps), showgrid=False)
    return figure.update_yaxes(title="loss", range=(0, 1.05 * max(y)), nticks=5)
