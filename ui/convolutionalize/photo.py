"""Panel: an ImageNet classifier on the photo, dense and as a convolution."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import nn

from fcnviz import weights
from fcnviz.backbones import fold_batch_norms
from fcnviz.convolutionalize import convolutionalize, window_rows
from fcnviz.lessons.convolutionalize import gap, imagenet
from fcnviz.lessons.heatmaps.receptive import half_mass_side
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.convolutionalize import figures
from ui.export import offline, shown
from ui.figures.grids import Bar, Layer, Panel, Row, Values, coarse
from ui.figures.marks import Box
from ui.figures.numbers import delta, percent
from ui.figures.pictures import Extent
from ui.running import layers, waiting, worker
from ui.running.photo_cache import of_photo
from ui.state import Networks, Photo

#: Shorter sides of the input, in px.
SHORTER = tuple(range(224, 641, 32))
#: Most pixels of an input.
MOST_PIXELS = 1_300_000
#: The shorter side that the page starts with; the Lecture shows the same.
START_SHORTER = 384


@st.cache_resource(show_spinner="Loading EfficientNet-Lite0 …", max_entries=2)
def lite0(device: str) -> tuple[nn.Module, nn.Sequential]:
    """Load the ImageNet classifier, batch norms folded, dense and convolutionalised; both share memory."""
    net = imagenet.lite0()
    fold_batch_norms(net)
    net.to(device).to(memory_format=torch.channels_last)
    return net, convolutionalize(net)


@of_photo(show_spinner="Classifying the centre crop …", max_entries=64, own=3)
def answer(photo: Photo, device: str) -> np.ndarray:
    """Compute the classifier's scores of the centre crop, (1000,)."""
    return worker.run(scores, lite0(device)[0], prepared(imagenet.centre(photo.image), device))


@of_photo(show_spinner="The same as a convolution …", max_entries=64, own=3)
def convolved(photo: Photo, device: str) -> np.ndarray:
    """Compute the scores of the same crop by the convolutionalised classifier, (1000,)."""
    x = prepared(imagenet.centre(photo.image), device)
    return worker.run(scores, lite0(device)[1], x)[:, 0, 0]


