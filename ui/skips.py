"""Panel "Skip arithmetic": a network's sums as equations of heatmaps, and what each of them flips."""

from __future__ import annotations

import itertools

import numpy as np
import streamlit as st

from fcnviz import heatmaps, render
from fcnviz.render import Scale
from ui import cache, figures, scales, shown
from ui.heatmaps import Choice
from ui.panels import grid_text
from ui.viewer import Panel, ViewerOptions, viewer


def equations(c: Choice, palette: str) -> None:
    """The sums of the network as equations of heatmaps, what they flipped, and the ablation."""
    net = cache.model(c.result.name, c.device)
    lines = cache.on_worker(heatmaps.sums, net, c.result.segmentation.scores)
    if not lines:
        st.info("FCN-32s has no skips: choose FCN-16s or FCN-8s.")
        return
    terms = [[t[0, c.index].cpu().numpy() for t in (s.upscored, s.skip, s.fused)] for s in lines]
    scale = Scale.diverging(*(t for line in terms for t in line))
    for line, maps in zip(lines, terms, strict=True):
        _equation(c, line.stride, maps, scale)
    scales.bar(scale, f"Score of {c.name}, one scale for all")
    labels = _labels(c, [32, *(s.stride for s in lines)])
    _flips(c, labels, palette)
    _ablation(c, labels, palette)


def _labels(c: Choice, strides: list[int]) -> dict[int, np.ndarray]:
    """What the network would say if it added its skips down to each of these strides."""
    photo, name, scores = c.photo.digest, c.result.name, c.result.segmentation.scores
    return {s: cache.labels_up_to(photo, name, c.device, s, scores, c.size) for s in strides}


_TERMS = {
    16: ("upscore2(score_fr)", "score_pool4", "fused 16"),
    8: ("upscore_pool4(fused 16)", "score_pool3", "fused 8"),
}


def _equation(c: Choice, stride: int, maps: list[np.ndarray], scale: Scale) -> None:
    start = heatmaps.stage_start(cache.model(c.result.name, c.device), stride)
    columns = st.columns([8, 1, 8, 1, 8], vertical_alignment="center")
    for column, name, values in zip(columns[::2], _TERMS[stride], maps, strict=True):
        with column:
            figure = figures.grid(values, scale, start=(start, start), step=stride)
            figure.update_layout(height=figures.fitting(values.shape[1], values.shape[0], 286))
            st.markdown(f"**`{name}`**")
            shown.chart(figure, f"term_{name}")
            st.caption(f"{grid_text(values.shape, stride)} · {scales.span(values, 1)}")
    for column, sign in zip(columns[1::2], "+=", strict=True):
        column.latex(rf"\Huge {sign}")  # not a heading: a screen reader would list it among them


def _flips(c: Choice, labels: dict[int, np.ndarray], palette: str) -> None:
    steps = list(labels)
    for column, (before, after) in zip(st.columns(2), itertools.pairwise(steps), strict=False):
        with column:
            share = render.flipped_share(labels[before], labels[after])
            tap = {16: "score_pool4", 8: "score_pool3"}[after]
            st.markdown(f"**Adding `{tap}` flips {100 * share:.1f} % of the pixels**")
            pair = labels[before], labels[after]
            picture = cache.flipped(c.photo.digest, c.result.name, after, palette, c.photo.image, pair)
            shown.picture(picture, f"flips_{tap}", width="stretch", alt=f"Pixels that adding {tap} flips")
            st.caption("Colour: the new label (white: background). Grey: unchanged.")


def _ablation(c: Choice, labels: dict[int, np.ndarray], palette: str) -> None:
    st.markdown(f"**{c.result.title} with skips switched off** · an ablation: FCN-32s was trained without")
    titles = {32: "No skips (ablation)", 16: "score_pool4 only (ablation)"}
    panels, full = [], c.result.stride
    for stride, found in labels.items():
        title = titles[stride] if stride != full else f"All skips: {c.result.title}"
        share = render.flipped_share(found, labels[full])
        caption = f"{100 * share:.1f} % of the labels differ from FCN-{full}s"
        layer = cache.ablation_layer(c.photo.digest, c.result.name, stride, palette, found)
        panels.append(Panel(title, caption if stride != full else "as trained", layer))
    options = ViewerOptions(size=c.photo.image.size, opacity=0.65)
    viewer(cache.photo_file(c.photo.digest, c.photo.image), panels, options=options, key="ablation")
