"""Downloads of single files on Compare: label maps and overlays."""

import functools
from collections.abc import Callable

import numpy as np
import streamlit as st

from fcnviz import render
from ui.compare.results import Result
from ui.page.controls import View
from ui.state import Photo


def buttons(photo: Photo, results: list[Result], view: View) -> None:
    """Draw the download buttons; a file is made when its button is clicked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for r in results:
            labels, tinted = functools.partial(label_map, r, view), functools.partial(overlay, photo, r, view)
            _button(f"{r.title} labels", f"{r.net.name}-labels.png", labels)
            _button(f"{r.title} overlay", f"{r.net.name}-overlay.png", tinted)
    st.caption(
        "Label maps are palette PNGs whose pixels are the class indices (0 background … 20 tvmonitor)."
    )


def _button(label: str, file: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        label, make, file, key=f"download_{file}", on_click="ignore", icon=":material/download:"
    )


def label_map(result: Result, view: View) -> bytes:
    """Make a palette PNG whose pixels are the class indices."""
    return render.label_png(result.labels, render.PALETTES[view.palette])


def overlay(photo: Photo, result: Result, view: View) -> bytes:
    """Make a PNG of the photo with the labels laid over it, in the view's colours and opacity."""
    colours = render.PALETTES[view.palette]
    return render.to_png(
        render.overlay(np.asarray(photo.image), result.labels, colours, view.opacity, view.isolate)
    )
