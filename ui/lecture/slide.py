"""A slide of the lecture as data, and its figure as HTML, for the page and for the saved file.

Coordinates are pixels of the photo, as in `ui.figures`. Jinja escapes all text. No Streamlit here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import jinja2
import numpy as np

from fcnviz import render
from fcnviz.render import Scale
from ui.figures.grids import Layer
from ui.figures.marks import Mark
from ui.figures.numbers import percent
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
        sign: a sign before it, such as "+".
    """

    kind: ClassVar[str] = "picture"
    title: str
    shows: Extent
    layers: tuple[Layer, ...]
    marks: tuple[Mark, ...] = ()
    caption: str = ""
    sign: str = ""

    @property
    def ratio(self) -> float:
        """Width over height."""
        return self.shows.width / self.shows.height


@dataclass(frozen=True)
class Bars:
    """Named shares, 0…1, as bars.

    Attributes:
        title: text above them.
        rows: (name, share) of each.
        caption: text below them.
        spans: the interval of each, (low, high), if they have any.
        texts: what is written instead of the shares and the intervals.
    """

    kind: ClassVar[str] = "bars"
    title: str
    rows: tuple[tuple[str, float], ...]
    caption: str = ""
    spans: tuple[tuple[float, float], ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def drawn(self) -> Iterator[tuple[str, float, str, tuple[float, float] | None]]:
        """Name, share, text and interval of each."""
        spans = self.spans or [None] * len(self.rows)
        texts = self.texts or [percent(share) for _, share in self.rows]
        for (name, share), text, span in zip(self.rows, texts, spans, strict=True):
            yield name, share, text, span


@dataclass(frozen=True)
class Lines:
    """Short texts below each other: what each is about, the text, and an address on the web or ""."""

    kind: ClassVar[str] = "lines"
    title: str
    rows: tuple[tuple[str, str, str], ...]
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

    parts: tuple[Picture | Bars | Lines | Table, ...]
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
        before: what is shown before it, one after the other, such as a question without its answer.
    """

    sentence: str
    notes: str
    figure: Figure | None
    page: str
    query: dict[str, str] = field(default_factory=dict)
    before: tuple["Slide", ...] = ()


def slide_html(slide: Slide, notes: bool = False, reveal: bool = False) -> str:
    """Render a slide as HTML; `figure.css` is its style sheet.

    Args:
        slide: the slide.
        notes: whether the speaker's notes are on it.
        reveal: whether what is shown before it comes first; the browser then hides all but one.
    """
    template = TEMPLATES.get_template("slide.html")
    stages = [*(slide.before if reveal else ()), slide]
    return "".join(template.render(slide=stage, notes=notes, later=i > 0) for i, stage in enumerate(stages))
