"""A lecture's slide as data, and its figure as HTML, for the page and for the saved file. No Streamlit here.

Pictures are in pixels of the photo, as in `ui.figures`; text is escaped here and nowhere else.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from fcnviz import render
from fcnviz.render import Scale
from ui.figures import Box, Extent

CSS = (Path(__file__).parent / "assets" / "lecture.css").read_text(encoding="utf-8")
#: Grids with more cells than this along a side are drawn without lines between them, as in `ui.figures.grid`.
MOST_LINES = 32


@dataclass(frozen=True, eq=False)
class Layer:
    """An image on a picture.

    Attributes:
        image: PNG or WebP.
        where: the part of the plane that it covers.
        opacity: 0…1.
        cells: (columns, rows) of a coarse grid, which is drawn as flat cells; None for a full-size picture.
        lines: draw lines between the cells.
    """

    image: bytes
    where: Extent
    opacity: float = 1.0
    cells: tuple[int, int] | None = None
    lines: bool = True


@dataclass(frozen=True, eq=False)
class Picture:
    """Layers over one another, with marks.

    Attributes:
        title: above it.
        shows: the part of the plane that is seen.
        layers: the lowest first.
        boxes: rectangles.
        lines: (x0, y0, x1, y1) each.
        caption: below it.
    """

    title: str
    shows: Extent
    layers: tuple[Layer, ...]
    boxes: tuple[Box, ...] = ()
    lines: tuple[tuple[float, float, float, float], ...] = ()
    caption: str = ""

    @property
    def ratio(self) -> float:
        """Width over height."""
        return (self.shows.right - self.shows.left) / (self.shows.bottom - self.shows.top)


@dataclass(frozen=True)
class Bars:
    """Named shares, 0…1, as bars."""

    title: str
    rows: tuple[tuple[str, float], ...]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of shares, 0…1 or NaN, each with a bar; as text they stand in `text`."""

    title: str
    columns: Sequence[str]
    values: Mapping[str, Sequence[float]]
    text: Mapping[str, Sequence[str]]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Figure:
    """What a slide shows.

    Attributes:
        parts: side by side.
        bar: (what it means, scale, its ends as text) of the colours, if any.
        legend: (name, colour) of classes.
    """

    parts: tuple[Picture | Bars | Table, ...]
    bar: tuple[str, Scale, tuple[str, str]] | None = None
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Slide:
    """One step of the story.

    Attributes:
        sentence: the one that is said.
        notes: for the speaker.
        figure: what is seen; None if there is none to show.
        page: that it is from, e.g. "pages/heatmaps.py".
        query: that shows the same figure there.
    """

    sentence: str
    notes: str
    figure: Figure | None
    page: str
    query: dict[str, str] = field(default_factory=dict)


def coarse(values: np.ndarray, scale: Scale, where: Extent, opacity: float = 1.0) -> Layer:
    """A coarse map, (h, w), as flat cells that cover a part of the plane."""
    h, w = values.shape
    image = render.to_png(render.heatmap(values, scale.low, scale.high, scale.cmap))
    return Layer(image, where, opacity, (w, h))


# --- HTML


def html(figure: Figure) -> str:
    """A figure as HTML; `CSS` is its style sheet."""
    parts = "".join(_part(p) for p in figure.parts)
    below = (_bar(*figure.bar) if figure.bar else "") + (_legend(figure.legend) if figure.legend else "")
    lines = max(bool(p.title) + bool(p.caption) for p in figure.parts) + bool(below)
    return (
        f'<div class="figure" style="--lines:{lines};--parts:{len(figure.parts)}">'
        f'<div class="parts">{parts}</div>{below}</div>'
    )


def _part(part: Picture | Bars | Table) -> str:
    inner = {Picture: _picture, Bars: _bars, Table: _table}[type(part)](part)
    kind = type(part).__name__.lower()
    title = f'<p class="title">{escape(part.title)}</p>' if part.title else ""
    caption = f'<p class="caption">{escape(part.caption)}</p>' if part.caption else ""
    return f'<div class="part {kind}">{title}{inner}{caption}</div>'


