"""Grids, heatmaps, matrices and kernels as data: panels in a row, for the page and for files.

Each panel shows a part of a plane whose unit is a pixel of the photo, or a cell of a map. Centres are
integers: W pixels span −0.5 … W − 0.5. No Streamlit here.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fcnviz import render
from fcnviz.render import Scale
from ui.figures.marks import Mark, rectangle
from ui.figures.numbers import fixed
from ui.figures.pictures import Extent, data_uri
from ui.figures.theme import FRAME

if TYPE_CHECKING:
    import pandas as pd

#: Grids with more cells on a side than this get no lines between the cells: they would hide the colours.
MOST_LINES = 32


@dataclass(frozen=True, eq=False)
class Values:
    """The numbers behind a coarse map's cells, which a pointer over it reads.

    Attributes:
        values: (h, w); a cell of NaN has nothing to read.
        unit: what a value is, such as "score".
        digits: digits after the point.
        rows: names of the rows; without them, a cell is named by its place.
        columns: names of the columns.
        texts: what is read instead of the value, one text per cell, row by row.
    """

    values: np.ndarray
    unit: str = "value"
    digits: int = 3
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    texts: Sequence[str] = ()

    def sent(self) -> dict[str, Any]:
        """Pack it for the browser: two bytes per value, in 65,534 equal steps of their own range."""
        low, steps = _quantised(self.values)
        says = {"unit": self.unit, "digits": self.digits, "texts": list(self.texts)}
        says |= {"rows": list(self.rows), "columns": list(self.columns), "shape": self.values.shape}
        return {**says, "low": low[0], "step": low[1], "data": base64.b64encode(steps.tobytes()).decode()}

    def tabulated(self) -> pd.DataFrame:
        """The numbers, with the names of rows and columns if they have any."""
        import pandas as pd  # here, not above: it takes a while

        return pd.DataFrame(self.values, list(self.rows) or None, list(self.columns) or None)


#: The step that stands for NaN.
_NOTHING = 65535


def _quantised(values: np.ndarray) -> tuple[tuple[float, float], np.ndarray]:
    """Return the lowest value and the size of a step, and each value's number of steps, (h, w) uint16."""
    missing = np.isnan(values)
    there = values[~missing]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    step = (high - low) / (_NOTHING - 1) or 1.0
    steps = np.rint((np.where(missing, low, values) - low) / step)
    return (low, step), np.where(missing, _NOTHING, steps).astype("<u2")


@dataclass(frozen=True)
class Colours:
    """A large map whose values the pointer reads from its colours: a PNG of `render.heatmap_png`.

    Attributes:
        scale: the scale of its colours.
        unit: what a value is.
        digits: digits after the point.
    """

    scale: Scale
    unit: str
    digits: int = 2

    def sent(self) -> dict[str, Any]:
        """Pack it for the browser."""
        ends = {"low": self.scale.low, "high": self.scale.high, "colours": _palette(self.scale.cmap)}
        return {**ends, "unit": self.unit, "digits": self.digits}


@functools.cache
def _palette(cmap: str) -> str:
    """The 64 colours of `render.heatmap_png`, 3 bytes each."""
    return base64.b64encode(render.colours(cmap, render.LEVELS).tobytes()).decode()


@dataclass(frozen=True, eq=False)
class Layer:
    """An image on a picture.

    Attributes:
        image: PNG, JPEG or WebP.
        where: the rectangle of the plane that it covers.
        opacity: opacity, 0…1.
        cells: (columns, rows) of a coarse map, whose pixels are drawn as flat cells; None for a smooth image.
        lines: whether lines are drawn between the cells.
        reads: what a pointer over it reads.
        rest: whether it is what a spotlight leaves out: a slide paints it in the theme's grey.
    """

    image: bytes
    where: Extent
    opacity: float = 1.0
    cells: tuple[int, int] | None = None
    lines: bool = True
    reads: Values | Colours | None = None
    rest: bool = False

    def css(self, shows: Extent) -> str:
        """Position and opacity as CSS, on a picture that shows this rectangle."""
        w, h, at = shows.width, shows.height, self.where
        left, top = 100 * (at.left - shows.left) / w, 100 * (at.top - shows.top) / h
        width, height = 100 * at.width / w, 100 * at.height / h
        box = f"left:{left:.4f}%;top:{top:.4f}%;width:{width:.4f}%;height:{height:.4f}%"
        return f"{box};opacity:{self.opacity:g}"

    @property
    def grid_path(self) -> str:
        """SVG path of the lines between the cells; empty if there are none."""
        columns, rows = self.cells or (0, 0)
        if not self.lines or max(columns, rows) > MOST_LINES:
            return ""
        at = self.where
        x = np.linspace(at.left, at.right, columns + 1)[1:-1]
        y = np.linspace(at.top, at.bottom, rows + 1)[1:-1]
        vertical = [f"M{v:g} {at.top:g}V{at.bottom:g}" for v in x]
        return "".join(vertical + [f"M{at.left:g} {v:g}H{at.right:g}" for v in y])

    @property
    def svg(self) -> str:
        """The image in an SVG."""
        at, flat = self.where, "image-rendering:pixelated" if self.cells else ""
        place = f'x="{at.left:g}" y="{at.top:g}" width="{at.width:g}" height="{at.height:g}"'
        look = f'preserveAspectRatio="none" opacity="{self.opacity:g}" style="{flat}"'
        return f'<image {place} {look} href="{data_uri(self.image)}"/>'


