"""Charts of the Alignment page, from plain values."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import plotly.graph_objects as go

from fcnviz.lessons.alignment.sizes import Derivation, Move, Verdict
from ui.figures import theme
from ui.figures.numbers import plain
from ui.figures.theme import BLUE, FRAME, MARK

#: Colour of each verdict on an image size: dark enough for white text in both themes.
VERDICTS = {Verdict.TOO_SMALL: "#66707c", Verdict.UNCOVERED: "#b05e00", Verdict.WORKS: "#1f6fb2"}
_SHORT = {Verdict.TOO_SMALL: "too small", Verdict.UNCOVERED: "canvas falls short", Verdict.WORKS: "works"}
_FONT = 15
_GRID = "rgba(138,148,160,0.25)"


def offsets(derivation: Derivation, steps: Sequence[Move]) -> go.Figure:
    """Plot where pixel 0 of each map lies over the image, layer by layer, and the distance that is cropped.

    Args:
        derivation: The derivation of the crop.
        steps: The layers that move pixel 0, from the image on.
    """
    names = ["image", *(m.name for m in steps)]
    at = [Fraction(0), *(m.place.offset for m in steps)]
    text, hover = [f"  {plain(x)}  " for x in at], "%{customdata}: pixel 0 at %{x}<extra></extra>"
    line = go.Scatter(x=[float(x) for x in at], y=list(range(len(at))), text=text, hovertemplate=hover)
    line.update(mode="lines+markers+text", line={"color": FRAME, "width": 2}, cliponaxis=False)
    line.update(marker={"size": 11, "color": FRAME}, textfont={"size": _FONT}, customdata=names)
    figure = go.Figure(line.update(textposition=_beside(derivation, names, at)))
    figure.add_vline(x=0, line={"color": BLUE, "width": 2, "dash": "dash"})
    _distance(figure, derivation, names)
    _chart(figure, height=90 + 40 * len(at))
    margin = 0.25 * float(max(at) - min(at)) + 4
    shows = (float(min(at)) - margin, float(max(at)) + margin)
    figure.update_xaxes(title="input pixels; 0 is the image's first", range=shows, nticks=7)
    figure.update_yaxes(
        tickvals=list(range(len(at))), ticktext=names, range=(len(at) - 0.1, -0.5), showgrid=False
    )
    return figure


def _beside(derivation: Derivation, names: Sequence[str], at: Sequence[Fraction]) -> list[str]:
    """Return the side of each point on which its number crosses no line."""
    places = ["middle left" if x < 0 else "middle right" for x in at]
    if derivation.onto == "image":
        return places
    for i in range(_row(names, derivation.name) + 1, len(at)):  # the dotted line is on their left
        if at[i] < 0:
            places[i] = "top right" if at[i] > at[i - 1] else "bottom right"
    places[-1] = "bottom center"  # the arrow ends there
    return places


def _distance(figure: go.Figure, derivation: Derivation, names: Sequence[str]) -> None:
    """Draw in the last row the arrow from pixel 0 of the map that is cropped to pixel 0 of its target."""
    start, end, row = float(derivation.source.offset), float(derivation.reference.offset), len(names) - 1
    line = {"color": MARK, "width": 2, "dash": "dot"}
    look = {"mode": "lines+markers", "marker": {"size": [13, 0], "color": MARK, "opacity": 1}}
    y = [_row(names, derivation.name), row]
    figure.add_scatter(x=[start, start], y=y, line=line, hoverinfo="skip", **look)
    if start == end:
        return
    axes = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    arrow = {"showarrow": True, "arrowhead": 2, "arrowwidth": 3, "arrowcolor": MARK}
    figure.add_annotation(x=end, y=row, ax=start, ay=row, **axes, **arrow)
    apart, pixels, stride = derivation.apart, derivation.pixels, derivation.source.stride
    text = f"{plain(apart)} px" + (f" = {plain(pixels)} × {plain(stride)} px" if stride > 1 else "")
    figure.add_annotation(
        x=(start + end) / 2, y=row + 0.5, text=f"<b>{text}</b>", showarrow=False, font={"size": _FONT + 1}
    )


def _row(names: Sequence[str], name: str) -> int:
    """Return the row of a map, or of the layer that a score layer reads, or else the last row."""
    name = name.removeprefix("score_")
    return names.index(name) if name in names else len(names) - 1


def sizes(verdicts: np.ndarray, now: tuple[int, Sequence[int]]) -> go.Figure:
    """Plot which image sizes work with which padding.

    Args:
        verdicts: Values of `Verdict`, one row per image side from 1 px, one column per padding from 0 px.
        now: The current padding, and the image sides to mark.
    """
    tall, wide = verdicts.shape
    steps = [(i / 3, VERDICTS[v]) for v in Verdict for i in (v, v + 1)]
    hover = "padding %{x} px, image side %{y} px<extra></extra>"
    cells = {"z": verdicts.astype(np.int8), "x": list(range(wide)), "y": list(range(1, tall + 1))}
    colours = {"zmin": -0.5, "zmax": 2.5, "colorscale": steps, "showscale": False}
    figure = go.Figure(go.Heatmap(**cells, **colours, hovertemplate=hover))
    pad, sides = now
    symbols = ["triangle-up" if side > tall else "circle" for side in sides]
    marker = {"size": 16, "symbol": symbols, "color": MARK, "line": {"width": 2, "color": "white"}}
    y = [min(side, tall) for side in sides]
    look = {"mode": "markers", "hoverinfo": "skip", "cliponaxis": False}
    figure.add_scatter(x=[pad] * len(sides), y=y, marker=marker, **look)
    for kind, words in _SHORT.items():
        ys, xs = np.nonzero(verdicts == kind)
        if len(ys) > 0.03 * verdicts.size:
            font = {"size": _FONT + 1, "color": "white"}
            figure.add_annotation(x=xs.mean(), y=ys.mean() + 1, text=words, showarrow=False, font=font)
    _chart(figure, height=430)
    figure.update_xaxes(title="padding in px", range=(-0.5, wide - 0.5))
    figure.update_yaxes(title="image side in px", range=(0.5, tall + 0.5))
    return figure


def _chart(figure: go.Figure, height: int) -> None:
    """Give a figure the look of this page's charts: larger text, and a grid that shows in both themes."""
    axis = {"zeroline": False, "tickfont_size": _FONT, "gridcolor": _GRID}
    theme.chart(figure, height=height, margin_r=24, margin_t=8, showlegend=False)
    figure.update_xaxes(axis).update_yaxes(axis)