def scores(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    """Compute the scores of one image, (1000,), or of its windows, (1000, h, w)."""
    with torch.no_grad():
        return net(x)[0].cpu().numpy()


def probabilities(values: np.ndarray) -> np.ndarray:
    """Compute the softmax of scores over the classes, which are the first axis."""
    return torch.from_numpy(values).softmax(0).numpy()


@of_photo(show_spinner="Running the network over the whole photo …", max_entries=24, own=3)
def whole(photo: Photo, shorter: int, device: str) -> np.ndarray:
    """Compute the probabilities of every window of the photo at this scale, (1000, h, w)."""
    x = prepared(imagenet.scaled(photo.image, shorter), device)
    return probabilities(worker.run(scores, lite0(device)[1], x))


@of_photo(show_spinner="Classifying window by window …", max_entries=12, own=2)
def alone(photo: Photo, shorter: int, device: str) -> np.ndarray:
    """Compute the probabilities of each window that fits, classified alone, (1000, rows, columns)."""
    x = prepared(imagenet.scaled(photo.image, shorter), device)
    batch = 4 if device == "cpu" else 64
    steps = window_rows(lite0(device)[0], x, imagenet.CROP, imagenet.STRIDE, batch)
    rows = [row.cpu().numpy() for row in worker.run_steps(_without_gradients(steps))]
    return probabilities(np.stack(rows, 1))


def _without_gradients(steps: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    while True:
        with torch.no_grad():
            step = next(steps, None)
        if step is None:
            return
        yield step


@of_photo(show_spinner="One forward and one backward pass …", max_entries=16, own=2)
def influence(photo: Photo, shorter: int, device: str, index: int, cell: tuple[int, int]) -> np.ndarray:
    """Measure how much each pixel of the input moves a cell's score, (H, W) (see `gap.influence`)."""
    x = prepared(imagenet.scaled(photo.image, shorter), device)
    return worker.run(gap.influence, lite0(device)[1], x, index, cell).numpy()


def prepared(image: Image.Image, device: str) -> torch.Tensor:
    """Turn an RGB image into the classifier's input on its device."""
    return imagenet.prepare(image).to(device, memory_format=torch.channels_last)


@waiting.panel
def on_photo(photo: Photo, networks: Networks) -> None:
    """Draw the answer for the centre crop, and a heatmap of any class for the whole photo."""
    import pandas as pd  # here, not above: it takes a while

    device = str(weights.pick_device(networks.device))
    dense, conv = answer(photo, device), convolved(photo, device)
    probability, names = probabilities(dense), imagenet.names()
    top = np.argsort(-probability)[:5]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Classifier** · the centre crop, one answer, no “where”")
        where, box = Extent.of(photo.image.size), crop_box(photo.image)
        said = "Boxed: the crop."
        grids(Panel(shows=where, layers=(_photo(photo),), marks=(box,), caption=said, tall=240), "conv_crop")
        bar = st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
        five = pd.DataFrame({"class": [names[i] for i in top], "probability": 100 * probability[top]})
        look = {"hide_index": True, "width": "stretch", "column_config": {"probability": bar}}
        shown.frame(five, "conv_top_five", **look)
        st.caption(
            "EfficientNet-Lite0 with ImageNet weights, on 224 × 224 px. Convolutionalized, on the same crop: "
            f"1 × 1 cell, max |Δ| = {delta(np.abs(dense - conv).max())}."
        )
    with right:
        st.markdown("**The same weights as a convolution** · the whole photo, one answer per window")
        shown_map = _heatmap(photo, device, int(top[0]))
    if shown_map is not None:
        _measured(photo, device, *shown_map)


def subject(best: int) -> tuple[str, tuple[int, ...]]:
    """Name what the heatmap shows if the crop's best class is this: its group, or the class alone."""
    group = imagenet.group_of(best)
    return (group, imagenet.GROUPS[group]) if group else (imagenet.names()[best], (best,))


def _chosen(name: str) -> tuple[str, tuple[int, ...]]:
    return name, imagenet.GROUPS.get(name) or (imagenet.names().index(name),)


def _heatmap(photo: Photo, device: str, best: int) -> tuple[int, str, tuple[int, ...]] | None:
    """Draw the map of a class or a group; return the input's shorter side, and the map's name and classes."""
    with st.container(horizontal=True, gap="medium"):
        label, hint = "Class: type to search", f"{subject(best)[0]} (the crop's)"
        chosen = st.selectbox(
            label,
            (*imagenet.GROUPS, *imagenet.names()),
            None,
            placeholder=hint,
            key="conv_class",
            bind="query-params",
            width=250,
        )
        label = "Input scale: shorter side, px"
        shorter = st.select_slider(
            label, SHORTER, START_SHORTER, key="conv_shorter", bind="query-params", width=220
        )
    name, classes = _chosen(chosen) if chosen else subject(best)
    factor = min(photo.image.size) / shorter
    width, height = scaled_size(photo, shorter)
    if width * height > MOST_PIXELS:
        st.error(
            f"At that scale the photo has {width} × {height} px, more than this page runs: choose a smaller "
            "scale, or a photo that is less elongated.",
            icon=":material/error:",
        )
        return None
    values = whole(photo, shorter, device)[list(classes)].sum(0)
    shown.add("scores/imagenet-one-class.npy", partial(offline.array, values[None].copy()))  # (1, h, w)
    h, w = values.shape
    caption = (
        f"“{name}”{_summed(classes)} · input {width} × {height} px → {w} × {h} cells, each for a window of "
        f"{imagenet.CROP} × {imagenet.CROP}, 32 px apart, drawn at the windows' centres; boxed is the window "
        "of the highest."
    )
    grids(_heat(photo, values, factor, caption), "conv_heat")
    return shorter, name, classes


def _summed(classes: tuple[int, ...]) -> str:
    return f", the sum of {len(classes)} classes" if len(classes) > 1 else ""


def _measured(photo: Photo, device: str, shorter: int, name: str, classes: tuple[int, ...]) -> None:
    """On demand, compare the cells with their windows alone, and draw what the highest cell sees."""
    label = "Measure it: each window classified alone, and what one cell sees"
    if not st.toggle(label, key="conv_gap", bind="query-params"):
        st.caption(
            "A cell is not exactly its window's answer: padding puts zeros around a window alone, and sees "
            "the photo around a window in the photo."
        )
        return
    cells, windows = whole(photo, shorter, device), alone(photo, shorter, device)
    found = measured(photo, shorter, device)
    columns, rows = found.windows
    st.markdown(
        f"**{columns} × {rows} windows lie in the input; classified alone**, their probabilities differ from "
        f"the cells' by up to **{found.difference:.2f}**, and the best class agrees in "
        f"**{percent(found.agreement, 0)}** of them. Without padding the two would be equal: see Digits."
    )
    one, other = (m[list(classes), :rows, :columns].sum(0) for m in (cells, windows))
    bar = Bar(f"Probability of {name}, one scale", Scale(0.0, float(max(one.max(), other.max()))), 3)
    titles = ("One pass: the cells", "Window by window, alone")
    panels = (_window_map(photo, m, shorter, bar, t) for m, t in zip((one, other), titles, strict=True))
    left, right = st.columns([2, 1], gap="medium")
    with left:
        grids(Row(tuple(panels)), "conv_gap_maps")
    with right:
        _fields(photo, device, shorter, classes, cells)


def measured(photo: Photo, shorter: int, device: str) -> gap.Gap:
    """Compare the cells of one pass with their windows classified alone."""
    cells, windows = (torch.from_numpy(of(photo, shorter, device)) for of in (whole, alone))
    return gap.gap(cells, windows)


def _window_map(photo: Photo, values: np.ndarray, shorter: int, bar: Bar, title: str) -> Panel:
    """Draw a map of the windows that fit over the photo."""
    start, step = places(min(photo.image.size) / shorter)
    where = Extent.cells(values.shape, (start, start), step)
    layer = coarse(values, bar.scale, where, figures.HEATMAP_OPACITY, Values(values, "probability"), False)
    caption = f"highest {values.max():.3f}"
    shows = Extent.of(photo.image.size)
    return Panel(shows=shows, layers=(_photo(photo), layer), title=title, caption=caption, bar=bar)


def _fields(photo: Photo, device: str, shorter: int, classes: tuple[int, ...], cells: np.ndarray) -> None:
    """Draw the window of the highest cell, its theoretical field, and half of its gradient."""
    values, factor = cells[list(classes)].sum(0), min(photo.image.size) / shorter
    y, x = (int(i) for i in np.unravel_index(values.argmax(), values.shape))
    index = max(classes, key=lambda c: cells[c, y, x])
    mass = influence(photo, shorter, device, index, (x, y))
    centre = [imagenet.STRIDE * i + (imagenet.CROP - 1) / 2 for i in (x, y)]
    half, field = half_mass_side(mass, *centre), imagenet.field()

    def square(side: int, dash: str) -> Box:
        left, top, right, bottom = ((v + d) * factor for d in (-side / 2, side / 2) for v in centre)
        return Box(left, top, right, bottom, dash)

    boxes = square(imagenet.CROP, "solid"), square(field, "dash"), square(half, "dot")
    photo_extent = Extent.of(photo.image.size)
    caption = (
        f"The highest cell. Solid: its window, {imagenet.CROP} px. Dashed: all that can reach it, its "
        f"theoretical receptive field, {field} px. Dotted: the square that holds half of the gradient of its "
        f"“{imagenet.names()[index]}” score, {half} px: the effective one. In px of the input."
    )
    shows = Extent.around(photo_extent, *boxes)
    layer = _photo(photo)
    grids(
        Panel(shows=shows, layers=(layer,), title="224 or more?", caption=caption, marks=boxes), "conv_fields"
    )


def scaled_size(photo: Photo, shorter: int) -> tuple[int, int]:
    """Return (width, height) of the photo scaled to this shorter side, as `imagenet.scaled` does it."""
    factor = min(photo.image.size) / shorter
    width, height = (max(shorter, round(n / factor)) for n in photo.image.size)
    return width, height


def places(factor: float) -> tuple[float, float]:
    """Return the centre of window 0 and the step to the next, in px of the photo (`factor` per input px)."""
    return ((imagenet.CROP - 1) / 2 + 0.5) * factor - 0.5, imagenet.STRIDE * factor


def best_window(values: np.ndarray, factor: float) -> Box:
    """Return the window with the highest value, in pixels of the photo."""
    step = imagenet.STRIDE * factor
    y, x = np.unravel_index(values.argmax(), values.shape)
    left, top, side = x * step - 0.5, y * step - 0.5, imagenet.CROP * factor
    return Box(left, top, left + side, top + side)


def crop_box(image: Image.Image) -> Box:
    """Return the crop that the classifier is given, in pixels of the photo."""
    left, top, side = imagenet.window(image.size)
    return Box(left - 0.5, top - 0.5, left + side - 0.5, top + side - 0.5)


def _heat(photo: Photo, values: np.ndarray, factor: float, caption: str) -> Panel:
    """Draw the map over the photo; a pixel of the input is `factor` pixels of the photo."""
    start, step = places(factor)
    scale, where = Scale(0.0, float(values.max())), Extent.cells(values.shape, (start, start), step)
    heat = coarse(values, scale, where, figures.HEATMAP_OPACITY, Values(values, "probability"), False)
    return Panel(
        shows=Extent.of(photo.image.size),
        layers=(_photo(photo), heat),
        caption=caption,
        marks=(best_window(values, factor),),
        bar=Bar("Probability", scale, 3),
        tall=480,
    )


def _photo(photo: Photo) -> Layer:
    return Layer(layers.photo_file(photo), Extent.of(photo.image.size))
