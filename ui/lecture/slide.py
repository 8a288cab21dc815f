"""A slide of the lecture as data, and its figure as HTML, for the page and for the saved file.

Coordinates are pixels of the photo, as in `ui.figures`. Jinja escapes all text. No Streamlit here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import jinja2
import numpy as np

from fcnviz import render
from fcnviz.render import Scale
from ui.figures.grids import Layer
from ui.figures.marks import Mark
from ui.figures.pictures import Extent, data_uri

TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["data_uri"] = data_uri


@dataclass(frozen=True, eq=False)
class Picture:
    """A stack of layers, with marks.

    Attributes:
        title: text above it.
        shows: the rectangle that is visible.
        layers: its layers, the lowest first.
        marks: what is drawn on it.
        caption: text below it.
    """

    kind: ClassVar[str] = "picture"
    title: str
    shows: Extent
    layers: tuple[Layer, ...]
    marks: tuple[Mark, ...] = ()
    caption: str = ""

    @property
    def ratio(self) -> float:
        """Width over height."""
        return self.shows.width / self.shows.height


@dataclass(frozen=True)
class Bars:
    """Named shares, 0…1, as bars."""

    kind: ClassVar[str] = "bars"
    title: str
    rows: tuple[tuple[str, float], ...]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of shares, 0…1 or NaN: each cell has its wording from `text`, and a bar below it."""

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[str]
    values: Mapping[str, Sequence[float]]
    text: Mapping[str, Sequence[str]]
    caption: str = ""

    @property
    def rows(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """The name of each row, with the text and the share of each cell; NaN becomes 0."""
        return [
            (name, list(zip(self.text[name], np.nan_to_num(row), strict=True)))
            for name, row in self.values.items()
        ]


@dataclass(frozen=True, eq=False)
class Figure:
    """The pictures and charts of a slide.

    Attributes:
        parts: its parts, side by side.
        bar: (meaning, scale, text at both ends) of the colour bar, if any.
        legend: (name, colour) of each class.
        columns: number of parts in a row; 0: all are in one.
    """

    parts: tuple[Picture | Bars | Table, ...]
    bar: tuple[str, Scale, tuple[str, str]] | None = None
    legend: tuple[tuple[str, str], ...] = ()
    columns: int = 0

    @property
    def bar_png(self) -> bytes:
        """The colour bar as PNG, from low to high."""
        assert self.bar is not None
        return render.to_png(render.colorbar(self.bar[1].cmap, 256, 8))


@dataclass(frozen=True, eq=False)
class Slide:
    """One step of the story.

    Attributes:
        sentence: its one sentence.
        notes: notes for the speaker.
        figure: its figure; None if it cannot be shown.
        page: the page that the figure is from, such as "pages/heatmaps.py".
        query: link parameters that show the same figure there.
    """

    sentence: str
    notes: str
    figure: Figure | None
    page: str
    query: dict[str, str] = field(default_factory=dict)


def slide_html(slide: Slide, notes: bool = False) -> str:
    """Render a slide as HTML, with the speaker's notes or without; `figure.css` is its style sheet."""
    return TEMPLATES.get_template("slide.html").render(slide=slide, notes=notes)
