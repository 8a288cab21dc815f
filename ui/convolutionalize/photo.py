"""Panel: an ImageNet classifier on the photo, dense and as a convolution."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
import torch
from PIL import Image
from scipy.special import softmax
from torch import nn

from fcnviz import weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.convolutionalize import figures
from ui.export import offline, shown
from ui.figures.grids import Bar, Layer, Panel, Values, coarse
from ui.figures.marks import Box
from ui.figures.numbers import delta
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
    """Load the ImageNet classifier, dense and convolutionalised; both share their memory."""
    net = imagenet.lite0().to(device).to(memory_format=torch.channels_last)
    return net, convolutionalize(net)


@of_photo(show_spinner="Classifying the centre crop …", max_entries=64, own=3)
def crop(photo: Photo, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Compute the scores of the centre crop, dense and convolutional, (1000,) each."""
    dense, conv = lite0(device)
    x = _prepared(imagenet.centre(photo.image)[0], device)
    return worker.run(_scores, dense, x), worker.run(_scores, conv, x)[:, 0, 0]


def _scores(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].cpu().numpy()


@of_photo(show_spinner="Running the network over the whole photo …", max_entries=24, own=3)
def whole(photo: Photo, shorter: int, device: str) -> np.ndarray:
    """Compute the probabilities of every window of the photo at this scale, (1000, h, w)."""
    x = _prepared(imagenet.scaled(photo.image, shorter), device)
    return softmax(worker.run(_scores, lite0(device)[1], x), axis=0)


def _prepared(image: Image.Image, device: str) -> torch.Tensor:
    return imagenet.prepare(image).to(device, memory_format=torch.channels_last)


@waiting.panel
def on_photo(photo: Photo, networks: Networks) -> None:
    """Draw the answer for the centre crop, and a heatmap of any class for the whole photo."""
    device = str(weights.pick_device(networks.device))
    dense, conv = crop(photo, device)
    probability, names = softmax(dense), imagenet.names()
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
            "EfficientNet-Lite0 with ImageNet weights, on 224 × 224 px. Convolutionalised, on the same crop: "
            f"1 × 1 cell, max |Δ| = {delta(np.abs(dense - conv).max())}."
        )
    with right:
        st.markdown("**The same weights as a convolution** · the whole photo, one answer a window")
        _heatmap(photo, device, int(top[0]))


def _heatmap(photo: Photo, device: str, best: int) -> None:
    names = imagenet.names()
    with st.container(horizontal=True, gap="medium"):
        label, hint = "Class: type to search", f"{names[best]} (the top one)"
        chosen = st.selectbox(
            label, names, None, placeholder=hint, key="conv_class", bind="query-params", width=250
        )
        label = "Input scale: shorter side, px"
        shorter = st.select_slider(
            label, SHORTER, START_SHORTER, key="conv_shorter", bind="query-params", width=220
        )
    index = names.index(chosen) if chosen else best
    factor = min(photo.image.size) / shorter
    width, height = scaled_size(photo, shorter)
    if width * height > MOST_PIXELS:
        st.error(
            f"At that scale the photo has {width} × {height} px, more than this page runs: choose a smaller "
            "scale, or a photo that is less elongated.",
            icon=":material/error:",
        )
        return
    values = whole(photo, shorter, device)[index]
    shown.add("scores/imagenet-one-class.npy", partial(offline.array, values[None].copy()))  # (1, h, w)
    h, w = values.shape
    caption = (
        f"“{names[index]}” · input {width} × {height} px → {w} × {h} cells, each a window of 224 × 224, "
        "32 px apart, drawn at the windows' centres; boxed is the window of the highest. Padding sees zeros "
        "around a crop and the photo around a window, so apart from the single crop the two need not be "
        "equal."
    )
    grids(_heat(photo, values, factor, caption), "conv_heat")


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
    left, top, side = imagenet.centre(image)[1]
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
