"""Panel: crop by crop against one pass over the whole image, timed on this device."""

import copy
from collections.abc import Callable

import streamlit as st
import torch
from torch import Tensor

from fcnviz import weights
from fcnviz.lessons.convolutionalize import crop_timing, imagenet
from fcnviz.lessons.convolutionalize.crop_timing import SlidingClassifier, Timing
from fcnviz.lessons.convolutionalize.digits import SIDE, scatter
from ui import paper
from ui.convolutionalize import digits, figures
from ui.convolutionalize.photo import lite0
from ui.export import shown
from ui.figures.numbers import delta, milliseconds, percent
from ui.running import waiting, worker
from ui.state import Networks, Photo

_LITE0, _DIGITS = "EfficientNet-Lite0, 224 px windows", "Digits, 8 px windows"


def race(photo: Photo, networks: Networks) -> None:
    """Time both ways on images of growing size, with a stop button."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = st.selectbox("Network", (_DIGITS, _LITE0), key="conv_racer", bind="query-params", width=300)
        most = st.slider(
            "Windows a side, up to", 4, 12, 10, 2, key="conv_most", bind="query-params", width=200
        )
        go = st.button("Start", key="conv_race", icon=":material/play_arrow:")
        stop = st.empty()
    device = str(weights.pick_device(networks.device))
    setting = (name, most, device, photo.sha256)
    if go:
        stop.button("Stop", key="conv_stop", icon=":material/stop:")
        st.session_state["conv_laps"] = (setting, [])
        _run(setting, photo)
        stop.empty()
    known, timings = st.session_state.get("conv_laps", (None, []))
    if timings and known == setting:
        _results(timings, name, device)
    else:
        st.caption(f"Not run yet. It takes some seconds on {device}, and can be stopped.")
    crop, one_pass, count = (paper.AMORTISATION[key] for key in ("crop", "one_pass", "windows"))
    st.markdown(
        f"**The paper** · AlexNet, on what section 3.1 calls a typical GPU: {crop} ms for one 227 × 227 "
        f"crop, {one_pass:.0f} ms for a 10 × 10 grid of a 500 × 500 image. {count:.0f} such crops take "
        f"{count * crop:.0f} ms: {count * crop / one_pass:.1f} × as long. Another network on another device: "
        "not comparable with ours."
    )


@waiting.panel
def _run(setting: tuple[str, int, str, str], photo: Photo) -> None:
    """Time one image size after another; each result is kept at once, so that a stop loses none."""
    name, most, device, _ = setting
    net, image = _contestant(name, device, photo)
    images = [image(net.side(n)) for n in (1, *range(2, most + 1, 2))]
    bar = st.progress(0.0, "Warming up …")
    for step in worker.run_steps(crop_timing.compare(net, images, repeats=1 if device == "cpu" else 5)):
        timings = st.session_state["conv_laps"][1]
        if step.timing:
            timings.append(step.timing)
        bar.progress(min(step.share, 1.0), f"{len(timings)} of {len(images)} image sizes done")
    bar.empty()


def _contestant(name: str, device: str, photo: Photo) -> tuple[SlidingClassifier, Callable[[int], Tensor]]:
    """The classifier of that name, and a function that makes a square image for it, given the side in px."""
    if name == _DIGITS:
        net = copy.deepcopy(digits.bundled()).to(device)
        return SlidingClassifier(net, SIDE, stride=1), lambda n: scatter((n, n), 4, 0).pixels.to(device)

    def square(side: int) -> Tensor:
        image = imagenet.scaled(photo.image, side).crop((0, 0, side, side))
        return imagenet.prepare(image).to(device, memory_format=torch.channels_last)

    batch = 4 if device == "cpu" else 64  # the fastest for the crops
    return SlidingClassifier(lite0(device)[0], imagenet.CROP, imagenet.STRIDE, batch), square


def _results(timings: list[Timing], name: str, device: str) -> None:
    last = timings[-1]
    chart, numbers = st.columns([3, 2], gap="large")
    with chart:
        shown.chart(figures.race_times(timings), "conv_times")
    with numbers:
        count = "1 window" if last.windows == 1 else f"{last.windows} windows"
        st.metric(f"{count}, {last.side} × {last.side} px", f"{last.ratio:.1f} × as fast")
        st.markdown(
            f"crop by crop **{milliseconds(last.crops)}**, {last.crops_flops / 1e9:,.3g} GFLOPs  \n"
            f"one pass **{milliseconds(last.one_pass)}**, {last.pass_flops / 1e9:,.3g} GFLOPs "
            f"({last.crops_flops / last.pass_flops:.1f} × fewer)  \n"
            f"a cell and its window alone, in probability: max |Δ| = **{delta(last.difference)}**; the best "
            f"class agrees in **{percent(last.agreement, 0)}** of the windows"
        )
        if name == _LITE0:
            st.caption(
                "Lite0 pads its convolutions: a crop sees zeros around it, a window of the photo sees the "
                "photo. So a cell is not its window's answer; for the digits, without padding, it is."
            )
    st.caption(
        f"Measured here just now on {device}, warmed up and synchronised. Crop by crop: the median row of "
        "windows times the rows; one pass: the median of several."
    )
