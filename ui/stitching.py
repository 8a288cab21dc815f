"""Panel: shift-and-stitch with the chosen network on the visitor's photo, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import geometry, images, metrics, stitch, voc, weights
from fcnviz.fcn import FCN
from fcnviz.geometry import Place
from fcnviz.render import Scale
from ui import cache, figures, offline, scales, shown, waiting
from ui import transposed_figures as draw
from ui.frame import Inputs
from ui.inputs import Photo
from ui.upsampling_inputs import strongest

FACTORS = (2, 4, 8)
STRIDE = 32
#: Longest side of the photo here: f² passes shall take seconds.
LONGEST = 320


@dataclass(frozen=True, eq=False)
class Answer:
    """One score map and how it came about.

    Attributes:
        title: e.g. "Stride 32".
        scores: (C, h, w) float32.
        labels: (H, W) uint8, after fixed bilinear upsampling to the photo.
        passes: forward passes that it took.
        seconds: that they took together; one pass of several like it is their median.
    """

    title: str
    scores: np.ndarray
    labels: np.ndarray
    passes: int
    seconds: float


@shown.fragment
@waiting.panel
def shift_and_stitch(page: Inputs) -> None:
    """Choose f, run the passes on demand, and show the denser map and its cost."""
    state, name = st.session_state, page.networks.names[0]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        factor = st.segmented_control(
            "Denser by f", FACTORS, default=4, required=True, key="stitch_f", bind="query-params"
        )
        pressed = st.button(f"Run {factor**2} passes", icon=":material/grid_on:", key="stitch_go")
    small = images.fit(page.photo.image, LONGEST)
    setting = (page.photo.digest, name, factor)
    if pressed:
        state["stitch_known"] = (setting, _run(page, small, factor))
    known, answers = state.get("stitch_known", (None, []))
    if known == setting and answers:
        _maps(answers)
        _costs(answers, page.photo, small)
    else:
        st.caption(
            f"{name} will run {factor} × {factor} times on the photo at {small.width} × {small.height} px, "
            f"shifted by {STRIDE // factor} px each time."
        )
    st.markdown(
        "**Why FCN does without it** (section 3.2): the cost grows with f², and the filters still see "
        "nothing finer than at stride 32. Learned upsampling with skips gets there in one pass."
    )
    st.caption(
        "One run of the network with its stride divided by f, and its later kernels dilated, gives the same: "
        f"on a small random network without padding, max |Δ| = **{_difference(factor):.1g}**, computed here. "
        f"{name} pads with zeros inside: what sees that padding differs."
    )


def _run(page: Inputs, photo: Image.Image, factor: int) -> list[Answer]:
    """One pass, the f² passes stitched, and one pass of the network with the same stride by its skips."""
    names, device, stride = page.networks.names, page.networks.device, STRIDE // factor
    try:
        net = cache.model(names[0], device)
        finer = next((n for n in names if weights.find(n).stride == stride), None)
        skips = finer and cache.model(finer, device)
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return []
    x = net.backbone.preprocess(photo)
    cache.work(_pass, net, x, STRIDE)  # the first pass of a size is slower: not counted
    bar, took, maps = st.progress(0.0, "Running the network …"), [], {}
    for shift, moved in stitch.shifts(x, STRIDE, factor):
        maps[shift], seconds = cache.piece(_pass, net, moved, STRIDE)
        took.append(seconds)
        bar.progress(len(took) / factor**2, f"Pass {len(took)} of {factor**2}")
    bar.empty()
    top, size = net.backbone.places[2], (photo.height, photo.width)
    closer = replace(top, stride=Fraction(stride))
    answers = [
        _answer(f"Stride {STRIDE}", maps[0, 0], top, size, (1, float(np.median(took)))),
        _answer(f"Stitched: stride {stride}", stitch.interlace(maps), closer, size, (factor**2, sum(took))),
    ]
    if skips:
        cache.piece(_pass, skips, x, stride)
        scores, seconds = cache.piece(_pass, skips, x, stride)
        place = geometry.stages(*skips.backbone.places)[stride]
        answers.append(_answer(f"FCN-{stride}s: skips", scores, place, size, (1, seconds)))
    return answers


@torch.no_grad()
def _pass(net: FCN, x: Tensor, stride: int) -> tuple[Tensor, float]:
    """The score map of a stride, (1, C, h, w) on the CPU, and the seconds that it took."""
    began = time.perf_counter()
    maps = net.scores(x.to(next(net.parameters()).device))
    found = {32: maps.s32, 16: maps.s16, 8: maps.s8}[stride]
    assert found is not None
    return found.float().cpu(), time.perf_counter() - began


def _answer(
    title: str, scores: Tensor, place: Place, size: tuple[int, int], cost: tuple[int, float]
) -> Answer:
    labels = stitch.upsampled(scores, place, size)[0].argmax(0).byte().numpy()
    return Answer(title, scores[0].numpy(), labels, *cost)


def _maps(answers: list[Answer]) -> None:
    """The strongest class's scores, coarse and dense, in the same colours."""
    label = strongest(answers[0].scores)
    colours = Scale.over(*(a.scores[label] for a in answers))
    for i, (column, answer) in enumerate(zip(st.columns(len(answers)), answers, strict=True)):
        shown.add(f"scores/stitch_{i}.npy", partial(offline.array, answer.scores))
        h, w = answer.scores.shape[1:]
        with column:
            st.markdown(f"**{answer.title}**")
            figure = draw.grid(answer.scores[label], colours, height=figures.fitting(w, h, 310))
            shown.chart(figure, f"stitch_{i}")
            passes = "1 pass" if answer.passes == 1 else f"{answer.passes} passes"
            st.caption(f"{w} × {h} cells · {passes} · **{1000 * answer.seconds:.0f} ms**")
    scales.bar(colours, f"Score for {voc.CLASSES[label]}")


def _costs(answers: list[Answer], photo: Photo, small: Image.Image) -> None:
    """What the denser map costs and, where there is a truth, what it is worth."""
    once, stitched = answers[:2]
    text = f"f² = {stitched.passes} passes took **{stitched.seconds / once.seconds:.1f} ×** the time of one."
    if not photo.own:
        truth = Image.fromarray(cache.annotation(photo.name)).resize(small.size, Image.Resampling.NEAREST)
        text += " Mean IU on this photo, all upsampled by fixed bilinear: " + ", ".join(
            f"{a.title} **{100 * _mean_iu(a.labels, np.asarray(truth)):.1f} %**" for a in answers
        )
        text += "."
    st.markdown(text)


def _mean_iu(labels: np.ndarray, truth: np.ndarray) -> float:
    return metrics.scores(metrics.confusion(labels, truth, len(voc.CLASSES))).mean_iu


@st.cache_data(show_spinner=False)
@torch.no_grad()
def _difference(factor: int) -> float:
    """Largest difference between stitching and dilating a small random network of stride 8, no padding."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 4, 3),
        )  # fmt: skip
        x = torch.randn(1, 3, 75, 91)
    dense = stitch.dilated(net, factor)(x)
    h, w = dense.shape[-2:]
    return float((stitch.shift_and_stitch(net, x, 8, factor)[..., :h, :w] - dense).abs().max())
