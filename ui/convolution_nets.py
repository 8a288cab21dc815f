"""Panels of "Convolutionalize" about two real classifiers: digits, and ImageNet on your photo."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
import torch
from PIL import Image
from torch import nn

from fcnviz import digits, imagenet, weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.render import Scale
from ui import cache, convolution_figures, figures, scales
from ui.figures import CONFIG, Box, Extent
from ui.inputs import Networks, Photo

# --- digits


@st.cache_resource(show_spinner=False)
def bundled() -> digits.Digits:
    """The digits classifier in weights/."""
    return digits.load()


def classifier() -> digits.Digits | None:
    """Draw which digits classifier there is, and train another on demand; None if there is none."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        seed = int(st.number_input("Seed", 0, 9999, 0, key="conv_train_seed", width=120))
        again = st.button("Train it again", key="conv_train", icon=":material/replay:")
        own = "conv_net" in st.session_state
        if own and st.button("Back to the bundled one", key="conv_bundled"):
            del st.session_state["conv_net"]
            own = False
    if again:
        st.session_state["conv_net"] = _train(seed)
        own = True
    try:
        net = st.session_state["conv_net"] if own else bundled()
    except weights.WeightsError as error:
        st.error(f"{error}, or press the button above.", icon=":material/error:")
        return None
    right = cache.work(digits.accuracy, net)
    st.markdown(
        f"{'Trained just now' if own else 'Bundled'}: **{100 * right:.1f} %** of {digits.TEST_IMAGES} test images "
        "that it was never trained on. Two 3 × 3 convolutions, 8 × 8 px → 16 × 4 × 4, then `Linear(256, 10)`: the "
        "layer at the top of this page."
    )
    return net


def _train(seed: int) -> digits.Digits:
    net, slot, accuracies = digits.build(seed), st.empty(), []
    for epoch in cache.pieces(digits.train(net, seed)):
        accuracies.append(epoch.accuracy)
        with slot.container():
            st.progress(epoch.number / epoch.of, f"Epoch {epoch.number} of {epoch.of}, loss {epoch.loss:.3f}")
            st.plotly_chart(
                convolution_figures.progress(accuracies, epoch.of),
                key=f"conv_epoch_{epoch.number}",
                config=CONFIG,
            )
    slot.empty()
    return net.eval()


PLACES = ("Random", "By hand")


def canvas(net: digits.Digits) -> None:
    """A canvas of digits: the dense network refuses it, the convolutional one answers with a map."""
    drawn = _canvas()
    pixels = drawn.pixels[0, 0].numpy()
    scores = cache.work(_scores, convolutionalize(net), drawn.pixels)  # (10, h, w)
    size, grid = (pixels.shape[1], pixels.shape[0]), (scores.shape[2], scores.shape[1])
    _refuse(net, drawn)
    with st.container(horizontal=True, gap="medium"):
        digit = st.segmented_control(
            "Map of the digit", range(10), default=_first(drawn), required=True, key="conv_digit"
        )
        x, y = _cell(grid, drawn)
    box = Box(x - 0.5, y - 0.5, x + 7.5, y + 7.5)
    _maps(pixels, scores, int(digit), box)
    found = sum(
        int(scores[:, p.y, p.x].argmax()) == p.digit for p in drawn.placed if p.x < grid[0] and p.y < grid[1]
    )
    st.caption(
        f"{size[0]} × {size[1]} px → {grid[0]} × {grid[1]} cells, one a window of 8 × 8. In the cells where a digit was "
        f"placed, {found} of {len(drawn.placed)} are right. In between it answers too: it was only ever shown whole "
        "digits, and has no answer for half of one. Windows without ink are left empty. Click a cell, or use the sliders."
    )
    _window(net, drawn, scores, (x, y))


