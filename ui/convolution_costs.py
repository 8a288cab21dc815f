"""Panels of "Convolutionalize" about what it costs: VGG16's fc6, input sizes, and the race."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import backbones, digits, fc6, geometry, imagenet, paper, race, weights
from ui import cache, convolution_digits, convolution_figures, convolution_photo, shown, waiting
from ui.inputs import Networks, Photo
from ui.numbers import delta, milliseconds, signed

# --- VGG16's fc6


@waiting.panel
def vgg16(photo: Photo) -> None:
    """Where VGG16's parameters are, and on demand its dense layers as convolutions on one memory."""
    sizes = fc6.sizes()
    shown.chart(convolution_figures.shares(sizes), "conv_shares")
    st.caption(
        f"VGG16's {sum(sizes.values()):,} parameters, biases included. fc6 reads all of pool5: 7 × 7 × 512 = "
        "25,088 values, each with a weight to each of 4,096 outputs."
    )
    file = imagenet.vgg16_file()
    origin = "torchvision's ImageNet weights" if file else "random weights, untrained"
    if not st.toggle("Build it and compare (fc6 takes 411 MB for some seconds)", key="conv_vgg"):
        st.caption(f"It will have {origin}. One layer at a time is in memory, and none afterwards.")
        return
    try:
        found = _check(photo.digest, str(file), photo.image)
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return
    shown.table(pd.DataFrame([_layer(layer) for layer in found.layers]).set_index("Layer"), "conv_vgg16")
    _vgg_text(found)


@cache.of_photo(show_spinner="Building VGG16 layer by layer, running each both ways …", max_entries=16, own=2)
def _check(digest: str, file: str, _image: Image.Image) -> fc6.Check:
    steps = fc6.steps(_image)
    found = cache.work(next, steps)
    while not isinstance(found, fc6.Check):
        found = cache.piece(next, steps)  # after each its memory goes back to the system
    return found


def _layer(layer: fc6.Layer) -> dict[str, str]:
    dense, kernels = (" × ".join(f"{n:,}" for n in shape) for shape in (layer.dense, layer.kernels))
    return {
        "Layer": layer.name,
        "As a matrix": dense,
        "As kernels": kernels,
        "Weights": f"{layer.weights:,}",
        "Memory": f"{4 * layer.weights / 1e6:.0f} MB, " + ("shared" if layer.one_memory else "twice"),
    }


def _vgg_text(found: fc6.Check) -> None:
    h, w = found.grid
    if not found.trained:
        st.info(
            "Random weights: this network is untrained, and its scores mean nothing. That both ways agree "
            f"does. Put torchvision's {weights.VGG16} into weights/ to see it trained.",
            icon=":material/info:",
        )
    else:
        best = ", ".join(f"{name} {100 * p:.1f} %" for name, p in found.top)
        st.markdown(f"torchvision's weights; on the centre crop it says: {best}.")
    st.markdown(
        f"On your photo's pool5: one 7 × 7 map, max |Δ| = **{delta(found.one_window)}**; all {h * w} windows "
        f"of a {found.pool5[1]} × {found.pool5[0]} map, max |Δ| = **{delta(found.every_window)}** (scores "
        f"reach {found.largest:.2g}). One weight of fc6's matrix moved by 1: the dense output moved by "
        f"{signed(found.moved[0], 3)}, the convolution's by {signed(found.moved[1], 3)}."
    )


# --- any input size

SIZES = (192, 224, 256, 320, 384, 500, 512, 640, 800, 1024)


def sizes() -> None:
    """Some input sizes: who takes them, and what comes out."""
    chosen = st.pills(
        "Square inputs, px", SIZES, selection_mode="multi", default=(224, 256, 320, 384, 500),
        key="conv_sizes", bind="query-params",
    )  # fmt: skip
    chosen = sorted(chosen)
    if not chosen:
        st.info("Pick at least one size.")
        return
    rows = pd.DataFrame([_row(side) for side in chosen])
    shown.frame(rows, "conv_sizes", hide_index=True, width="stretch")
    st.caption(
        "Dense VGG16 is the paper's: flatten pool5, then fc6, tried here on layers that have shapes but no "
        "numbers. (torchvision's VGG16 first pools any map to 7 × 7, and EfficientNet-Lite0 averages the "
        "whole map: both take other sizes, yet answer once for the whole picture.)"
    )
    _extra(chosen)


