"""Panel "Coarse → dense": a class's score map, its reconstructions and their difference."""

from dataclasses import replace

import streamlit as st

from ui.compare.results import grid_text
from ui.components.grids import grids
from ui.figures.grids import Bar, Colours, Layer, Panel, Row, Values, coarse
from ui.figures.marks import Box, Cross, Ring
from ui.figures.pictures import Extent
from ui.figures.reconstruction import Pictures
from ui.figures.theme import FRAME, OPACITY
from ui.heatmaps.choice import Choice
from ui.running import layers

_TITLES = {
    "bilinear": "Bilinear interpolation",
    "learned": "Deconvolution, own kernels",
    "nearest": "Nearest neighbour",
    "fixed": "Deconvolution, fixed bilinear",
}


def dense(c: Choice) -> None:
    """Draw the coarse grid, its reconstructions and their difference; the maps share a scale."""
    made = c.pictures
    bar = Bar(f"{'Probability' if c.probability else 'Score'} of {c.name}", made.scale)
    panels = _coarse(c, made, bar), _full(c, "bilinear", made), _full(c, "learned", made)
    grids(Row((*panels, _difference(c, made))), "dense")
    if c.more:
        grids(Row((_full(c, "nearest", made), _full(c, "fixed", made)), columns=4), "dense_more")
    st.caption(_about_path(c))


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


def _difference(c: Choice, made: Pictures) -> Panel:
    where, (x, y) = Extent.of(c.photo.input.size), made.where
    return Panel(
        shows=where,
        layers=_over(c, Layer(made.difference, where, reads=Colours(made.spread, "difference"))),
        title="Deconvolution − bilinear",
        caption=f"max |Δ| {made.spread.high:.3f} at {x}, {y} (ring)",
        marks=(Ring(x, y),),
        bar=Bar("Difference", made.spread),
    )


def _over(c: Choice, layer: Layer) -> tuple[Layer, ...]:
    """Lay a map over the photo, if the visitor wants it."""
    if not c.over:
        return (layer,)
    photo = Layer(layers.small_photo(c.photo), Extent.of(c.photo.input.size))
    return photo, replace(layer, opacity=OPACITY)


def _about_path(c: Choice) -> str:
    if c.stride == c.result.stride:
        return (
            f"This is the map that {c.result.title} upsamples: the deconvolution is its last layer, and its "
            "output the logits. Probabilities are taken after upsampling, as the network does."
        )
    return (
        f"{c.result.title} goes on to add skips to this map. Here it goes through the network's own "
        "deconvolutions without them: an ablation. Choose the finest map to see the network's logits."
    )