def coarse(
    values: np.ndarray,
    scale: Scale,
    where: Extent | None = None,
    opacity: float = 1.0,
    reads: Values | None = None,
    lines: bool = True,
) -> Layer:
    """Paint a coarse map as flat cells.

    Args:
        values: the map, (h, w); cells of NaN stay empty.
        scale: the colours.
        where: the rectangle that it covers; by default, a cell is 1 × 1.
        opacity: opacity, 0…1.
        reads: what a pointer over it reads; by default the values.
        lines: whether lines are drawn between its cells, if they are few.
    """
    h, w = values.shape
    painted, missing = render.heatmap(values, scale), np.isnan(values)
    if missing.any():
        painted = np.dstack([painted, np.where(missing, 0, 255).astype(np.uint8)])
    image = render.to_png(painted)
    return Layer(image, where or Extent.of((w, h)), opacity, (w, h), lines, reads or Values(values))


@dataclass(frozen=True)
class Bar:
    """A colour bar.

    Attributes:
        what: the quantity and its unit.
        scale: its colours and its ends.
        digits: number of digits after the point, at its ends.
    """

    what: str
    scale: Scale
    digits: int = 2

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at its ends."""
        return fixed(self.scale.low, self.digits), fixed(self.scale.high, self.digits)

    @property
    def image(self) -> str:
        """The colours from low to high, as a data URI."""
        return _bar_image(self.scale.cmap)

    def sent(self) -> dict[str, Any]:
        """Pack it for the browser."""
        return {"what": self.what, "ends": self.ends, "image": self.image}


@functools.cache
def _bar_image(cmap: str) -> str:
    return data_uri(render.to_png(render.colorbar(cmap, 128, 1)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """One picture of a row.

    Attributes:
        shows: the rectangle that is visible.
        layers: its layers, the lowest first.
        title: text above it.
        caption: text below it.
        marks: what is drawn on it.
        bar: the colour bar of its values.
        rows: names of the rows of equal height that it consists of, written beside it.
        columns: names of its columns, written above it; if they are long and many, upright.
        below: whether the columns' names stand below it.
        sign: a sign before it, such as "+".
        span: how many columns of the row it takes.
        tall: its largest height in CSS pixels.
        key: name by which its clicks are told apart; "" if it cannot be clicked.
        selected: (row, column) of the cell of its first layer with values where arrow keys begin.
    """

    shows: Extent
    layers: tuple[Layer, ...] = ()
    title: str = ""
    caption: str = ""
    marks: tuple[Mark, ...] = ()
    bar: Bar | None = None
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    below: bool = False
    sign: str = ""
    span: int = 1
    tall: int = 380
    key: str = ""
    selected: tuple[int, int] = (0, 0)

    @property
    def overlay(self) -> str:
        """The lines between cells and the marks, as the content of an SVG."""
        look = 'class="lines" fill="none" vector-effect="non-scaling-stroke"'
        look += ' style="stroke:var(--st-background-color,#fff)"'
        lines = "".join(f'<path d="{layer.grid_path}" {look}/>' for layer in self.layers if layer.grid_path)
        return lines + "".join(mark.svg(self.shows) for mark in self.marks)

    @property
    def values(self) -> Values | None:
        """The numbers of its first layer that has any."""
        return next((layer.reads for layer in self.layers if isinstance(layer.reads, Values)), None)

    def sent(self) -> dict[str, Any]:
        """Pack it for the browser."""
        at = self.shows
        return {
            "title": self.title,
            "caption": self.caption,
            "view": [at.left, at.top, at.width, at.height],
            "layers": [self._layer(layer) for layer in self.layers],
            "overlay": self.overlay,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "below": self.below,
            "sign": self.sign,
            "span": self.span,
            "tall": self.tall,
            "key": self.key,
            "selected": self.selected,
        }

    def _layer(self, layer: Layer) -> dict[str, Any]:
        at = layer.where
        drawn = {
            "image": data_uri(layer.image),
            "css": layer.css(self.shows),
            "flat": layer.cells is not None,
        }
        if layer.reads is None:
            return drawn
        return {**drawn, "where": [at.left, at.top, at.width, at.height], "reads": layer.reads.sent()}


@dataclass(frozen=True, eq=False)
class Row:
    """Panels side by side, in columns of equal width.

    Attributes:
        panels: the panels.
        columns: number of columns; by default, all panels stand in one line.
        least: least width of a column in CSS pixels: on a narrow screen there are fewer.
        legend: (name, colour) of what the panels show.
    """

    panels: tuple[Panel, ...]
    columns: int = 0
    least: int = 150
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def bars(self) -> list[Bar]:
        """The panels' colour bars, each once."""
        return list(dict.fromkeys(panel.bar for panel in self.panels if panel.bar))

    def sent(self) -> dict[str, Any]:
        """Pack it for the browser, as JSON."""
        return {
            "panels": [panel.sent() for panel in self.panels],
            "bars": [bar.sent() for bar in self.bars],
            "columns": self.columns or sum(panel.span for panel in self.panels),
            "least": self.least,
            "legend": self.legend,
        }


