"""Panel "Skip arithmetic": a network's sums as equations of heatmaps, and the labels that each changes."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.geometry import SCORE_MAPS, SKIPS
from fcnviz.lessons.heatmaps import sums
from fcnviz.lessons.heatmaps.cells import stage_start
from fcnviz.render import Scale
from ui.compare.results import grid_text
from ui.components.grids import grids
from ui.components.viewer import Panel as ViewerPanel
from ui.components.viewer import ViewerOptions, viewer
from ui.export import shown
from ui.figures.grids import Bar, Panel, Row, Values, coarse
from ui.figures.numbers import percent, span
from ui.figures.pictures import Extent
from ui.heatmaps import cached
from ui.heatmaps.choice import Choice, Heatmap
from ui.page import path
from ui.running import layers, worker
from ui.running.networks import model

ONE_SCALE, OWN_SCALES, MARGIN = "Scores, one scale", "Scores, own scales", "Margin over the next class"
VIEWS = (ONE_SCALE, OWN_SCALES, MARGIN)
_ABOUT = {
    ONE_SCALE: "The same colours in all maps: what is pale adds little.",
    OWN_SCALES: "Each map has its own colours, so that small terms show too. Compare places, not colours.",
    MARGIN: "The class's score less the highest of the other classes, in each map alone: where it is red, "
    "this map alone would choose the class. Each map has its own colours; margins do not add up.",
}


def equations(c: Choice, palette: str) -> None:
    """Draw the network's sums as equations of heatmaps, the labels that they change, and the ablation."""
    c = _with_skips(c)
    lines = worker.run_short(sums.sums, model(c.result.net), c.result.segmentation.scores)
    if not lines:
        return
    view = (
        st.segmented_control("Maps", VIEWS, default=VIEWS[0], required=True, key="terms", bind="query-params")
        or VIEWS[0]
    )  # ?terms= chooses none, although it is required
    signs = ("", "", "") if view == MARGIN else ("", "+", "=")
    for line, maps, bars in drawn(c, lines, view):
        grids(equation(c, line.stride, maps, bars, signs), f"sum_{line.stride}")
    st.caption(_ABOUT[view])
    strides = [32, *(s.stride for s in lines)]
    scores = c.result.segmentation.scores
    labels = {s: cached.labels_up_to(c.photo, c.result.net, s, scores) for s in strides}
    _flips(c, labels, palette)
    _ablation(c, labels, palette)
    path.see("pages/compare.py", "Skips")


def _with_skips(c: Choice) -> Choice:
    """Return the choice; if its network has no skips, that of the finest network."""
    finest = c.results[-1]
    if c.result.stride < 32 or finest is c.result:
        if c.result.stride == 32:
            st.info("FCN-32s has no skips, and there is no other network: choose other weights.")
        return c
    st.info(f"FCN-32s has no skips. These are {finest.title}'s.")
    return replace(c, result=finest, stride=finest.stride)


def drawn(
    c: Heatmap, lines: list[sums.Sum], view: str
) -> Iterator[tuple[sums.Sum, list[np.ndarray], list[Bar]]]:
    """Yield each sum with the maps of its three terms, (h, w) each, and their colour bars."""
    terms = [(s.upscored, s.skip, s.fused) for s in lines]
    if view == MARGIN:
        maps = [[sums.margin(t, c.index) for t in three] for three in terms]
        what = f"Score of {c.name} − the highest other score"
    else:
        maps = [[t[0, c.index].cpu().numpy() for t in three] for three in terms]
        what = f"Score of {c.name}"
    shared = Bar(f"{what}, one scale for all", Scale.diverging(*(m for three in maps for m in three)), 1)
    for line, three in zip(lines, maps, strict=True):
        named = zip(_names(line.stride), three, strict=True)
        own = [Bar(f"{what}, {name}", Scale.diverging(m), 1) for name, m in named]
        yield line, three, [shared] * 3 if view == ONE_SCALE else own


def _names(stride: int) -> tuple[str, str, str]:
    """The names of a sum's terms: the upsampled scores, the skip's scores, and their sum."""
    skip = SKIPS[stride]
    return f"{skip.upsampler}({SCORE_MAPS[2 * stride]})", skip.scorer, skip.fused


def equation(c: Heatmap, stride: int, maps: list[np.ndarray], bars: list[Bar], signs: Sequence[str]) -> Row:
    """Draw the upsampled scores + the skip's scores = their sum."""
    start = stage_start(model(c.result.net), stride)
    where = Extent.cells(maps[0].shape, (start, start), stride)
    return Row(
        tuple(
            Panel(
                shows=where,
                layers=(coarse(values, bar.scale, where, reads=Values(values, "score")),),
                title=name,
                caption=f"{grid_text(values.shape, stride)} · {span(values, 1)}",
                bar=bar,
                sign=sign,
            )
            for name, values, bar, sign in zip(_names(stride), maps, bars, signs, strict=True)
        )
    )


def _flips(c: Choice, labels: dict[int, np.ndarray], palette: str) -> None:
    steps = list(labels)
    for column, (before, after) in zip(st.columns(2), itertools.pairwise(steps), strict=False):
        with column:
            share = render.flipped_share(labels[before], labels[after])
            tap = SKIPS[after].scorer
            st.markdown(f"**Adding `{tap}` flips {percent(share)} of the pixels**")
            pair = labels[before], labels[after]
            picture = layers.flips(c.photo, (c.result.net.name, tap), palette, pair)
            shown.picture(picture, f"flips_{tap}", width="stretch", alt=f"Pixels that adding {tap} flips")
            st.caption("Colour: the new label (white: background). Grey: unchanged.")


def _ablation(c: Choice, labels: dict[int, np.ndarray], palette: str) -> None:
    st.markdown(f"**{c.result.title} with skips switched off** · an ablation: FCN-32s was trained without")
    titles = {32: "No skips (ablation)", 16: f"{SKIPS[16].scorer} only (ablation)"}
    panels, full = [], c.result.stride
    for stride, found in labels.items():
        title = titles[stride] if stride != full else f"All skips: {c.result.title}"
        share = render.flipped_share(found, labels[full])
        caption = f"{percent(share)} of the labels differ from FCN-{full}s"
        layer = cached.ablation_layer(c.photo, c.result.net.name, stride, palette, found)
        panels.append(ViewerPanel(title, caption if stride != full else "as trained", layer))
    place = viewer(c.photo, layers.photo_file(c.photo), [p.title for p in panels], key="ablation")
    place.show(panels, options=ViewerOptions())
