"""Panel "Why this pixel?": the classes at one pixel, the cell behind it, and what that cell sees."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image, ImageDraw
from streamlit_image_coordinates import streamlit_image_coordinates

from fcnviz import heatmaps, images, receptive, render, voc
from fcnviz.render import Scale
from ui import cache, figures, link, shown, waiting
from ui.figures import Box, Extent
from ui.heatmaps import Choice
from ui.panels import Result

#: Classes shown for a pixel.
TOP = 5


def probe(c: Choice, palette: str) -> None:
    """Click a pixel: its best classes in each network, and the receptive field behind them."""
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
            logits = cache.on_worker(
                heatmaps.at_pixel, cache.model(result.name, c.device), result.segmentation.scores, *c.pixel
            )
            shown.chart(_bars(result, logits, palette), f"bars_{result.name}")


# --- choosing the pixel


def _pick(c: Choice) -> None:
    x, y = c.pixel
    w, h = c.photo.image.size
    st.markdown("**Click on the photo, or type a pixel**")
    key = f"click_{c.photo.digest[:12]}"

    def clicked() -> None:
        if spot := st.session_state.get(key):
            across, down = spot["x"] / max(spot["width"], 1), spot["y"] / max(spot["height"], 1)
            _link(min(int(across * w), w - 1), min(int(down * h), h - 1))

    streamlit_image_coordinates(
        _crosshair(c.photo.image, x, y), key=key, width="stretch", image_format="JPEG", jpeg_quality=80,
        cursor="crosshair", on_click=clicked,
    )  # fmt: skip
    state = st.session_state
    state.update(pixel_x=x, pixel_y=y)
    with st.container(horizontal=True):
        for axis, n in (("x", w), ("y", h)):
            st.number_input(
                f"{axis}, 0 … {n - 1}", 0, n - 1, key=f"pixel_{axis}", width=130,
                on_change=lambda: _link(state["pixel_x"], state["pixel_y"]),
            )  # fmt: skip


def _link(x: int, y: int) -> None:
    link.put({"x": str(x), "y": str(y)})


def _crosshair(image: Image.Image, x: int, y: int) -> Image.Image:
    """The photo, at most 500 px, with a ring around a pixel: dark and light, so that it shows on anything."""
    marked = images.fit(image, 500).copy()
    x, y = (round((v + 0.5) * m / n) for v, m, n in zip((x, y), marked.size, image.size, strict=True))
    draw, r = ImageDraw.Draw(marked), max(6, max(marked.size) // 50)
    for width, colour in ((5, "#101418"), (2, figures.MARK)):
        draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            draw.line((x + dx * r, y + dy * r, x + 2 * dx * r, y + 2 * dy * r), fill=colour, width=width)
    return marked


# --- what it sees


@waiting.panel
def _field(c: Choice) -> None:
    """The theoretical receptive field of the cell behind the pixel, and on demand the effective one."""
    cells = c.cells
    cell = cells.at(*c.pixel)
    field = receptive.receptive_field(cache.model(c.result.name, c.device), c.stride, cell, c.size)
    st.markdown(f"**What cell {cell[0]}, {cell[1]} of the {_map(c.stride)} map sees**")
    effective = st.toggle("Effective receptive field (a backward pass)", key="effective", bind="query-params")
    mass = cache.effective_field(c.which, cell, c.photo.image) if effective else None
    shown.chart(_field_figure(c, cell, field, mass), "field")
    width, height = field.right - field.left + 1, field.bottom - field.top + 1
    st.caption(
        f"Dashed: the theoretical receptive field, {width} × {height} px, also beyond the photo. Solid: the "
        f"cell, {c.stride} × {c.stride} px."
    )
    if mass is not None:
        _about_mass(c, mass, cell, field)


def _map(stride: int) -> str:
    return "stride-32" if stride == 32 else f"fused {stride}"


def _about_mass(c: Choice, mass: np.ndarray, cell: tuple[int, int], field: receptive.Field) -> None:
    left, top, right, bottom = c.cells.edges(*cell)
    half = receptive.half_mass_side(mass, (left + right) / 2, (top + bottom) / 2)
    share = receptive.central_share(mass, field)
    st.caption(
        f"Bright: |gradient| of the cell's {c.name} score with respect to the photo (square root, to show "
        f"faint parts). The central quarter of the box (half as wide and high) holds "
        f"**{100 * share:.1f} %** of the gradient; a square of {half} px around the cell holds half of it."
    )


def _field_figure(
    c: Choice, cell: tuple[int, int], field: receptive.Field, mass: np.ndarray | None
) -> go.Figure:
    w, h = c.photo.image.size
    box = Box(field.left - 0.5, field.top - 0.5, field.right + 0.5, field.bottom + 0.5, "dash")
    shows = Extent.around(Extent.of((w, h)), box)
    margin = 0.02 * (shows.right - shows.left)
    shows = Extent(shows.left - margin, shows.top - margin, shows.right + margin, shows.bottom + margin)
    layers = [(cache.small_photo(c.photo.digest, c.photo.image), 1.0)]
    if mass is not None:
        root = np.sqrt(mass)
        layers = [(layers[0][0], 1.0), (render.heatmap_png(root, Scale(0, float(root.max()), "magma")), 0.85)]
    figure = figures.picture(layers, (w, h), shows)
    figures.add_boxes(figure, [box, Box(*c.cells.edges(*cell))])
    figure.update_layout(height=figures.fitting(shows.right - shows.left, shows.bottom - shows.top, 470))
    return figure


# --- the classes there


def _bars(result: Result, logits: np.ndarray, palette: str) -> go.Figure:
    chance = np.exp(logits - logits.max())
    chance /= chance.sum()
    best = np.argsort(-chance)[:TOP][::-1]
    colours = ["#{:02x}{:02x}{:02x}".format(*render.PALETTES[palette][i]) for i in best]
    figure = go.Figure(
        go.Bar(
            x=chance[best], y=[voc.CLASSES[i] for i in best], orientation="h", cliponaxis=False,
            text=[f"{100 * chance[i]:.1f} %  ({logits[i]:.1f})".replace("-", "−") for i in best],
            textposition="outside", hoverinfo="skip",
            marker={"color": colours, "line": {"color": figures.FRAME, "width": 1}},
        )
    )  # fmt: skip
    figure.update_layout(
        title={"text": result.title, "x": 0, "font": {"size": 16}}, height=220, dragmode=False,
        margin={"l": 4, "r": 4, "t": 34, "b": 4}, plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"range": (0, 1.55), "visible": False, "fixedrange": True},
        yaxis={"fixedrange": True, "title": None, "tickfont": {"size": 14}, "showgrid": False},
    )  # fmt: skip
    return figure
