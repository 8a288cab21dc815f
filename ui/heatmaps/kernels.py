"""Panel "The kernels": a class's upsampling kernels, before and after training."""

import streamlit as st

from fcnviz.lessons.heatmaps.learned_kernels import LearnedKernel, learned_kernels
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Bar, Panel, Row, Values, coarse
from ui.figures.numbers import percent, span
from ui.figures.pictures import Extent
from ui.heatmaps import figures
from ui.heatmaps.choice import Choice
from ui.running.networks import model


def gallery(c: Choice) -> None:
    """Draw each deconvolution's kernel of the class: bilinear, learned, their difference, and one row."""
    found = learned_kernels(model(c.result.net), c.index)
    weights = Bar("Weight", Scale.over(*(m for k in found for m in (k.learned, k.bilinear))), 4)
    spread = Bar("Difference", Scale.diverging(*(k.learned - k.bilinear for k in found)), 4)
    for k in found:
        side = 2 * k.factor
        how = "fixed bilinear, not learned" if k.frozen else f"changed by {percent(k.change, 2)}"
        st.markdown(f"**`{k.layer}`** · {side} × {side} · stride {k.factor} · {how}")
        left, right = st.columns([3, 1])
        with left:
            grids(_kernels(k, weights, spread), f"kernel_{k.layer}")
        with right:
            shown.chart(figures.kernel_rows(k), f"section_{k.layer}")
            st.caption("row of the largest weight")
    st.caption(
        f"Kernels of {c.name}, all on the same two scales. The change is ‖learned − bilinear‖ / ‖bilinear‖. "
        "The paper fixes the last and learns the others; the authors' code fixes all, and its FAQ says that "
        "accuracy is the same."
    )


def _kernels(k: LearnedKernel, weights: Bar, spread: Bar) -> Row:
    """Draw a kernel before and after training, and the difference."""
    parts = (
        ("bilinear", k.bilinear, weights),
        ("learned", k.learned, weights),
        ("learned − bilinear", k.learned - k.bilinear, spread),
    )
    panels = (
        Panel(
            shows=Extent.cells(values.shape),
            layers=(coarse(values, bar.scale, reads=Values(values, "weight", 4)),),
            title=title,
            caption=span(values, 4),
            bar=bar,
            tall=190,
        )
        for title, values, bar in parts
    )
    return Row(tuple(panels))