# --- as a file

#: Width of a panel in a file, in px; its height follows.
_WIDE = 900
_LINE = 28
_Anchor = Literal["start", "middle", "end"]


def svg(panel: Panel) -> bytes:
    """Draw a panel as an SVG file that needs nothing else, with title, names, colour bar and caption."""
    at = panel.shows
    tall = _WIDE * at.height / at.width
    left = 9.0 * max(map(len, panel.rows), default=0)
    top = _LINE * bool(panel.title) + 9.0 * max(map(len, () if panel.below else panel.columns), default=0)
    view = f'viewBox="{at.left:g} {at.top:g} {at.width:g} {at.height:g}" preserveAspectRatio="none"'
    frame = rectangle(at, f'fill="none" stroke="{FRAME}" vector-effect="non-scaling-stroke"')
    drawn = "".join(layer.svg for layer in panel.layers) + panel.overlay + frame
    parts = [
        _text(0, 20, panel.title, "start", 'font-weight="600"'),
        f'<svg x="{left:g}" y="{top:g}" width="{_WIDE}" height="{tall:.6g}" {view}>{drawn}</svg>',
        *_names(panel, left, top, tall),
    ]
    below = top + tall + _LINE * (1 + panel.below)
    parts += [_text(0, below, panel.caption, "start"), *_bar(panel.bar, below + _LINE)]
    size = f'width="{left + _WIDE:g}" height="{below + 2 * _LINE:.6g}"'
    look = "font-family:sans-serif;font-size:18px;background:#fff"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{look}">'
    return f"{head}{''.join(parts)}</svg>".encode()


def _text(x: float, y: float, text: str, anchor: _Anchor, look: str = "") -> str:
    words = escape(text.replace("\n", " "))
    return f'<text x="{x:.6g}" y="{y:.6g}" text-anchor="{anchor}" {look}>{words}</text>'


def _names(panel: Panel, left: float, top: float, tall: float) -> list[str]:
    """Write the names of rows and columns around the picture, whose corner is at (left, top)."""
    found = []
    for i, name in enumerate(panel.rows):
        found.append(_text(left - 6, top + (i + 0.5) * tall / len(panel.rows) + 6, name, "end"))
    for i, name in enumerate(panel.columns):
        x = left + (i + 0.5) * _WIDE / len(panel.columns)
        if panel.below:
            found.append(_text(x, top + tall + 20, name, "middle"))
        else:
            turn = f'transform="rotate(-90 {x + 6:g} {top - 6:g})"'
            found.append(_text(x + 6, top - 6, name, "start", turn))
    return found


def _bar(bar: Bar | None, y: float) -> list[str]:
    if bar is None:
        return []
    low, high = bar.ends
    start = 11.0 * len(f"{bar.what}: {low}")
    place = f'x="{start:g}" y="{y - 14:g}" width="160" height="16" preserveAspectRatio="none"'
    image = f'<image {place} href="{bar.image}"/>'
    return [_text(0, y, f"{bar.what}: {low}", "start"), image, _text(start + 170, y, high, "start")]
