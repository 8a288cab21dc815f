"""Panel: shift-and-stitch with the chosen network on the visitor's photo, and its cost."""

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor, nn

from fcnviz import geometry, weights
from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import WITHIN, single
from fcnviz.fcn import FCN
from fcnviz.geometry import Place
from fcnviz.lessons.upsampling import stitch
from fcnviz.photos import images, voc
from fcnviz.render import Scale
from ui.compare.results import strongest
from ui.components.grids import grids
from ui.export import offline, shown
from ui.figures.grids import Bar, Panel, Row
from ui.figures.numbers import percent
from ui.page.frame import Inputs
from ui.running import samples, waiting, worker
from ui.running.networks import model
from ui.state import Photo
from ui.upsampling import figures

FACTORS = (2, 4, 8)
STRIDE = 32
#: Longest side of the photo in px, so that f² passes take only seconds.
LONGEST = 320


@dataclass(frozen=True, eq=False)
class Answer:
    """One score map and its cost.

    Attributes:
        title: for example "Stride 32".
        scores: the scores, (C, h, w) float32.
        labels: the labels after fixed bilinear upsampling to the photo, (H, W) uint8.
        passes: number of forward passes.
        seconds: time of all passes; if one pass was run several times, the median.
    """

    title: str
    scores: np.ndarray
    labels: np.ndarray
    passes: int
    seconds: float


@shown.fragment
@waiting.panel
def shift_and_stitch(page: Inputs) -> None:
    """Run f² passes on demand, and draw the denser map and its cost."""
    state, name = st.session_state, page.networks.names[0]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        factor = (
            st.segmented_control(
                "Denser by f", FACTORS, default=4, required=True, key="stitch_f", bind="query-params"
            )
            or 4
        )  # ?stitch_f= chooses none, although it is required
        pressed = st.button(f"Run {factor**2} passes", icon=":material/grid_on:", key="stitch_go")
    small = images.fit(page.photo.image, LONGEST)
    setting = (page.photo.sha256, name, factor)
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
        "**Why FCN does without it** (section 3.2): run pass by pass, the cost grows with f², and the "
        "filters still see nothing finer than at stride 32. FCN takes finer layers "
        "into account instead, in one pass: its skips."
    )
    st.caption(
        "One run of the network with its stride divided by f, and its later kernels dilated, gives the same: "
        f"on a small random network without padding, max |Δ| = **{_difference(factor):.1g}**, computed here. "
        f"{name} pads with zeros inside: what sees that padding differs."
    )


def _run(page: Inputs, photo: Image.Image, factor: int) -> list[Answer]:
    """Compute one pass, f² passes stitched, and a pass of the network that has this stride by its skips."""
    nets, stride = page.networks.nets, STRIDE // factor
    try:
        net = model(nets[0])
        finer = next((n for n in nets if weights.find(n.name).stride == stride), None)
        skips = finer and model(finer)
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return []
    x = net.backbone.preprocess(photo)
    worker.run(_pass, net, x, STRIDE)  # warm-up: the first pass of a size is slower
    bar, took, maps = st.progress(0.0, "Running the network …"), [], {}
    for shift, moved in stitch.shifts(x, STRIDE, factor):
        maps[shift], seconds = worker.run_part(_pass, net, moved, STRIDE)
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
        worker.run_part(_pass, skips, x, stride)
        scores, seconds = worker.run_part(_pass, skips, x, stride)
        place = geometry.stages(*skips.backbone.places)[stride]
        answers.append(_answer(f"FCN-{stride}s: skips", scores, place, size, (1, seconds)))
    return answers


@torch.no_grad()
def _pass(net: FCN, x: Tensor, stride: int) -> tuple[Tensor, float]:
    """Compute the score map of a stride, (1, C, h, w) on the CPU, and measure the seconds."""
    began = time.perf_counter()
    maps = net.scores(x.to(next(net.parameters()).device))
    return maps.at(stride).float().cpu(), time.perf_counter() - began


def _answer(
    title: str, scores: Tensor, place: Place, size: tuple[int, int], cost: tuple[int, float]
) -> Answer:
    labels = stitch.upsampled(scores, place, size)[0].argmax(0).byte().numpy()
    return Answer(title, scores[0].numpy(), labels, *cost)


def _maps(answers: list[Answer]) -> None:
    """Draw the scores of the strongest class, coarse and dense, in the same colours."""
    label = strongest(answers[0].scores)
    bar = Bar(f"Score for {voc.CLASSES[label]}", Scale.over(*(a.scores[label] for a in answers)), 1)
    for i, answer in enumerate(answers):
        shown.add(f"scores/stitch_{i}.npy", partial(offline.array, answer.scores))
    grids(Row(tuple(_map(answer, label, bar) for answer in answers)), "stitch")


def _map(answer: Answer, label: int, bar: Bar) -> Panel:
    h, w = answer.scores.shape[1:]
    passes = "1 pass" if answer.passes == 1 else f"{answer.passes} passes"
    caption = f"{w} × {h} cells · {passes} · {1000 * answer.seconds:.0f} ms"
    return figures.number_grid(
        answer.scores[label], bar.scale, title=answer.title, caption=caption, bar=bar, tall=300
    )


def _costs(answers: list[Answer], photo: Photo, small: Image.Image) -> None:
    """Write the cost of the denser map and, if the photo has a truth, how right it is near boundaries."""
    once, stitched = answers[:2]
    text = f"f² = {stitched.passes} passes took **{stitched.seconds / once.seconds:.1f} ×** the time of one."
    if not photo.own:
        truth = images.resize_labels(samples.annotation(photo.name), small.size)
        found = {a.title: single(measure(a.labels, truth)) for a in answers}
        near = (f"{title} **{percent(s.near)}**" for title, s in found.items())
        text += (
            f" Labels right within {WITHIN} px of a true boundary on this photo, all upsampled by fixed "
            f"bilinear: {', '.join(near)}."
        )
    st.markdown(text)


@st.cache_data(show_spinner=False)
@torch.no_grad()
def _difference(factor: int) -> float:
    """Compute the largest difference between stitching and dilating a small random unpadded network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = (nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(2))
        net = nn.Sequential(*first, nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 4, 3))  # stride 8
        x = torch.randn(1, 3, 75, 91)
    dense = stitch.dilated(net, factor)(x)
    h, w = dense.shape[-2:]
    return float((stitch.shift_and_stitch(net, x, 8, factor)[..., :h, :w] - dense).abs().max())
