"""Panel "Skip arithmetic": a network's sums as equations of heatmaps, and the labels that each changes."""

import itertools

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.geometry import SKIPS
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
from ui.heatmaps.choice import Choice
from ui.running import layers, worker
from ui.running.networks import model


def equations(c: Choice, palette: str) -> None:
    """Draw the network's sums as equations of heatmaps, the labels that they change, and the ablation."""
    net = model(c.result.net)
    lines = worker.run_short(sums.sums, net, c.result.segmentation.scores)
    if not lines:
        st.info("FCN-32s has no skips: choose FCN-16s or FCN-8s.")
        return
    terms = [[t[0, c.index].cpu().numpy() for t in (s.upscored, s.skip, s.fused)] for s in lines]
    scale = Scale.diverging(*(t for line in terms for t in line))
    bar = Bar(f"Score of {c.name}, one scale for all", scale, 1)
    for line, maps in zip(lines, terms, strict=True):
        _equation(c, line.stride, maps, bar)
    strides = [32, *(s.stride for s in lines)]
    scores = c.result.segmentation.scores
    labels = {s: cached.labels_up_to(c.photo, c.result.net, s, scores) for s in strides}
    _flips(c, labels, palette)
    _ablation(c, labels, palette)


def _equation(c: Choice, stride: int, maps: list[np.ndarray], bar: Bar) -> None:
    """Draw the upsampled scores + the skip's scores = their sum."""
    start, skip = stage_start(model(c.result.net), stride), SKIPS[stride]
    before = "score_fr" if stride == 16 else f"fused {2 * stride}"
    names = f"{skip.upsampler}({before})", skip.scorer, f"fused {stride}"
    where = Extent.cells(maps[0].shape, (start, start), stride)
    panels = (
        Panel(
            shows=where,
            layers=(coarse(values, bar.scale, where, reads=Values(values, "score")),),
            title=name,
            caption=f"{grid_text(values.shape, stride)} · {span(values, 1)}",
            bar=bar,
            sign=sign,
        )
        for name, values, sign in zip(names, maps, ("", "+", "="), strict=True)
    )
    grids(Row(tuple(panels)), f"sum_{stride}")


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
