"""Panel: which image sizes work with which padding."""

from dataclasses import replace

import numpy as np
import streamlit as st

from fcnviz.lessons.alignment.sizes import MAX_PAD, Setup, Verdict, smallest, verdict
from ui.alignment import figures
from ui.alignment.controls import Choice
from ui.export import shown

#: Largest image side in the chart.
_SHOWN = 320


def working_sizes(choice: Choice) -> None:
    """Chart which image sides work with which padding."""
    setup = choice.setup
    if setup.backbone == "lite0":
        st.markdown(f"All, from 1 × 1 px on: the image is rounded up to whole cells of {setup.multiple} px.")
        return
    picture, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with picture:
        figure = figures.sizes(_verdicts(setup), (setup.pad, sorted(set(choice.size))))
        shown.chart(figure, "a_sizes")
    with words:
        st.markdown(_smallest(setup))
        st.caption(
            "Too small: fc6 has fewer than 7 cells to read. Canvas falls short: the network runs, but its "
            "canvas misses pixels of the image, so no crop fits. The marks are your image's sides (a "
            f"triangle: larger than {_SHOWN} px, where nothing new happens)."
        )


def _smallest(setup: Setup) -> str:
    runs, works = (smallest(setup, v) for v in (Verdict.UNCOVERED, Verdict.WORKS))
    text = f"With **{setup.pad} px** of padding the network runs on images from **{runs} px** a side on, "
    if works is None:
        return f"{text} but there is **no size that it covers**."
    text += f"and the smallest that it covers is **{works} px**."
    sides = range(works, works + 64)
    if any(verdict(setup, n) is not Verdict.WORKS for n in sides):
        text += " Of the larger ones only some work: rounding down loses rows in the others."
    return text


@st.cache_data(show_spinner=False, max_entries=16)
def _verdicts(setup: Setup) -> np.ndarray:
    """Judge each side from 1 px and each padding from 0 px: (`_SHOWN`, `MAX_PAD` + 1)."""
    trials = [replace(setup, pad=pad) for pad in range(MAX_PAD + 1)]
    return np.array([[verdict(t, n) for t in trials] for n in range(1, _SHOWN + 1)], np.int8)
