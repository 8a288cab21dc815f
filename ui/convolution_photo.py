"""Panel of "Convolutionalize": an ImageNet classifier on the photo, as it was and as a convolution."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
import torch
from PIL import Image
from torch import nn

from fcnviz import imagenet, weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.render import Scale
from ui import cache, convolution_figures, figures, offline, scales, shown, waiting
from ui.convolution_figures import outlined
from ui.figures import Box, Extent
from ui.inputs import Networks, Photo
from ui.numbers import delta

#: Shorter sides of the input, and the most pixels that the page lets through.
SHORTER, MOST_PIXELS = tuple(range(224, 641, 32)), 1_300_000


@st.cache_resource(show_spinner="Loading EfficientNet-Lite0 …", max_entries=2)
def lite0(device: str) -> tuple[nn.Module, nn.Sequential]:
    """The ImageNet classifier, and the same convolutionalised; on one memory."""
    net = imagenet.lite0().to(device, memory_format=torch.channels_last)
    return net, convolutionalize(net)


@cache.of_photo(show_spinner="Classifying the centre crop …", max_entries=64, own=3)
def crop(digest: str, device: str, _image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the centre crop, (1000,) each: dense and convolutional."""
    dense, conv = lite0(device)
    x = _prepared(imagenet.centre(_image)[0], device)
    return cache.work(_scores, dense, x), cache.work(_scores, conv, x)[:, 0, 0]


def _scores(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].cpu().numpy()


@cache.of_photo(show_spinner="Running the network over the whole photo …", max_entries=24, own=3)
def whole(digest: str, shorter: int, device: str, _image: Image.Image) -> np.ndarray:
    """Probabilities of every window of the photo at this scale, (1000, h, w)."""
    x = _prepared(imagenet.scaled(_image, shorter), device)
    return softmax(cache.work(_scores, lite0(device)[1], x))


def _prepared(image: Image.Image, device: str) -> torch.Tensor:
    return imagenet.prepare(image).to(device, memory_format=torch.channels_last)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Scores, classes first → probabilities."""
    e = np.exp(scores - scores.max(0))
    return e / e.sum(0)


@waiting.panel
def on_photo(photo: Photo, networks: Networks) -> None:
    """One answer for the centre crop; a heatmap of any class for the whole photo."""
    device = str(weights.pick_device(networks.device))
    dense, conv = crop(photo.digest, device, photo.image)
    probability, names = softmax(dense), imagenet.names()
    top = np.argsort(-probability)[:5]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Classifier** · the centre crop, one answer, no “where”")
        _crop_figure(photo)
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
        _heat(photo, device, int(top[0]))


def _crop_figure(photo: Photo) -> None:
    figure = figures.picture([(cache.photo_file(photo.digest, photo.image), 1.0)], photo.image.size)
    figures.add_boxes(figure, [crop_box(photo.image)])
    shown.chart(outlined(figure), "conv_crop")


def _heat(photo: Photo, device: str, best: int) -> None:
    names = imagenet.names()
    with st.container(horizontal=True, gap="medium"):
        chosen = st.selectbox(
            "Class: type to search", names, index=None, placeholder=f"{names[best]} (the top one)",
            key="conv_class", bind="query-params", width=250,
        )  # fmt: skip
        shorter = st.select_slider(
            "Input scale: shorter side, px", SHORTER, 384, key="conv_shorter", bind="query-params", width=220
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
    values = whole(photo.digest, shorter, device, photo.image)[index]
    shown.add("scores/imagenet-one-class.npy", partial(offline.array, values[None].copy()))  # (1, h, w)
    _heat_figure(photo, values, factor)
    h, w = values.shape
    st.caption(
        f"“{names[index]}” · input {width} × {height} px → **{w} × {h} cells**, each a window of 224 × 224, "
        "32 px apart, drawn at the windows' centres; boxed is the window of the highest. Padding sees zeros "
        "around a crop and the photo around a window, so apart from the single crop the two need not be "
        "equal."
    )


def scaled_size(photo: Photo, shorter: int) -> tuple[int, int]:
    """(width, height) of the input that the photo makes at this shorter side, as `imagenet.scaled` has it."""
    factor = min(photo.image.size) / shorter
    width, height = (max(shorter, round(n / factor)) for n in photo.image.size)
    return width, height


def places(factor: float) -> tuple[float, float]:
    """Centre of window 0 and the step to the next, in pixels of the photo: `factor` a pixel of the input."""
    return ((imagenet.CROP - 1) / 2 + 0.5) * factor - 0.5, imagenet.STRIDE * factor


def best_window(values: np.ndarray, factor: float) -> Box:
    """The window with the highest value, in pixels of the photo."""
    step = imagenet.STRIDE * factor
    y, x = np.unravel_index(values.argmax(), values.shape)
    left, top, side = x * step - 0.5, y * step - 0.5, imagenet.CROP * factor
    return Box(left, top, left + side, top + side)


def crop_box(image: Image.Image) -> Box:
    """The crop that the classifier is given, in pixels of the photo."""
    left, top, side = imagenet.centre(image)[1]
    return Box(left - 0.5, top - 0.5, left + side - 0.5, top + side - 0.5)


def _heat_figure(photo: Photo, values: np.ndarray, factor: float) -> None:
    """The map over the photo, in pixels of the photo: `factor` of them a pixel of the input."""
    start, step = places(factor)
    figure = figures.picture([(cache.photo_file(photo.digest, photo.image), 1.0)], photo.image.size)
    scale = Scale(0.0, float(values.max()), "viridis")
    convolution_figures.heat(figure, values, scale, start, step)
    figures.add_boxes(figure, [best_window(values, factor)])
    height = figures.fitting(*photo.image.size, column=620)
    figures.framed(figure, Extent.of(photo.image.size), height)
    shown.chart(outlined(figure), "conv_heat")
    scales.bar(scale, "Probability", digits=3)
