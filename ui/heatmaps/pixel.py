"""Panel "Why this pixel?": the classes at one pixel, the cell behind it, and what that cell sees."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image, ImageDraw
from scipy.special import softmax
from streamlit_image_coordinates import streamlit_image_coordinates

from fcnviz import render
from fcnviz.lessons.heatmaps import certainty, receptive
from fcnviz.photos import images, voc
from ui.compare.results import Result
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Layer, Panel
from ui.figures.marks import Box
from ui.figures.numbers import minus, percent
from ui.figures.pictures import Extent
from ui.figures.theme import INK, MARK, hex_colour
from ui.heatmaps import cached, figures
from ui.heatmaps.choice import Choice, Heatmap
from ui.page import link
from ui.running import layers, waiting, worker
from ui.running.networks import model

#: Number of classes shown for a pixel.
TOP = 5


def probe(c: Choice, palette: str) -> None:
    """Draw the choice of a pixel, its best classes in each network, and the receptive field behind it."""
    left, right = st.columns(2, gap="medium")
    with left:
        _pick(c)
    with right:
        _field(c)
    st.markdown(
        f"**The five best classes at x {c.pixel[0]}, y {c.pixel[1]}** · softmax probability, by network"
    )
    for column, result in zip(st.columns(len(c.results)), c.results, strict=True):
        with column:
            logits = worker.run_short(
                certainty.at_pixel, model(result.net), result.segmentation.scores, *c.pixel
            )
            shown.chart(_bars(result, logits, palette), f"bars_{result.net.name}")


# --- choosing the pixel


def _pick(c: Choice) -> None:
    x, y = c.pixel
    w, h = c.photo.input.size
    st.markdown("**Click on the photo, or type a pixel**")
    key = f"click_{c.photo.sha256[:12]}"

    def clicked() -> None:
        if spot := st.session_state.get(key):
            across, down = spot["x"] / max(spot["width"], 1), spot["y"] / max(spot["height"], 1)
            _link(min(int(across * w), w - 1), min(int(down * h), h - 1))

    def typed() -> None:
        _link(state["pixel_x"], state["pixel_y"])

    marked = _crosshair(c.photo.input, x, y)
    look = {"width": "stretch", "image_format": "JPEG", "jpeg_quality": 80, "cursor": "crosshair"}
    streamlit_image_coordinates(marked, key=key, on_click=clicked, **look)
    state = st.session_state
    state.update(pixel_x=x, pixel_y=y)
    with st.container(horizontal=True):
        for axis, n in (("x", w), ("y", h)):
            label = f"{axis}, 0 … {n - 1}"
            st.number_input(label, 0, n - 1, key=f"pixel_{axis}", width=130, on_change=typed)


def _link(x: int, y: int) -> None:
    link.put({"x": str(x), "y": str(y)})


def _crosshair(image: Image.Image, x: int, y: int) -> Image.Image:
    """Mark a pixel on the photo, of at most 500 px, in a dark and a light colour that show on any photo."""
    marked = images.fit(image, 500).copy()
    x, y = (round((v + 0.5) * m / n) for v, m, n in zip((x, y), marked.size, image.size, strict=True))
    draw, r = ImageDraw.Draw(marked), max(6, max(marked.size) // 50)
    for width, colour in ((5, INK), (2, MARK)):
        draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            draw.line((x + dx * r, y + dy * r, x + 2 * dx * r, y + 2 * dy * r), fill=colour, width=width)
    return marked


# --- its receptive field


@waiting.panel
def _field(c: Choice) -> None:
    """Draw the theoretical receptive field of the cell behind the pixel, and on demand the effective one."""
    cell = c.cells.at(*c.pixel)
    field = receptive.receptive_field(model(c.result.net), c.stride, cell, c.photo.input_shape)
    st.markdown(f"**What cell {cell[0]}, {cell[1]} of the stride-{c.stride} map sees**")
    effective = st.toggle("Effective receptive field (a backward pass)", key="effective", bind="query-params")
    mass = cached.effective_field(c.photo, c.key, cell) if effective else None
    grids(field_panel(c, cell, field, mass), "field")
    if mass is not None:
        _about_mass(c, mass, cell, field)


def _about_mass(c: Choice, mass: np.ndarray, cell: tuple[int, int], field: receptive.Field) -> None:
    half, share = half_mass_side(c, mass, cell), receptive.central_share(mass, field)
    st.caption(
        f"Bright: |gradient| of the cell's {c.name} score with respect to the photo (square root, to show "
        f"faint parts). The central quarter of the box (half as wide and high) holds "
        f"**{percent(share)}** of the gradient; a square of {half} px around the cell holds half of it."
    )


def half_mass_side(c: Heatmap, mass: np.ndarray, cell: tuple[int, int]) -> int:
    """Return the side in px of the square around a cell that holds half of its effective field."""
    left, top, right, bottom = c.cells.edges(*cell)
    return receptive.half_mass_side(mass, (left + right) / 2, (top + bottom) / 2)


def field_panel(c: Heatmap, cell: tuple[int, int], field: receptive.Field, mass: np.ndarray | None) -> Panel:
    """Draw the theoretical receptive field of a cell over the photo, and the effective one if it is given."""
    photo = Extent.of(c.photo.input.size)
    box = Box(field.left - 0.5, field.top - 0.5, field.right + 0.5, field.bottom + 0.5, "dash")
    shows = Extent.around(photo, box)
    margin = 0.02 * shows.width
    width, height = field.right - field.left + 1, field.bottom - field.top + 1
    below = [Layer(layers.small_photo(c.photo), photo)]
    if mass is not None:
        below.append(Layer(cached.mass_layer(c.photo, c.key, cell, mass), photo, 0.85))
    return Panel(
        shows=Extent(shows.left - margin, shows.top - margin, shows.right + margin, shows.bottom + margin),
        layers=tuple(below),
        marks=(box, Box(*c.cells.edges(*cell))),
        caption=(
            f"Dashed: the theoretical receptive field, {width} × {height} px, also beyond the photo. "
            f"Solid: the cell, {c.stride} × {c.stride} px."
        ),
    )


# --- its classes


def _bars(result: Result, logits: np.ndarray, palette: str) -> go.Figure:
    chance = softmax(logits)
    best = np.argsort(-chance)[:TOP][::-1]
    colours = [hex_colour(render.PALETTES[palette][i]) for i in best]
    text = [f"{percent(chance[i])}  ({minus(f'{logits[i]:.1f}')})" for i in best]
    return figures.pixel_classes(result.title, [voc.CLASSES[i] for i in best], chance[best], text, colours)
