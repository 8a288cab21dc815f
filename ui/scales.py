"""The colour bar under pictures that share a scale."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.render import Scale
from ui import shown


def bar(scale: Scale, what: str, *, digits: int = 1) -> None:
    """Draw a colour bar with its ends, as small print.

    Args:
        scale: that the pictures share.
        what: the quantity and its unit.
        digits: after the decimal point.
    """
    shown.fact("scales", what, {"low": scale.low, "high": scale.high, "colours": scale.cmap})
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.caption(f"{what}: {number(scale.low, digits)}", width="content", wrap=False)
        st.image(
            render.to_png(render.colorbar(scale.cmap, 144, 12)), width=144, alt=f"Colour bar of {what}"
        )  # in the export as numbers
        st.caption(number(scale.high, digits), width="content", wrap=False)


def number(value: float, digits: int) -> str:
    """A number with a true minus sign, and none before zero.

    >>> number(-0.04, 1), number(-2, 1)
    ('0.0', '−2.0')
    """
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def span(values: np.ndarray, digits: int) -> str:
    """The smallest and the largest of some numbers."""
    return f"{number(float(values.min()), digits)} … {number(float(values.max()), digits)}"
