"""Marks on a picture, as SVG: boxes, crosses, rings, lines, points, shades and numbers in cells.

Lengths are in the picture's own unit; lines are as thick, and dashes as long, at every size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from fcnviz import render
from fcnviz.render import Scale
from ui.figures.pictures import Extent
from ui.figures.theme import FRAME, MARK

_DASHES = {
    "solid": "",
    "dash": ' stroke-dasharray="9 6"',
    "dot": ' stroke-dasharray="0.1 6.5" stroke-linecap="round"',
}
#: Width of a digit over the height of its text.
_DIGIT = 0.58


class Mark(Protocol):
    """What can be drawn on a picture."""

    def svg(self, shows: Extent) -> str:
        """Draw it as SVG on a picture that shows this part of the plane."""


def _stroke(colour: str, width: float, dash: str = "solid") -> str:
    width += 1.5 * (dash == "dot")  # dots that show beside the lines between cells
    look = f'fill="none" stroke="{colour}" stroke-width="{width:g}" vector-effect="non-scaling-stroke"'
    return look + _DASHES[dash]


def _number(value: float) -> str:
    return f"{value:.6g}"


def rectangle(where: Extent, look: str) -> str:
    """Draw a rectangle; `look` are further attributes."""
    x, y, width, height = map(_number, (where.left, where.top, where.width, where.height))
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {look}/>'


@dataclass(frozen=True)
class Box(Extent):
    """A rectangle's outline.

    Attributes:
        dash: The line's pattern: "solid", "dash" or "dot".
        colour: The line's colour.
        line: The line's width in CSS pixels.
    """

    dash: str = "solid"
    colour: str = MARK
    line: float = 2

    @classmethod
    def at(cls, where: Extent, dash: str = "solid", colour: str = MARK) -> Box:
        """Return the outline of a rectangle."""
        return cls(where.left, where.top, where.right, where.bottom, dash, colour)

    def svg(self, shows: Extent) -> str:  # noqa: ARG002 (marks are all drawn alike)
        """Draw it as SVG."""
        return rectangle(self, _stroke(self.colour, self.line, self.dash))


@dataclass(frozen=True)
class Shade(Extent):
    """A rectangle that is greyed out."""

    def svg(self, shows: Extent) -> str:  # noqa: ARG002 (marks are all drawn alike)
        """Draw it as SVG."""
        return rectangle(self, f'fill="{FRAME}" opacity="0.6"')


@dataclass(frozen=True)
class Cross:
    """A cross at a point."""

    x: float
    y: float

    def svg(self, shows: Extent) -> str:
        """Draw it as SVG."""
        arm, long = _radius(shows), _number(2 * _radius(shows))
        x, y, left, top = map(_number, (self.x, self.y, self.x - arm, self.y - arm))
        return f'<path d="M{left} {y}h{long}M{x} {top}v{long}" {_stroke(MARK, 3)}/>'


@dataclass(frozen=True)
class Ring:
    """A ring around a point; without a radius, of a size that suits a picture."""

    x: float
    y: float
    radius: float = 0.0

    def svg(self, shows: Extent) -> str:
        """Draw it as SVG."""
        place = f'cx="{_number(self.x)}" cy="{_number(self.y)}" r="{_number(self.radius or _radius(shows))}"'
        return f"<circle {place} {_stroke(MARK, 3)}/>"


@dataclass(frozen=True)
class Line:
    """A line through points, (x, y) each."""

    points: tuple[tuple[float, float], ...]
    dash: str = "solid"
    colour: str = MARK

    def svg(self, shows: Extent) -> str:  # noqa: ARG002 (marks are all drawn alike)
        """Draw it as SVG."""
        d = "M" + "L".join(f"{x:.6g} {y:.6g}" for x, y in self.points)
        return f'<path d="{d}" {_stroke(self.colour, 2, self.dash)}/>'


@dataclass(frozen=True)
class Dots:
    """Points, (x, y) each."""

    points: tuple[tuple[float, float], ...]
    colour: str

    def svg(self, shows: Extent) -> str:  # noqa: ARG002 (marks are all drawn alike)
        """Draw it as SVG."""
        ends = "".join(f"M{x:.6g} {y:.6g}h0" for x, y in self.points)  # a line of no length has round ends
        return f'<path d="{ends}" stroke-linecap="round" {_stroke(self.colour, 7)}/>'


def _radius(shows: Extent) -> float:
    return 0.03 * max(shows.width, shows.height)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Texts in the cells of a grid.

    Attributes:
        where: The grid's place.
        texts: One text per cell, (h, w) of str; a cell without text has "".
        colours: The colour of each text, (h, w) of str.
    """

    where: Extent
    texts: np.ndarray
    colours: np.ndarray

    @classmethod
    def on(cls, values: np.ndarray, scale: Scale, where: Extent, texts: ArrayLike) -> Numbers:
        """Write texts on cells that show these values, (h, w), in the colours of a scale."""
        return cls(where, np.asarray(texts, object), cls.readable(values, scale))

    @staticmethod
    def readable(values: np.ndarray, scale: Scale) -> np.ndarray:
        """Return colours to write in on cells of these values: black or white, grey on cells of NaN."""
        light = render.heatmap(values, scale) @ np.array([0.299, 0.587, 0.114]) > 120  # luma of ITU-R BT.601
        return np.where(np.isnan(values), FRAME, np.where(light, "#000", "#fff"))

    def svg(self, shows: Extent) -> str:  # noqa: ARG002 (marks are all drawn alike)
        """Draw them as SVG, all of the size that lets the longest fit its cell."""
        h, w = self.texts.shape
        across, down = self.where.width / w, self.where.height / h
        longest = max(map(len, self.texts.flat), default=0) or 1
        size = min(0.5 * down, 0.92 * across / (_DIGIT * longest))
        look = f'font-size="{size:.4g}" text-anchor="middle" dominant-baseline="central"'
        groups = (
            f'<g fill="{colour}">{self._written(self.colours == colour, across, down)}</g>'
            for colour in np.unique(self.colours)
        )
        return f"<g {look}>{''.join(groups)}</g>"

    def _written(self, mine: np.ndarray, across: float, down: float) -> str:
        left, top = self.where.left + across / 2, self.where.top + down / 2
        return "".join(
            f'<text x="{left + x * across:.5g}" y="{top + y * down:.5g}">{escape(self.texts[y, x])}</text>'
            for y, x in np.argwhere(mine)
            if self.texts[y, x]
        )
