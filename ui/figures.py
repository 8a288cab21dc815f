"""Plotly figures from plain arrays; no Streamlit here. Coarse grids are traces, full-size maps are PNGs.

A figure's axes are pixels of the photo: pixel centres are integers, so W pixels span −0.5…W − 0.5.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib import colormaps

from fcnviz.render import Scale

#: What `st.plotly_chart` is given as config: a figure to look at and hover, not a drawing program.
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}

#: Colour of marks (cells, boxes, crosses) on pictures: visible on viridis, on photos, in both themes.
MARK = "#ff4fd8"
#: Colour of frames around pictures: visible on both themes.
FRAME = "#8a94a0"


@dataclass(frozen=True)
class Box:
    """A rectangle drawn on a figure, in pixels of the photo.

    Attributes:
        left, top, right, bottom: its edges (pixel i spans i − 0.5 … i + 0.5).
        dash: "solid", "dash" or "dot".
        colour: of the line.
    """

    left: float
    top: float
    right: float
    bottom: float
    dash: str = "solid"
    colour: str = MARK


@dataclass(frozen=True)
class Extent:
    """The part of the photo's plane that a figure shows, in pixels of the photo."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, size: tuple[int, int]) -> Extent:
        """All of a photo of (width, height) pixels."""
        return cls(-0.5, -0.5, size[0] - 0.5, size[1] - 0.5)

    @classmethod
    def around(cls, *boxes: Box | Extent) -> Extent:
        """The smallest one that holds all of these."""
        return cls(
            min(b.left for b in boxes),
            min(b.top for b in boxes),
            max(b.right for b in boxes),
            max(b.bottom for b in boxes),
        )


def colorscale(cmap: str, stops: int = 33) -> list[tuple[float, str]]:
    """A matplotlib colormap as Plotly takes it."""
    colours = colormaps[cmap](np.linspace(0, 1, stops), bytes=True)
    return [(i / (stops - 1), f"rgb({r},{g},{b})") for i, (r, g, b, _) in enumerate(colours)]


def data_uri(image: bytes) -> str:
    """A PNG or WebP file as Plotly takes it."""
    kind = "png" if image.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def grid(
    values: np.ndarray,
    scale: Scale,
    *,
    start: tuple[float, float] = (0.0, 0.0),
    step: float = 1.0,
    unit: str = "score",
) -> go.Figure:
    """A coarse map at its true resolution: flat cells with lines between them, the value on hover.

    Args:
        values: (h, w) float.
        scale: colours.
        start: (x, y) of the centre of cell 0 in pixels of the photo.
        step: its stride, in the same pixels.
        unit: what the hover calls a value.
    """
    h, w = values.shape
    x, y = (start[i] + step * np.arange(n) for i, n in enumerate((w, h)))
    gap = 1 if max(h, w) <= 32 else 0  # lines between finer cells would hide them
    trace = go.Heatmap(
        z=values.astype(np.float32), x=x, y=y, xgap=gap, ygap=gap,
        zmin=scale.low, zmax=scale.high, colorscale=colorscale(scale.cmap), showscale=False,
        hovertemplate=f"x %{{x}}, y %{{y}}<br>{unit} %{{z:.3f}}<extra></extra>",
    )  # fmt: skip
    edges = Extent(x[0] - step / 2, y[0] - step / 2, x[-1] + step / 2, y[-1] + step / 2)
    return framed(go.Figure(trace), edges)


def picture(
    layers: Sequence[tuple[bytes, float]], size: tuple[int, int], shows: Extent | None = None
) -> go.Figure:
    """Full-size pictures over one another, the photo's pixel grid as axes.

    Args:
        layers: (PNG or WebP, opacity), the lowest first; each covers the whole photo.
        size: (width, height) of the photo in pixels.
        shows: part of the plane to show; by default the photo.
    """
    figure = go.Figure(go.Scatter(x=[], y=[]))
    for image, opacity in layers:
        add_image(figure, image, Extent.of(size), opacity)
    return framed(figure, shows or Extent.of(size))


def add_image(figure: go.Figure, image: bytes, where: Extent, opacity: float = 1.0) -> None:
    """Lay a PNG or WebP under a figure's traces."""
    # Plotly takes images at exactly the same place for one and the same: move each by a millionth of a pixel
    nudge = 1e-6 * len(figure.layout.images)
    figure.add_layout_image(
        source=data_uri(image), xref="x", yref="y", x=where.left + nudge, y=where.top, sizing="stretch",
        sizex=where.right - where.left, sizey=where.bottom - where.top, opacity=opacity, layer="below",
    )  # fmt: skip


def add_boxes(figure: go.Figure, boxes: Sequence[Box]) -> None:
    """Draw rectangles on a figure."""
    for b in boxes:
        line = {"color": b.colour, "width": 2, "dash": b.dash}
        figure.add_shape(type="rect", x0=b.left, y0=b.top, x1=b.right, y1=b.bottom, line=line)


def add_cross(figure: go.Figure, x: float, y: float) -> None:
    """Mark one pixel."""
    marker = {"symbol": "cross-thin", "size": 13, "line": {"width": 3, "color": MARK}}
    figure.add_scatter(x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)


def add_ring(figure: go.Figure, x: float, y: float) -> None:
    """Circle one place."""
    marker = {"symbol": "circle-open", "size": 15, "color": MARK, "line": {"width": 3, "color": MARK}}
    figure.add_scatter(x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)


def framed(figure: go.Figure, shows: Extent, height: int | None = None) -> go.Figure:
    """Make a figure a picture: square pixels, no ticks, a thin frame, y downwards.

    Args:
        figure: is changed, and returned.
        shows: the part of the plane to show.
        height: in CSS pixels; by default what suits a quarter of a wide page.
    """
    width, tall = shows.right - shows.left, shows.bottom - shows.top
    axis: dict[str, Any] = {
        "showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "fixedrange": True,
        "showline": False, "constrain": "domain", "title": None,
    }  # fmt: skip
    figure.update_layout(
        xaxis={**axis, "range": (shows.left, shows.right), "constraintoward": "left"},
        yaxis={**axis, "range": (shows.bottom, shows.top), "scaleanchor": "x", "constraintoward": "top"},
        margin={"l": 1, "r": 1, "t": 1, "b": 1}, dragmode=False, showlegend=False, hovermode="closest",
        height=height or fitting(width, tall), plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    edge = {"color": FRAME, "width": 1}
    figure.add_shape(
        type="rect", x0=shows.left, y0=shows.top, x1=shows.right, y1=shows.bottom, line=edge, layer="above"
    )
    return figure


def fitting(width: float, height: float, column: int = 230) -> int:
    """Height in CSS pixels of a picture of these proportions in a column of about that width."""
    return int(np.clip(round(column * height / width), 120, 380))
