"""What every page has: its configuration, the navigation and the sidebar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from fcnviz import weights
from fcnviz.settings import SettingsError, settings
from ui import inputs, link, origins, shown

ICON = Path(__file__).parent / "assets" / "icon.png"
PAGES = (
    ("app.py", "Start", ":material/home:"),
    ("pages/compare.py", "Compare", ":material/compare:"),
    ("pages/heatmaps.py", "Heatmaps", ":material/grid_on:"),
    ("pages/convolutionalize.py", "Convolutionalize", ":material/view_in_ar:"),
    ("pages/upsampling.py", "Upsampling", ":material/zoom_in:"),
    ("pages/alignment.py", "Alignment", ":material/straighten:"),
    ("pages/evaluate.py", "Evaluate", ":material/bar_chart:"),
    ("pages/lecture.py", "Lecture", ":material/slideshow:"),
)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the sidebar says."""

    photo: inputs.Photo
    networks: inputs.Networks
    palette: str


def begin(title: str) -> Inputs:
    """Configure the page, draw navigation and sidebar, and return what the sidebar says.

    Args:
        title: of the browser tab.
    """
    configure(title)
    with st.sidebar:
        st.markdown("#### fcnviz")
        with st.container(gap="xxsmall"):
            for path, label, icon in PAGES:
                st.page_link(path, label=label, icon=icon, width="stretch")
        page = choices()
    shown.begin(title, inputs.source(page.photo), page.palette)
    shown.fact("photo", page.photo.name, origins.photo(page.photo))
    return page


def configure(title: str) -> None:
    """Tell the browser what this page is, and check that the server is set up right."""
    st.set_page_config(page_title=f"{title} · fcnviz", page_icon=str(ICON), layout="wide")
    link.begin(title)
    _check_settings()


def choices() -> Inputs:
    """Draw the choice of photo, networks and colours, wherever the caller stands."""
    st.markdown("##### Photo")
    photo = inputs.photo()
    st.markdown("##### Networks")
    networks, palette = inputs.networks(), inputs.palette()
    return Inputs(photo, networks, palette)


def _check_settings() -> None:
    """Say what is wrong with the server's settings, and stop there."""
    try:
        device = settings().device
    except SettingsError as error:
        st.error(f"This server is not set up right: {error}", icon=":material/error:")
        st.stop()
    try:
        weights.pick_device(device)
    except ValueError as error:
        st.error(f"This server is not set up right: FCNVIZ_DEVICE: {error}.", icon=":material/error:")
        st.stop()
