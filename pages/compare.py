"""FCN-32s, 16s and 8s on one photo: where they agree, where the skips help, and by how much."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.compare import blind, downloads, panels
from ui.compare.results import Result, run_networks
from ui.page import controls, frame, masks, sections
from ui.state import Photo

page = frame.begin("Compare", "FCN-32s, 16s and 8s on one photo")
photo, networks = page.photo, page.networks
panels.describe(photo)

view_slot, viewer_slot, bar_slot = st.container(), st.container(), st.container()
names = ["Skips", "Disagreement", "Blind test"] if len(networks.names) > 1 else []
with bar_slot:
    bar = sections.bar(*names, "Ground truth", "The run", "Downloads")
with bar.controls:
    truth = masks.outlined(photo) if panels.outline_wanted(photo) else None
named = not bar.alone and bar.open != "Blind test"  # the viewer says which result is whose
with viewer_slot:
    viewer = panels.place(photo, networks) if named else None
    results = run_networks(photo, networks)
with view_slot:
    titles = ["Photo", *(r.title for r in results)]
    view = controls.view(titles, page.palette) if named else controls.View(page.palette, controls.isolated())
if not results:
    st.stop()
if viewer:
    with viewer_slot:
        panels.compare(viewer, photo, results, view, truth)


def ground_truth() -> None:
    """Draw the choice of a mask, and the metrics on this photo."""
    truth = masks.choose(photo)
    if truth is not None:
        panels.ground_truth(results, truth, view.palette)


def compared(draw: Callable[[Photo, list[Result], str], None]) -> None:
    """Draw what takes two networks or more."""
    if len(results) > 1:
        draw(photo, results, view.palette)
    else:
        st.info("Only one network can run here, so there is nothing to compare.")


if bar.open != "Ground truth":
    masks.away()
bar.show(
    {
        "Skips": partial(compared, panels.skips),
        "Disagreement": partial(compared, partial(panels.closeup, truth=truth)),
        "Blind test": partial(compared, blind.test),
        "Ground truth": ground_truth,
        "The run": partial(panels.facts, photo, results),
        "Downloads": partial(downloads.buttons, photo, results, view),
    }
)
frame.end(page, bar.open)
