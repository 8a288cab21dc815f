"""Line charts of kernels: their cross-section, and their weights near an edge. No Streamlit here."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from fcnviz.heatmaps import Kernel

#: Two colours that stay apart on white and on the dark background, and for colour-blind eyes.
BLUE, ORANGE = "#3d8fd1", "#d5762a"


def section(kernel: Kernel) -> go.Figure:
    """A kernel's row through its largest weight, learned over bilinear."""
    row = int(kernel.learned.max(1).argmax())
    x = np.arange(kernel.learned.shape[1])
    figure = go.Figure()
    for values, name, line in (
        (kernel.bilinear, "bilinear", {"color": ORANGE, "dash": "dash"}),
        (kernel.learned, "learned", {"color": BLUE}),
    ):
        figure.add_scatter(x=x, y=values[row], name=name, mode="lines+markers", line=line, marker={"size": 4})
    figure = _chart(figure, 190, "column", "weight")
    figure.update_yaxes(rangemode="tozero")
    return figure


def weight_sums(sums: np.ndarray) -> go.Figure:
    """The sum of the weights against the distance from an edge."""
    figure = go.Figure(
        go.Bar(
            x=np.arange(len(sums)),
            y=sums,
            marker_color=BLUE,
            hovertemplate="pixel %{x}: %{y:.3f}<extra></extra>",
        )
    )
    figure.add_annotation(
        x=0, y=float(sums[0]), text=f"{sums[0]:.3f}", ax=30, ay=-60, arrowcolor=ORANGE,
        font={"size": 16},
    )  # fmt: skip
    figure.add_hline(y=1, line={"dash": "dot", "width": 1, "color": ORANGE})
    figure = _chart(figure, 240, "pixels from the edge of the canvas", "sum of weights")
    figure.update_yaxes(range=(0, 1.12))
    return figure


def _chart(figure: go.Figure, height: int, x: str, y: str) -> go.Figure:
    axis: dict[str, Any] = {"fixedrange": True, "title_standoff": 6}
    figure.update_layout(
        height=height, margin={"l": 4, "r": 4, "t": 4, "b": 4}, dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        xaxis={**axis, "title": x}, yaxis={**axis, "title": y}, plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure
