"""Panel "Where is it unsure?": confidence, entropy, and labels without the unsure pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.photos import voc
from ui.components import scales
from ui.components.viewer import Panel, ViewerOptions, viewer
from ui.figures.numbers import percent
from ui.heatmaps import cached
from ui.heatmaps.choice import Choice
from ui.page.masks import Truth
from ui.running import layers

if TYPE_CHECKING:
    from fcnviz.inference import Segmentation

#: The probability in percent below which pixels are greyed out at first.
LEAST = 60


def maps(c: Choice, truth: Truth | None, palette: str) -> None:
    """Draw confidence and entropy of the final map, and its labels without pixels below a threshold."""
    answer = c.result.segmentation
    label = "Grey out pixels whose best class has a probability below"
    least = st.slider(label, 0, 100, LEAST, 5, format="%d %%", key="sure", bind="query-params")
    sure = sure_pixels(answer, least)
    confidence = layers.layer(c.photo, c.result.net.name, "Confidence", palette, None, answer)
    greyed = render.sure_layer(answer.labels, sure, render.PALETTES[palette])
    bits = cached.entropy_layer(c.photo, c.result.net, answer.scores)
    panels = [
        Panel(f"{c.result.title}, sure pixels", f"{percent((~sure).mean())} greyed out", greyed),
        Panel("Confidence", "probability of the best class", confidence),
        Panel("Entropy", f"of the softmax over {len(voc.CLASSES)} classes", bits),
    ]
    place = viewer(c.photo, layers.photo_file(c.photo), [p.title for p in panels], key="certainty")
    place.show(panels, options=ViewerOptions(opacity=0.8))
    with st.container(horizontal=True, gap="large"):
        scales.bar(layers.CONFIDENCE, "Probability", digits=0)
        scales.bar(cached.ENTROPY, "Entropy in bits", digits=2)
    if truth is not None:
        _sure_and_right(answer.labels, truth, sure)


def sure_pixels(answer: Segmentation, least: int) -> np.ndarray:
    """Find the pixels whose best class has at least this probability, in percent: (H, W) bool."""
    return answer.confidence >= round(least * 2.55)


def right_shares(labels: np.ndarray, truth: Truth, sure: np.ndarray) -> dict[str, float]:
    """Compute the share labelled right of the sure pixels and of those "greyed out", if there are any."""
    counted, right = truth.labels != voc.VOID, labels == truth.labels
    parts = {"sure": counted & sure, "greyed out": counted & ~sure}
    return {name: float(right[part].mean()) for name, part in parts.items() if part.any()}


def _sure_and_right(labels: np.ndarray, truth: Truth, sure: np.ndarray) -> None:
    """Write how many of the sure and of the other pixels are labelled right."""
    shares = [
        f"{name} pixels: **{percent(share)}** labelled right"
        for name, share in right_shares(labels, truth, sure).items()
    ]
    st.markdown(" · ".join(shares).capitalize())
    st.caption(f"Measured here, on this photo's annotation ({truth.origin}); 255 does not count.")