def _scores(conv: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return conv(x)[0].float().cpu().numpy()


def _canvas() -> digits.Canvas:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        how = st.segmented_control(
            "Digits", PLACES, default=PLACES[0], required=True, key="conv_place", bind="query-params"
        )
        width = st.slider("Width, px", 8, 64, 40, key="conv_width", bind="query-params", width=160)
        height = st.slider("Height, px", 8, 64, 28, key="conv_height", bind="query-params", width=160)
        if how == PLACES[0]:
            count = st.slider("How many", 0, 12, 5, key="conv_count", bind="query-params", width=140)
            seed = st.number_input(
                "Canvas no.", 0, 9999, 0, key="conv_canvas", bind="query-params", width=130
            )
            return digits.scatter((width, height), count, int(seed))
    st.caption("One line a digit; x and y are its left and top edge. Add or delete lines as you like.")
    start = pd.DataFrame({"digit": [3, 7], "x": [2, 20], "y": [4, 12]})
    limits = {"digit": 9, "x": 56, "y": 56}
    columns = {
        k: st.column_config.NumberColumn(min_value=0, max_value=v, step=1, required=True)
        for k, v in limits.items()
    }
    rows = st.data_editor(
        start, key="conv_placed", num_rows="dynamic", column_config=columns, width=320
    ).dropna()
    placed = [
        digits.Placed(int(r.digit), int(r.x), int(r.y), digits.example(int(r.digit)))
        for r in rows.itertuples()
    ]
    return digits.compose((width, height), placed)


def _refuse(net: digits.Digits, drawn: digits.Canvas) -> None:
    """What the dense network says of the whole canvas: its real error, or its one answer on 8 × 8."""
    try:
        digit = int(_scores_dense(net, drawn.pixels).argmax())
    except RuntimeError as error:
        st.markdown(f"**Dense**, given this canvas, refuses: `{str(error).splitlines()[0]}`")
    else:
        st.markdown(f"**Dense**, given this one window, answers: {digit}")


def _scores_dense(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].numpy()


def _first(drawn: digits.Canvas) -> int:
    return drawn.placed[0].digit if drawn.placed else 0


def _cell(grid: tuple[int, int], drawn: digits.Canvas) -> tuple[int, int]:
    """Sliders for the cell that is looked behind; they start on the first digit."""
    start = (drawn.placed[0].x, drawn.placed[0].y) if drawn.placed else (0, 0)
    result = []
    for axis, last, first in zip(("x", "y"), grid, start, strict=True):
        key, last = f"conv_cell_{axis}", last - 1
        if last == 0:
            result.append(0)
            continue
        if st.session_state.get(key, 0) > last:
            st.session_state[key] = last
        result.append(st.slider(f"Cell {axis}", 0, last, min(first, last), key=key, width=160))
    return result[0], result[1]


def _maps(pixels: np.ndarray, scores: np.ndarray, digit: int, box: Box) -> None:
    h, w = pixels.shape
    shows, middle = Extent.of((w, h)), (digits.SIDE - 1) / 2
    x, y = box.left + 0.5 + middle, box.top + 0.5 + middle
    here = Box(x - 0.5, y - 0.5, x + 0.5, y + 0.5)
    one = figures.grid(scores[digit], Scale.diverging(scores), start=(middle, middle))
    blank = (
        torch.nn.functional.max_pool2d(torch.from_numpy(pixels)[None], digits.SIDE, stride=1)[0].numpy() == 0
    )
    best = convolution_figures.answers(np.where(blank, -1, scores.argmax(0)), middle, shows)
    columns = st.columns(3)
    for column, title, figure, mark in zip(
        columns,
        ("Canvas, and the window", f"Score of “{digit}”", "Best digit of each window"),
        (convolution_figures.ink(pixels, [box]), figures.framed(one, shows), best),
        (None, here, here),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}**")
            if mark is None:
                st.plotly_chart(figure, key="conv_pixels", config=CONFIG)
                continue
            figures.add_boxes(figure, [mark])
            convolution_figures.cells(figure, scores.shape[1:], (middle, middle), 1)
            key = f"conv_on_{'best' if title.startswith('Best') else 'one'}"
            st.plotly_chart(
                figure, key=key, config=CONFIG, on_select=_clicked, selection_mode="points",
            )  # fmt: skip
    scales.bar(Scale.diverging(scores), "Score (no unit)")


def _clicked() -> None:
    for key in ("conv_on_one", "conv_on_best"):
        points = st.session_state[key].selection.points
        if points:
            x, y = points[0]["customdata"]
            st.session_state.update(conv_cell_x=int(x), conv_cell_y=int(y))


def _window(net: digits.Digits, drawn: digits.Canvas, scores: np.ndarray, cell: tuple[int, int]) -> None:
    x, y = cell
    window = drawn.pixels[..., y : y + digits.SIDE, x : x + digits.SIDE]
    dense, conv = cache.work(_scores_dense, net, window), scores[:, y, x]
    picture, bars = st.columns([1, 3], gap="medium")
    with picture:
        st.plotly_chart(convolution_figures.ink(window[0, 0].numpy()), key="conv_window", config=CONFIG)
        st.caption(f"The window behind cell ({x}, {y})")
    with bars:
        st.plotly_chart(convolution_figures.outputs(dense, conv), key="conv_window_scores", config=CONFIG)
        st.caption(
            f"The dense network on that window alone, and the cell of the map: max |Δ| = {np.abs(dense - conv).max():.1e}"
        )


# --- ImageNet on the photo

#: Shorter sides of the input, and the most pixels that the page lets through.
SHORTER, MOST_PIXELS = tuple(range(224, 641, 32)), 1_300_000


@st.cache_resource(show_spinner="Loading EfficientNet-Lite0 …", max_entries=2)
def lite0(device: str) -> tuple[nn.Module, nn.Sequential]:
    """The ImageNet classifier, and the same convolutionalised; on one memory."""
    net = imagenet.lite0().to(device, memory_format=torch.channels_last)
    return net, convolutionalize(net)


@st.cache_data(show_spinner="Classifying the centre crop …", max_entries=64)
def _crop(digest: str, device: str, _image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the centre crop, (1000,) each: dense and convolutional."""
    dense, conv = lite0(device)
    x = _prepared(imagenet.centre(_image)[0], device)
    return cache.work(_scores_dense_on, dense, x), cache.work(_scores, conv, x)[:, 0, 0]


def _scores_dense_on(net: nn.Module, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].float().cpu().numpy()


@st.cache_data(show_spinner="Running the network over the whole photo …", max_entries=24)
def _whole(digest: str, shorter: int, device: str, _image: Image.Image) -> np.ndarray:
    """Probabilities of every window of the photo at this scale, (1000, h, w)."""
    x = _prepared(imagenet.scaled(_image, shorter), device)
    return _softmax(cache.work(_scores, lite0(device)[1], x))


def _prepared(image: Image.Image, device: str) -> torch.Tensor:
    return imagenet.prepare(image).to(device, memory_format=torch.channels_last)


def _softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(0))
    return e / e.sum(0)


def on_photo(photo: Photo, networks: Networks) -> None:
    """One answer for the centre crop; a heatmap of any class for the whole photo."""
    device = str(weights.pick_device(networks.device))
    dense, conv = _crop(photo.digest, device, photo.image)
    probability, names = _softmax(dense), imagenet.names()
    top = np.argsort(-probability)[:5]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Classifier** · the centre crop, one answer, no “where”")
        _crop_figure(photo)
        shown = pd.DataFrame({"class": [names[i] for i in top], "probability": 100 * probability[top]})
        st.dataframe(
            shown, hide_index=True, width="stretch",
            column_config={"probability": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)},
        )  # fmt: skip
        st.caption(
            f"EfficientNet-Lite0, ImageNet weights, 224 × 224. Convolutionalised, on the same crop: 1 × 1 cell, "
            f"max |Δ| = {np.abs(dense - conv).max():.1e}."
        )
    with right:
        st.markdown("**The same weights as a convolution** · the whole photo, one answer a window")
        _heat(photo, device, int(top[0]))


def _crop_figure(photo: Photo) -> None:
    _, (left, top, side) = imagenet.centre(photo.image)
    figure = figures.picture([(cache.photo_file(photo.digest, photo.image), 1.0)], photo.image.size)
    figures.add_boxes(figure, [Box(left - 0.5, top - 0.5, left + side - 0.5, top + side - 0.5)])
    st.plotly_chart(figure, key="conv_crop", config=CONFIG)


def _heat(photo: Photo, device: str, best: int) -> None:
    names = imagenet.names()
    with st.container(horizontal=True, gap="medium"):
        chosen = st.selectbox(
            "Class", names, index=None, placeholder=f"{names[best]} (the top one); type to search 1,000",
            key="conv_class", bind="query-params", width=320,
        )  # fmt: skip
        shorter = st.select_slider(
            "Shorter side of the input, px", SHORTER, 384, key="conv_shorter", bind="query-params", width=240
        )
    index = names.index(chosen) if chosen else best
    factor = min(photo.image.size) / shorter
    width, height = (max(shorter, round(n / factor)) for n in photo.image.size)
    if width * height > MOST_PIXELS:
        st.error(
            f"At that scale the photo has {width} × {height} px, more than this page runs: choose a shorter side "
            "further left, or a photo that is less elongated.",
            icon=":material/error:",
        )
        return
    values = _whole(photo.digest, shorter, device, photo.image)[index]
    _heat_figure(photo, values, factor)
    h, w = values.shape
    st.caption(
        f"“{names[index]}” · input {width} × {height} px → {w} × {h} cells, each a window of 224 × 224, 32 px apart; "
        "drawn at the windows' centres. The box is the window of the highest cell. The network's padding sees zeros "
        "around a crop and the photo around a window, so apart from the single crop the two need not be equal."
    )


def _heat_figure(photo: Photo, values: np.ndarray, factor: float) -> None:
    """The map over the photo, in pixels of the photo: `factor` of them a pixel of the input."""
    start, step = ((imagenet.CROP - 1) / 2 + 0.5) * factor - 0.5, imagenet.STRIDE * factor
    figure = figures.picture([(cache.photo_file(photo.digest, photo.image), 1.0)], photo.image.size)
    scale = Scale(0.0, float(values.max()), "viridis")
    convolution_figures.heat(figure, values, scale, start, step)
    y, x = np.unravel_index(values.argmax(), values.shape)
    left, top, side = x * step - 0.5, y * step - 0.5, imagenet.CROP * factor
    figures.add_boxes(figure, [Box(left, top, left + side, top + side)])
    height = figures.fitting(*photo.image.size, column=620)
    figures.framed(figure, Extent.of(photo.image.size), height)
    st.plotly_chart(figure, key="conv_heat", config=CONFIG)
    scales.bar(scale, "Probability", digits=3)
