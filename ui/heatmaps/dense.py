"""Panel "Coarse → dense": a class's score map, its reconstructions and their differences."""

from dataclasses import replace

import streamlit as st

from ui.compare.results import grid_text
from ui.components.grids import grids
from ui.figures.grids import Bar, Colours, Layer, Panel, Row, Values, coarse
from ui.figures.marks import Box, Cross, Ring
from ui.figures.numbers import percent
from ui.figures.pictures import Extent
from ui.figures.reconstruction import Difference, Pictures
from ui.figures.theme import FRAME, OPACITY
from ui.heatmaps import cached
from ui.heatmaps.choice import MORE, SHOWN, Choice

_TITLES = {
    "bilinear": "Bilinear interpolation",
    "learned": "The network's deconvolution",
    "nearest": "Nearest neighbour",
    "fixed": "Fixed bilinear deconvolution",
}


def dense(c: Choice) -> None:
    """Draw the coarse grid, its reconstructions and their differences."""
    made = c.pictures
    bar = Bar(f"{'Probability' if c.probability else 'Score'} of {c.name}", made.scale)
    grids(Row((_coarse(c, made, bar), *(_full(c, way, made) for way in SHOWN))), "dense")
    if c.more:
        grids(Row(tuple(_full(c, way, made) for way in MORE), columns=3), "dense_more")
    st.caption(_about_path(c))
    st.markdown("**What the deconvolution does that interpolation does not**")
    pictures, numbers = st.columns([2, 1], gap="medium")
    with pictures:
        border = _difference(c, made.border, "Border: fixed deconvolution − interpolation")
        learning = _difference(c, made.learning, "Learning: the network's − the fixed deconvolution")
        grids(Row((border, learning)), "dense_differences")
    with numbers:
        _labels_that_differ(c)


def _labels_that_differ(c: Choice) -> None:
    """Write the shares of the labels that the border and learning change."""
    scores = c.result.segmentation.scores
    border, learning, both = cached.label_differences(c.photo, c.result.net, c.stride, scores)
    label = "Labels that differ from interpolation's"
    st.metric(label, percent(both, 2), help="Of all pixels, over all classes: the best class is another one.")
    also = (
        ""
        if c.stride == c.result.stride
        else (
            " This map goes through several deconvolutions here, which are not one large one: that counts as "
            "learning too."
        )
    )
    st.markdown(
        f"The border alone: **{percent(border, 2)}** of the labels. Learning alone: "
        f"**{percent(learning, 2)}**.{also}"
    )


def _unit(c: Choice) -> str:
    return "probability" if c.probability else "score"


def _coarse(c: Choice, made: Pictures, bar: Bar) -> Panel:
    cells = c.cells
    where = Extent.cells(made.coarse.shape, cells.start, cells.stride)
    grid = coarse(made.coarse, made.scale, where, reads=Values(made.coarse, _unit(c)))
    photo = Extent.of(c.photo.input.size)
    marks = (Box.at(photo, "dot", FRAME), Box(*cells.edges(*cells.at(*c.pixel))))
    return Panel(
        shows=where,
        layers=_over(c, grid),
        title="Coarse, as it is",
        caption=grid_text(made.coarse.shape, c.stride),
        marks=marks,
        bar=bar,
    )


def _full(c: Choice, way: str, made: Pictures) -> Panel:
    w, h = c.photo.input.size
    where = Extent.of((w, h))
    shown = Layer(made.pngs[way], where, reads=Colours(made.scale, _unit(c)))
    return Panel(
        shows=where,
        layers=_over(c, shown),
        title=_TITLES[way],
        caption=f"→ {w} × {h}",
        marks=(Cross(*c.pixel),),
    )


def _difference(c: Choice, made: Difference, title: str) -> Panel:
    where = Extent.of(c.photo.input.size)
    return Panel(
        shows=where,
        layers=(Layer(made.png, where, reads=Colours(made.scale, "difference", 3)),),
        title=title,
        caption=f"max |Δ| {made.most:.3f} at {made.where[0]}, {made.where[1]} (ring)",
        marks=(Ring(*made.where),) if made.most else (),
        bar=Bar("Difference, one scale for both", made.scale, 3),
    )


def _over(c: Choice, layer: Layer) -> tuple[Layer, ...]:
    """Lay a map over the photo, if the visitor wants it."""
    if not c.over:
        return (layer,)
    photo = Layer(cached.below(c.photo), Extent.of(c.photo.input.size))
    return photo, replace(layer, opacity=OPACITY)


def _about_path(c: Choice) -> str:
    if c.stride == c.result.stride:
        return (
            f"This is the map that {c.result.title} upsamples: the deconvolution is its last layer, and "
            "gives each pixel's scores. Probabilities are taken after upsampling, as the network does."
        )
    return (
        f"{c.result.title} goes on to add skips to this map. Here it goes through the network's own "
        "deconvolutions without them: an ablation. Choose the finest map for the network's own."
    )
