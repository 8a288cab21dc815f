"""FCN-32s, 16s and 8s on one photo: where they agree, where the skips help, and by how much."""

from functools import partial

import streamlit as st

from ui.compare import downloads, panels
from ui.compare.results import run_networks
from ui.page import controls, frame, masks, sections

page = frame.begin("Compare", "FCN-32s, 16s and 8s on one photo")
photo, networks = page.photo, page.networks
panels.describe(photo)

view_slot, viewer_slot = st.container(), st.container()
with viewer_slot:
    viewer = panels.place(photo, networks)
    results = run_networks(photo, networks)
with view_slot:
    view = controls.view(["Photo", *(r.title for r in results)], page.palette)
if not results:
    st.stop()
with viewer_slot:
    panels.compare(viewer, photo, results, view)

names = ["Skips", "Disagreement"] if len(results) > 1 else []
bar = sections.bar(*names, "Ground truth", "The run", "Downloads")


def ground_truth() -> None:
    """Draw the choice of a mask, and the metrics on this photo."""
    truth = masks.choose(photo)
    if truth is not None:
        panels.ground_truth(results, truth, view.palette)


if bar.open != "Ground truth":
    masks.away()
bar.show(
    {
        "Skips": partial(panels.skips, photo, results, view.palette),
        "Disagreement": partial(panels.closeup, photo, results, view.palette),
        "Ground truth": ground_truth,
        "The run": partial(panels.facts, photo, results),
        "Downloads": partial(downloads.buttons, photo, results, view),
    }
)
frame.end(page, bar.open)
