"""FCN-32s, 16s and 8s on one photo: where they agree, where the skips help, and by how much."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.compare import blind, downloads, panels
from ui.compare.results import Result, run_networks
from ui.export import shown
from ui.page import controls, frame, masks, sections
from ui.page.controls import View
from ui.page.frame import Inputs
from ui.state import Photo

page = frame.begin(
    "Compare",
    "FCN-32s, 16s and 8s on one photo",
    lead="Three networks label the same photo. From 32s to 8s, **skips** bring in finer maps: watch "
    "the outline.",
)
panels.describe(page.photo)


@shown.fragment
def compare(page: Inputs) -> None:
    """Draw the results and the sections: none of their controls acts on what is around them."""
    photo, networks = page.photo, page.networks
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
        view = controls.view(titles, page.palette) if named else View(page.palette, controls.isolated())
    if not results:
        return
    if viewer:
        with viewer_slot:
            panels.compare(viewer, photo, results, view, truth)
    if bar.open != "Ground truth":
        masks.away()
    of_all = photo, results, view.palette
    bar.show(
        {
            "Skips": partial(compared, panels.skips, *of_all),
            "Disagreement": partial(compared, partial(panels.closeup, truth=truth), *of_all),
            "Blind test": partial(compared, blind.test, *of_all),
            "Ground truth": partial(ground_truth, *of_all),
            "The run": partial(panels.facts, photo, results),
            "Downloads": partial(downloads.buttons, photo, results, view),
        }
    )


def compared(
    draw: Callable[[Photo, list[Result], str], None], photo: Photo, results: list[Result], palette: str
) -> None:
    """Draw what takes two networks or more."""
    if len(results) > 1:
        draw(photo, results, palette)
    else:
        st.info("Only one network can run here, so there is nothing to compare.")


def ground_truth(photo: Photo, results: list[Result], palette: str) -> None:
    """Draw the choice of a mask, and the metrics on this photo."""
    truth = masks.choose(photo)
    if truth is not None:
        panels.ground_truth(results, truth, palette)


compare(page)
frame.end(page)