def _picture(p: Picture) -> str:
    images = "".join(_image(layer, p.shows) for layer in p.layers)
    s = p.shows
    view = f"{s.left:g} {s.top:g} {s.right - s.left:g} {s.bottom - s.top:g}"
    grids = "".join(_grid(layer) for layer in p.layers if layer.cells and layer.lines)
    marks = "".join(map(_rectangle, p.boxes)) + "".join(map(_line, p.lines))
    return (
        f'<div class="stack" role="img" aria-label="{escape(p.title)}" style="--ratio:{p.ratio:.4f}">{images}'
        f'<svg viewBox="{view}" preserveAspectRatio="none" aria-hidden="true">{grids}{marks}</svg></div>'
    )


def _image(layer: Layer, shows: Extent) -> str:
    w, h, at = shows.right - shows.left, shows.bottom - shows.top, layer.where
    left, top = 100 * (at.left - shows.left) / w, 100 * (at.top - shows.top) / h
    width, height = 100 * (at.right - at.left) / w, 100 * (at.bottom - at.top) / h
    kind = ' class="coarse"' if layer.cells else ""
    return (
        f'<img{kind} alt="" src="{uri(layer.image)}" style="left:{left:.4f}%;top:{top:.4f}%;'
        f'width:{width:.4f}%;height:{height:.4f}%;opacity:{layer.opacity:g}">'
    )


def uri(image: bytes) -> str:
    """A PNG or WebP file as a data URI."""
    kind = "png" if image.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _grid(layer: Layer) -> str:
    """Lines between the cells of a coarse layer, but for fine ones, which they would hide."""
    columns, rows = layer.cells or (0, 0)
    if max(columns, rows) > MOST_LINES:
        return ""
    at = layer.where
    x = np.linspace(at.left, at.right, columns + 1)[1:-1]
    y = np.linspace(at.top, at.bottom, rows + 1)[1:-1]
    path = [f"M{v:g} {at.top:g}V{at.bottom:g}" for v in x] + [f"M{at.left:g} {v:g}H{at.right:g}" for v in y]
    return f'<path class="grid" d="{"".join(path)}"/>'


_DASHES = {"dash": ' stroke-dasharray="9 6"', "dot": ' stroke-dasharray="2 5"'}


def _rectangle(b: Box) -> str:
    return (
        f'<rect x="{b.left:g}" y="{b.top:g}" width="{b.right - b.left:g}" height="{b.bottom - b.top:g}" '
        f'stroke="{b.colour}"{_DASHES.get(b.dash, "")}/>'
    )


def _line(line: tuple[float, float, float, float]) -> str:
    x0, y0, x1, y1 = line
    return f'<path class="leader" d="M{x0:g} {y0:g}L{x1:g} {y1:g}"/>'


def _bars(b: Bars) -> str:
    rows = "".join(
        f'<div class="row"><span class="name">{escape(name)}</span>'
        f'<span class="value">{100 * share:.1f} %</span>'
        f'<span class="track"><span style="width:{100 * share:.2f}%"></span></span></div>'
        for name, share in b.rows
    )
    return f'<div class="rows">{rows}</div>'


def _table(t: Table) -> str:
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in t.columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_cell, t.text[name], values))}</tr>'
        for name, values in t.values.items()
    )
    return f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, value: float) -> str:
    width = 0.0 if np.isnan(value) else 100 * value
    return f'<td>{escape(text)}<span class="track"><span style="width:{width:.2f}%"></span></span></td>'


def _bar(what: str, scale: Scale, ends: tuple[str, str]) -> str:
    image = uri(render.to_png(render.colorbar(scale.cmap, 256, 8)))
    low, high = map(escape, ends)
    return (
        f'<p class="legend"><span>{escape(what)}</span><span>{low}<img class="bar" alt="to" src="{image}">'
        f"{high}</span></p>"
    )


def _legend(classes: Sequence[tuple[str, str]]) -> str:
    chips = "".join(
        f'<span><i style="background:{escape(c)}"></i>{escape(name)}</span>' for name, c in classes
    )
    return f'<p class="legend">{chips}</p>'
