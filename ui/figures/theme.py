"""The app's colours, and the two looks that Plotly figures start from: a chart, or a picture without axes.

The looks go into each figure's layout, and not into a `plotly.io` template: in the browser, Streamlit's own
theme overrides a template's background, margins, grids and fonts. What the layout itself says looks the same
in the app and in an exported file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Plotly's config for every figure: one looks at it and hovers over it, without zoom or tool bar.
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}

#: Colours of lines and bars. Blue and orange differ on white, on dark, and for colour-blind eyes.
BLUE, ORANGE, GREEN = "#3d8fd1", "#d5762a", "#3a9a6b"
#: Colour of marks (cells, boxes, crosses) on pictures: visible on viridis, on photos, and in both themes.
MARK = "#ff4fd8"
#: Opacity of what is laid over the photo, until the visitor chooses another.
OPACITY = 0.65
#: Colour of frames around pictures: visible in both themes.
FRAME = "#8a94a0"
#: Colour of text on light bars and cells.
INK = "#101418"
CLEAR = "rgba(0,0,0,0)"

#: A legend in one row above a chart.
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": CLEAR}

_LAYOUT: dict[str, Any] = {"dragmode": False, "hovermode": "closest", "plot_bgcolor": CLEAR}
_CHART = {**_LAYOUT, "margin": dict.fromkeys("lrtb", 4)}
# automargin: Streamlit sets it in the app; an exported file would cut off the axes' labels without it
_CHART_AXIS = {"fixedrange": True, "automargin": True}
_BARE = {**_LAYOUT, "margin": dict.fromkeys("lrtb", 1), "showlegend": False}
_BARE_AXIS = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": "", "showticklabels": False}


def hex_colour(rgb: np.ndarray) -> str:
    """Write a colour, (3,) uint8, as the browser reads it.

    >>> hex_colour(np.array([255, 79, 216], np.uint8))
    '#ff4fd8'
    """
    return f"#{rgb.tobytes().hex()}"


def chart(figure: go.Figure, **own: Any) -> go.Figure:
    """Give a figure the look of a chart."""
    figure.update_layout(_CHART).update_xaxes(_CHART_AXIS).update_yaxes(_CHART_AXIS)
    return figure.update_layout(own)


def bare(figure: go.Figure, **own: Any) -> go.Figure:
    """Give a figure the look of a picture: no ticks, no grid, no legend."""
    figure.update_layout(_BARE).update_xaxes(_BARE_AXIS).update_yaxes(_BARE_AXIS)
    return figure.update_layout(own)
