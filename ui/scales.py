"""The colour bar under pictures that share a scale."""

from __future__ import annotations

import streamlit as st

from fcnviz import render
from fcnviz.render import Scale


def bar(scale: Scale, what: str, *, digits: int = 1) -> None:
    """Draw a colour bar with its ends, as small print.

    Args:
        scale: that the pictures share.
        what: the quantity and its unit.
        digits: after the decimal point.
    """
    low = f"{scale.low:.{digits}f}".replace("-", "−")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{what}: {low}", width="content")
        st.image(render.to_png(render.colorbar(scale.cmap, 192, 12)), width=192)
        st.caption(f"{scale.high:.{digits}f}", width="content")