def _row(side: int) -> dict[str, str]:
    dense = _refusal(side)
    vgg, fcn = (_try(chain, side) for chain in (_vgg16(), backbones.vgg16_chain()))
    lite = imagenet.grid(side)
    return {
        "input": f"{side} × {side}",
        "VGG16, dense": "1,000 scores" if dense is None else f"refuses: {dense}",
        "VGG16, convolutional": _shown(vgg),
        "VGG16 as FCN (pad 100)": _shown(fcn),
        "Lite0, convolutional": _shown(lite),
        "Lite0 as FCN": _shown(-(-side // 32)),
    }


def _shown(n: int) -> str:
    return f"{n} × {n}" if n > 0 else "too small"


def _vgg16() -> list[geometry.Layer]:
    """VGG16 as a classifier: conv1_1 padded by 1, pooling that rounds down."""
    return [replace(layer, ceil=False) for layer in backbones.vgg16_chain(pad=1)]


def _try(chain: list[geometry.Layer], side: int) -> int:
    try:
        return geometry.size(chain, side)
    except ValueError:
        return 0


def _refusal(side: int) -> str | None:
    """What fc6 as a dense layer says of the pool5 map of this input; None if it takes it."""
    n = _try(_vgg16()[:-2], side)
    dense = nn.Linear(int(np.prod(fc6.POOL5)), 4096, device="meta")
    try:
        dense(torch.empty(1, fc6.POOL5[0] * n * n, device="meta"))
    except RuntimeError:
        return f"{fc6.POOL5[0] * n * n:,} values, not {dense.in_features:,}"
    return None


def _extra(chosen: list[int]) -> None:
    side = max(chosen)
    grid, window = _try(_vgg16(), side), imagenet.CROP
    if grid < 1:
        return
    picture, words = st.columns([2, 3], gap="large", vertical_alignment="center")
    with picture:
        figure = convolution_figures.windows(side, grid, window, imagenet.STRIDE)
        shown.chart(figure, "conv_windows")
    with words:
        st.markdown(
            f"**The extra cells of {side} × {side}.** Each of VGG16's {grid} × {grid} cells is the "
            f"classifier's answer for a window of {window} × {window} px, {imagenet.STRIDE} px further than "
            "its neighbour's. Solid: the first window; dashed: the one to its right; dotted: the last. Dots: "
            "their centres."
        )


# --- the race

_LITE0, _DIGITS = "EfficientNet-Lite0, 224 px windows", "Digits, 8 px windows"


def the_race(photo: Photo, networks: Networks) -> None:
    """Crop by crop against one pass, on this device, with a stop button."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = st.selectbox("Network", (_LITE0, _DIGITS), key="conv_racer", bind="query-params", width=300)
        most = st.slider(
            "Windows a side, up to", 4, 12, 10, 2, key="conv_most", bind="query-params", width=200
        )
        go = st.button("Start", key="conv_race", icon=":material/play_arrow:")
        stop = st.empty()
    device = str(weights.pick_device(networks.device))
    given = (name, most, device, photo.digest)
    if go:
        stop.button("Stop", key="conv_stop", icon=":material/stop:")
        st.session_state["conv_laps"] = (given, [])
        _run(given, photo)
        stop.empty()
    kept, laps = st.session_state.get("conv_laps", (None, []))
    if laps and kept == given:
        _laps(laps, name, device)
    else:
        st.caption(f"Not run yet. It takes some seconds on {device}, and can be stopped.")
    _print()


@waiting.panel
def _run(given: tuple[str, int, str, str], photo: Photo) -> None:
    """Run the laps, each kept as soon as it is there: what stops this script loses none."""
    name, most, device, _ = given
    runner, image = _contestant(name, device, photo)
    sides = [1, *range(2, most + 1, 2)]
    bar = st.progress(0.0, "Warming up …")
    images, repeats = [image(runner.side(n)) for n in sides], 1 if device == "cpu" else 5
    for step in cache.pieces(race.race(runner, images, repeats)):
        if step.lap:
            st.session_state["conv_laps"][1].append(step.lap)
        done = len(st.session_state["conv_laps"][1])
        bar.progress(min(step.share, 1.0), f"{done} of {len(sides)} image sizes done")
    bar.empty()


def _contestant(name: str, device: str, photo: Photo) -> tuple[race.Runner, Callable[[int], Tensor]]:
    if name == _DIGITS:
        net = copy.deepcopy(convolution_digits.bundled()).to(device)
        runner = race.Runner(net, digits.SIDE, stride=1)
        return runner, lambda side: digits.scatter((side, side), 4, 0).pixels.to(device)
    batch = 4 if device == "cpu" else 64  # what is fastest for the crops
    runner = race.Runner(convolution_photo.lite0(device)[0], imagenet.CROP, imagenet.STRIDE, batch)
    return runner, lambda side: _square(photo, side, device)


def _square(photo: Photo, side: int, device: str) -> Tensor:
    image = imagenet.scaled(photo.image, side).crop((0, 0, side, side))
    return imagenet.prepare(image).to(device, memory_format=torch.channels_last)


def _laps(laps: list[race.Lap], name: str, device: str) -> None:
    last = laps[-1]
    chart, numbers = st.columns([3, 2], gap="large")
    with chart:
        shown.chart(convolution_figures.times(laps), "conv_times")
    with numbers:
        count = "1 window" if last.windows == 1 else f"{last.windows} windows"
        st.metric(f"{count}, {last.side} × {last.side} px", f"{last.ratio:.1f} × as fast")
        st.markdown(
            f"crop by crop **{milliseconds(last.crops)}**, {last.crops_flops / 1e9:,.3g} GFLOPs  \n"
            f"one pass **{milliseconds(last.one_pass)}**, {last.pass_flops / 1e9:,.3g} GFLOPs "
            f"({last.crops_flops / last.pass_flops:.1f} × fewer)  \n"
            f"outputs: max |Δ| {delta(last.difference)}, the same best class in {100 * last.agreement:.0f} % "
            "of the windows"
        )
        if name == _LITE0:
            st.caption(
                "Lite0 pads its convolutions: a crop sees zeros around it, a window of the photo sees the "
                "photo. So its outputs differ; the digits network has no padding, and its outputs are equal."
            )
    st.caption(
        f"Measured here just now on {device}, warmed up and synchronised. Crop by crop: the median row of "
        "windows times the rows; one pass: the median of several."
    )


def _print() -> None:
    crop, one_pass, count = (paper.AMORTISATION[key] for key in ("crop", "one_pass", "windows"))
    st.markdown(
        f"**The paper** · AlexNet, on what section 3.1 calls a typical GPU: {crop} ms for one 227 × 227 "
        f"crop, {one_pass:.0f} ms for a 10 × 10 grid of a 500 × 500 image. {count:.0f} such crops take "
        f"{count * crop:.0f} ms: {count * crop / one_pass:.1f} × as long. Another network on another device: "
        "not comparable with ours."
    )
