"""Panel "Where is it unsure?": confidence, entropy, and labels without the unsure pixels."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fcnviz import render, voc
from fcnviz.render import Scale
from ui import cache, scales
from ui.heatmaps import Choice
from ui.masks import Truth
from ui.viewer import Panel, ViewerOptions, viewer


def maps(c: Choice, truth: Truth | None, palette: str) -> None:
    """Confidence and entropy of the final map, and a threshold that greys out the unsure pixels."""
    answer = c.result.segmentation
    percent = st.slider(
        "Grey out pixels whose best class has a probability below", 0, 100, 60, 5, format="%d %%", key="sure",
        bind="query-params",
    )  # fmt: skip
    sure = answer.confidence >= round(percent * 2.55)
    greyed = render.sure_layer(answer.labels, sure, render.PALETTES[palette])
    bits = cache.entropy_layer(c.photo.digest, c.result.name, c.device, answer.scores, c.size)
    panels = [
        Panel(f"{c.result.title}, sure pixels", f"{100 * (~sure).mean():.1f} % greyed out", greyed),
        Panel(
            "Confidence", "probability of the best class", render.confidence_layer(answer.confidence / 255)
        ),
        Panel("Entropy", f"of the softmax over {len(voc.CLASSES)} classes", bits),
    ]
    viewer(
        cache.photo_file(c.photo.digest, c.photo.image), panels,
        options=ViewerOptions(size=c.photo.image.size, opacity=0.8), key="certainty",
    )  # fmt: skip
    with st.container(horizontal=True, gap="large"):
        scales.bar(Scale(0, 1, render.CONFIDENCE_CMAP), "Probability", digits=0)
        scales.bar(Scale(0, float(np.log2(len(voc.CLASSES))), "magma"), "Entropy in bits", digits=2)
    if truth is not None:
        _sure_and_right(answer.labels, truth, sure)


def _sure_and_right(labels: np.ndarray, truth: Truth, sure: np.ndarray) -> None:
    """Is it right where it is sure? Measured on this photo's annotation."""
    counted = truth.labels != voc.VOID
    right = labels == truth.labels
    shares = [
        f"{name} pixels: **{100 * right[part].mean():.1f} %** labelled right"
        for name, part in (("sure", counted & sure), ("greyed out", counted & ~sure))
        if part.any()
    ]
    st.markdown(" · ".join(shares).capitalize())
    st.caption(f"Measured here, on this photo's annotation ({truth.origin}); 255 does not count.")
