"""Panel "The kernels": a class's upsampling kernels, as they started and as they are."""

from __future__ import annotations

import streamlit as st

from fcnviz import heatmaps
from fcnviz.render import Scale
from ui import cache, figures, kernel_figures, scales, shown
from ui.heatmaps import Choice


def gallery(c: Choice) -> None:
    """Each deconvolution's kernel of the class: as it started, as it is, and along its middle."""
    found = heatmaps.kernels(cache.model(c.result.name, c.device), c.index)
    for k in found:
        side = 2 * k.factor
        how = "fixed bilinear, not learned" if k.frozen else f"changed by {100 * k.change:.2f} %"
        st.markdown(f"**`{k.layer}`** · {side} × {side} · stride {k.factor} · {how}")
        columns = st.columns(4)
        scale = Scale.over(k.learned, k.bilinear)
        spread = Scale.diverging(k.learned - k.bilinear)
        parts = (("bilinear", k.bilinear, scale), ("learned", k.learned, scale))
        parts += (("learned − bilinear", k.learned - k.bilinear, spread),)
        for column, (title, values, colours) in zip(columns, parts, strict=False):
            with column:
                figure = figures.grid(values, colours, unit="weight")
                figure.update_layout(height=190)
                shown.chart(figure, f"kernel_{k.layer}_{title}")
                st.caption(f"{title} · {scales.span(values, 4)}")
        with columns[3]:
            shown.chart(kernel_figures.section(k), f"section_{k.layer}")
            st.caption("row of the largest weight")
    st.caption(
        f"Kernels of {c.name}. The change is ‖learned − bilinear‖ / ‖bilinear‖. The paper fixes the last and "
        "learns the others; the authors' code fixes all, and its FAQ says that accuracy is the same."
    )
