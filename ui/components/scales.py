"""The colour bar of pictures that share a scale."""

import streamlit as st

from fcnviz import render
from fcnviz.render import Scale
from ui.export import shown
from ui.figures.numbers import fixed


def bar(scale: Scale, what: str, *, digits: int = 1) -> None:
    """Draw a colour bar with the numbers at its ends.

    Args:
        scale: the scale that the pictures share.
        what: the quantity and its unit.
        digits: number of digits after the decimal point.
    """
    shown.fact("scales", what, {"low": scale.low, "high": scale.high, "colours": scale.cmap})
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.caption(f"{what}: {fixed(scale.low, digits)}", width="content", wrap=False)
        st.image(
            render.to_png(render.colorbar(scale.cmap, 144, 12)), width=144, alt=f"Colour bar of {what}"
        )  # in the export as numbers
        st.caption(fixed(scale.high, digits), width="content", wrap=False)
