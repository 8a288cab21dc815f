"""Single downloads of Compare: exact label maps and overlays. The zip of everything is `ui/bundle.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import render
from ui import shown
from ui.inputs import View
from ui.panels import Result


def buttons(results: list[Result], view: View) -> None:
    """Draw the downloads; files are made when they are asked for."""
    photo = shown.current().image
    with st.container(horizontal=True, vertical_alignment="center"):
        for r in results:
            _button(f"{r.title} labels", f"{r.name}-labels.png", functools.partial(label_map, r, view))
            make = functools.partial(overlay, photo, r, view)
            _button(f"{r.title} overlay", f"{r.name}-overlay.png", make)
    st.caption(
        "Label maps are palette PNGs whose pixels are the class indices (0 background … 20 tvmonitor)."
    )


def _button(label: str, file: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        label, make, file, key=f"download_{file}", on_click="ignore", icon=":material/download:"
    )


def label_map(result: Result, view: View) -> bytes:
    """Palette PNG whose pixels are the class indices."""
    return render.label_png(result.labels, render.PALETTES[view.palette])


def overlay(photo: Callable[[], Image.Image], result: Result, view: View) -> bytes:
    """PNG of the tinted photo, as shown."""
    colours = render.PALETTES[view.palette]
    return render.to_png(
        render.overlay(np.asarray(photo()), result.labels, colours, view.opacity, view.isolate)
    )
