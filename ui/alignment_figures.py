"""Figures of the alignment page, from plain values; no Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import plotly.graph_objects as go

from fcnviz.alignment import Derivation, Move, Verdict
from ui.figures import FRAME, MARK

#: Colours of what an image size gives, by verdict: dark enough for white words in both themes.
VERDICTS = {Verdict.TOO_SMALL: "#66707c", Verdict.UNCOVERED: "#b05e00", Verdict.WORKS: "#1f6fb2"}
_SHORT = {Verdict.TOO_SMALL: "too small", Verdict.UNCOVERED: "canvas falls short", Verdict.WORKS: "works"}
_FONT = 15
_BLUE = "#3c8cd2"


def number(value: Fraction | int) -> str:
    """A whole or half number in print: −91.5.

    >>> number(Fraction(-183, 2)), number(19)
    ('−91.5', '19')
    """
    return f"{float(value):g}".replace("-", "−")


def offsets(derivation: Derivation, steps: Sequence[Move]) -> go.Figure:
    """Where pixel 0 of each map lies over the image, layer by layer, and the distance that is cropped.

    Args:
        derivation: of the crop.
        steps: the layers that move pixel 0, from the image on.
    """
    names = ["image", *(m.name for m in steps)]
    at = [Fraction(0), *(m.place.offset for m in steps)]
    figure = go.Figure(
        go.Scatter(
            x=[float(x) for x in at], y=list(range(len(at))), mode="lines+markers+text",
            text=[f"  {number(x)}  " for x in at], textposition=_beside(derivation, names, at),
            textfont={"size": _FONT}, line={"color": FRAME, "width": 2}, marker={"size": 11, "color": FRAME},
            customdata=names, cliponaxis=False, hovertemplate="%{customdata}: pixel 0 at %{x}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": _BLUE, "width": 2, "dash": "dash"})
    _distance(figure, derivation, names)
    _plain(figure, height=90 + 40 * len(at))
    margin = 0.25 * float(max(at) - min(at)) + 4
    shows = (float(min(at)) - margin, float(max(at)) + margin)
    figure.update_xaxes(title="input pixels; 0 is the image's first", range=shows, nticks=7)
    figure.update_yaxes(
        tickvals=list(range(len(at))), ticktext=names, range=(len(at) - 0.1, -0.5), showgrid=False
    )
    return figure


def _beside(derivation: Derivation, names: Sequence[str], at: Sequence[Fraction]) -> list[str]:
    """Where each point's number stands clear of the lines."""
    places = ["middle left" if x < 0 else "middle right" for x in at]
    if derivation.onto == "image":
        return places
    for i in range(_row(names, derivation.name) + 1, len(at)):  # the dotted line passes on their left
        if at[i] < 0:
            places[i] = "top right" if at[i] > at[i - 1] else "bottom right"
    places[-1] = "bottom center"  # the arrow ends there
    return places


def _distance(figure: go.Figure, derivation: Derivation, names: Sequence[str]) -> None:
    """The arrow from pixel 0 of the map that is cut to pixel 0 of what it is cut onto, in the last row."""
    start, end, row = float(derivation.source.offset), float(derivation.reference.offset), len(names) - 1
    figure.add_scatter(
        x=[start, start], y=[_row(names, derivation.name), row], mode="lines+markers",
        line={"color": MARK, "width": 2, "dash": "dot"}, hoverinfo="skip",
        marker={"size": [13, 0], "color": MARK, "opacity": 1},
    )  # fmt: skip
    if start == end:
        return
    figure.add_annotation(
        x=end, y=row, ax=start, ay=row, xref="x", yref="y", axref="x", ayref="y", showarrow=True,
        arrowhead=2, arrowwidth=3, arrowcolor=MARK,
    )  # fmt: skip
    apart, pixels, stride = derivation.apart, derivation.pixels, derivation.source.stride
    text = f"{number(apart)} px" + (f" = {number(pixels)} × {number(stride)} px" if stride > 1 else "")
    figure.add_annotation(
        x=(start + end) / 2, y=row + 0.5, text=f"<b>{text}</b>", showarrow=False, font={"size": _FONT + 1}
    )


def _row(names: Sequence[str], name: str) -> int:
    """The row of a map, or of the layer that a score layer reads; the last one if it has none."""
    name = name.removeprefix("score_")
    return names.index(name) if name in names else len(names) - 1


def sizes(verdicts: np.ndarray, now: tuple[int, Sequence[int]]) -> go.Figure:
    """Which image sizes work with which padding.

    Args:
        verdicts: (sizes from 1 px on, paddings from 0 px on), values of `Verdict`.
        now: the current padding, and the image sides to mark.
    """
    tall, wide = verdicts.shape
    steps = [(i / 3, VERDICTS[v]) for v in Verdict for i in (v, v + 1)]
    figure = go.Figure(
        go.Heatmap(
            z=verdicts.astype(np.int8), x=list(range(wide)), y=list(range(1, tall + 1)), zmin=-0.5, zmax=2.5,
            colorscale=steps, showscale=False,
            hovertemplate="padding %{x} px, image side %{y} px<extra></extra>",
        )
    )  # fmt: skip
    pad, sides = now
    figure.add_scatter(
        x=[pad] * len(sides), y=[min(side, tall) for side in sides], mode="markers", hoverinfo="skip",
        marker={"size": 16, "symbol": ["triangle-up" if s > tall else "circle" for s in sides], "color": MARK,
                "line": {"width": 2, "color": "white"}}, cliponaxis=False,
    )  # fmt: skip
    for kind, words in _SHORT.items():
        ys, xs = np.nonzero(verdicts == kind)
        if len(ys) > 0.03 * verdicts.size:
            figure.add_annotation(
                x=xs.mean(),
                y=ys.mean() + 1,
                text=words,
                showarrow=False,
                font={"size": _FONT + 1, "color": "white"},
            )
    _plain(figure, height=430)
    figure.update_xaxes(title="padding in px", range=(-0.5, wide - 0.5))
    figure.update_yaxes(title="image side in px", range=(0.5, tall + 0.5))
    return figure


def _plain(figure: go.Figure, height: int) -> None:
    axis: dict[str, Any] = {
        "zeroline": False, "fixedrange": True, "tickfont": {"size": _FONT}, "title_font": {"size": _FONT},
        "gridcolor": "rgba(138,148,160,0.25)",
    }  # fmt: skip
    figure.update_layout(
        xaxis=axis, yaxis={**axis, "automargin": True}, height=height, dragmode=False, showlegend=False,
        margin={"l": 4, "r": 24, "t": 8, "b": 4}, plot_bgcolor="rgba(0,0,0,0)", hovermode="closest",
    )  # fmt: skip
