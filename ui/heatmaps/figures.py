"""Charts of the Heatmaps page, from plain arrays: upsampling kernels, and the classes at a pixel."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fcnviz.lessons.heatmaps.learned_kernels import LearnedKernel
from ui.figures.theme import BLUE, FRAME, LEGEND, ORANGE, chart


def kernel_rows(kernel: LearnedKernel) -> go.Figure:
    """Plot the row of a kernel that has its largest weight, over the same row of the bilinear kernel."""
    row = int(kernel.learned.max(1).argmax())
    x = np.arange(kernel.learned.shape[1])
    figure = go.Figure()
    for values, name, line in (
        (kernel.bilinear, "bilinear", {"color": ORANGE, "dash": "dash"}),
        (kernel.learned, "learned", {"color": BLUE}),
    ):
        figure.add_scatter(x=x, y=values[row], name=name, mode="lines+markers", line=line, marker={"size": 4})
    chart(figure, height=190, legend=LEGEND)
    figure.update_xaxes(title="column")
    return figure.update_yaxes(title="weight", rangemode="tozero")


def weight_sums(sums: np.ndarray) -> go.Figure:
    """Plot the sum of the kernel's weights against the distance from an edge.

    Args:
        sums: The sum at each of the n pixels next to the edge, (n,).
    """
    hover = "pixel %{x}: %{y:.3f}<extra></extra>"
    figure = go.Figure(go.Bar(x=np.arange(len(sums)), y=sums, marker_color=BLUE, hovertemplate=hover))
    text = {"text": f"{sums[0]:.3f}", "font_size": 16}
    figure.add_annotation(x=0, y=float(sums[0]), ax=30, ay=-60, arrowcolor=ORANGE, **text)
    figure.add_hline(y=1, line={"dash": "dot", "width": 1, "color": ORANGE})
    chart(figure, height=240)
    figure.update_xaxes(title="pixels from the edge of the canvas")
    return figure.update_yaxes(title="sum of weights", range=(0, 1.12))


def pixel_classes(
    title: str, names: Sequence[str], chances: np.ndarray, text: Sequence[str], colours: Sequence[str]
) -> go.Figure:
    """Plot the best classes of a pixel, the best on top.

    Args:
        title: The title of the network.
        names: The names of the classes, the best last.
        chances: Their probabilities.
        text: What is written beside each bar.
        colours: The colours of the bars.
    """
    marker = {"color": colours, "line": {"color": FRAME, "width": 1}}
    figure = go.Figure(go.Bar(x=chances, y=names, orientation="h", text=text, marker=marker))
    figure.update_traces(textposition="outside", cliponaxis=False, hoverinfo="skip")
    chart(figure, height=220, margin_t=34, title={"text": title, "x": 0, "font": {"size": 16}})
    figure.update_xaxes(range=(0, 1.55), visible=False)
    return figure.update_yaxes(tickfont_size=14, showgrid=False)
