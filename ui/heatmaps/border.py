"""Panel "The border": where a bilinear deconvolution is not bilinear interpolation."""

import pandas as pd
import streamlit as st

from fcnviz import geometry
from fcnviz.geometry import SCORE_MAPS, STRIDES
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup
from fcnviz.lessons.heatmaps.border import Border, reach, weight_sums
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Bar, Colours, Layer, Panel
from ui.figures.marks import Box
from ui.figures.pictures import Extent
from ui.heatmaps import cached, figures
from ui.heatmaps.choice import Choice
from ui.running.networks import model


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
    _reach(c)


def _reach(c: Choice) -> None:
    """Write how far the border reaches into the photo, and tabulate it for the networks and the paper's."""
    st.markdown(
        "**Why crop?** The canvas is larger than the photo. The crop lays it onto the photo, and cuts some "
        "or all of the border off."
    )
    across, down = (_into(c, axis) for axis in (0, 1))
    edges = zip(("left", "right", "top", "bottom"), (*across, *down), strict=True)
    found = ", ".join(f"{edge} **{px} px**" for edge, px in edges)
    st.markdown(f"Into this photo, in {c.result.title} at stride {c.stride}, the border reaches: {found}.")
    shown.table(reach_table(c.photo.input.width), "border_reach")
    st.caption(
        "Pixels from the left edge on where the weights do not sum to 1, measured on a map of ones. VGG16 "
        "pads the photo by 100 px: there FCN-16s and 8s cut the border off whole."
    )


def _into(c: Choice, axis: int) -> tuple[int, int]:
    """Measure the reach of the border from both ends of the photo's width (axis 0) or height (1), in px."""
    scores = geometry.stages(*model(c.result.net).backbone.places)[c.stride]
    cells = c.result.segmentation.scores.at(c.stride).shape[-1 - axis]
    return reach(scores, c.photo.input.size[axis], cells)


def reach_table(length: int) -> pd.DataFrame:
    """Tabulate crop and reach of the border, from the first edge on, for a photo of this side in px."""
    backbones = {"EfficientNet-Lite0": "lite0", "VGG16, the paper's": "vgg16"}
    rows = {
        title: {f"FCN-{s}s": _cell(Setup(name, s), length) for s in STRIDES}
        for title, name in backbones.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _cell(setup: Setup, length: int) -> str:
    scores = next(s for s in layout.steps(setup, length) if s.name == SCORE_MAPS[setup.stride])
    first, _ = reach(scores.place, length, scores.after)
    return f"crop {setup.crops.final} → {first} px" if first else f"crop {setup.crops.final} → none"


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
        title="Fixed bilinear deconvolution − interpolation",
        caption=(
            f"The whole canvas, {w} × {h} px: {w // s} × {h // s} cells of {s} px. Dashed: s/2 = {s // 2} px "
            "from its edge. Dotted: the photo."
        ),
        marks=(Box(*inner, "dash", "#1a1f26"), Box.at(photo, "dot")),
        bar=Bar("Difference in score", scale),
    )
