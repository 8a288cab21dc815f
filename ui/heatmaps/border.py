"""Panel "The border": where a bilinear deconvolution is not bilinear interpolation."""

import streamlit as st

from fcnviz.lessons.heatmaps.border import Border, weight_sums
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Bar, Colours, Layer, Panel
from ui.figures.marks import Box
from ui.figures.pictures import Extent
from ui.heatmaps import cached, figures
from ui.heatmaps.choice import Choice


def border(c: Choice) -> None:
    """Draw where fixed bilinear deconvolution and interpolation differ: within s/2 pixels of the edge."""
    s = c.stride
    found, png = cached.border(c.photo, c.key, c.result.segmentation.scores)
    canvas, sums = st.columns([3, 2], gap="medium")
    with canvas:
        grids(_difference(c, found, png), "border")
    with sums:
        st.markdown("**Sum of the kernel's weights near an edge**")
        profile = weight_sums(s)
        shown.chart(figures.weight_sums(profile), "weight_sums")
        st.caption(
            f"Beyond the edge there are no cells: at the first pixel the weights that count sum to "
            f"{profile[0]:.3f} and not to 1, so scores are pulled towards 0."
        )
        inside, outside = st.columns(2)
        inside.metric("Interior: max |Δ|", f"{found.inside:.6f}", help="What is left is float32 rounding.")
        outside.metric("Border: max |Δ|", f"{found.outside:.2f}")


def _difference(c: Choice, found: Border, png: bytes) -> Panel:
    """Draw the difference on its canvas, which begins half a cell before the centre of cell 0."""
    s, (h, w) = c.stride, found.difference.shape
    canvas = Extent.cells((h // s, w // s), c.cells.start, s)
    half, photo = s / 2, Extent.of(c.photo.input.size)
    inner = canvas.left + half, canvas.top + half, canvas.right - half, canvas.bottom - half
    scale = Scale.diverging(found.difference)
    return Panel(
        shows=canvas,
        layers=(Layer(png, canvas, reads=Colours(scale, "difference")),),
        title="Bilinear deconvolution − F.interpolate",
        caption=(
            f"The whole canvas, {w} × {h} px: {w // s} × {h // s} cells of {s} px. Dashed: s/2 = {s // 2} px "
            "from its edge. Dotted: the photo."
        ),
        marks=(Box(*inner, "dash", "#1a1f26"), Box.at(photo, "dot")),
        bar=Bar("Difference in score", scale),
    )
