"""Widgets for the networks and for how to show their results; their values are in the link."""

import math
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from fcnviz import render, weights
from fcnviz.photos import voc
from ui.figures.theme import OPACITY
from ui.page import link
from ui.settings import settings
from ui.state import Networks

VIEWS = ("Spotlight", "Overlay", "Labels", "Boundaries", "Confidence")
#: Views that are blended with the photo; the others are drawn as they are.
BLENDED = ("Overlay", "Confidence")
LAYOUTS = ("Side by side", "Swipe")


@dataclass(frozen=True)
class View:
    """How the results are drawn.

    Attributes:
        palette: a key of `render.PALETTES`.
        isolate: index of the only class shown, or None.
        view: one of `VIEWS`.
        opacity: opacity of the layers, 0…1.
        layout: one of `LAYOUTS`.
        left, right: indices of the two panels beside the divider.
    """

    palette: str
    isolate: int | None
    view: str = VIEWS[0]
    opacity: float = OPACITY
    layout: str = LAYOUTS[0]
    left: int = 0
    right: int = 1


def number_binding(key: str) -> Literal["query-params"] | None:
    """Return `bind` for the `st.number_input` of a whole number; None if the link's number is infinite.

    Streamlit 1.67 raises an OverflowError for infinity, and for no other number or word.
    """
    for text in st.query_params.get_all(key):
        try:
            if math.isinf(float(text)):
                return None
        except ValueError:
            continue
    return "query-params"


# --- networks and display


def families() -> dict[str, tuple[str, ...]]:
    """Find the networks that can run here: by family their registry names, coarse to fine."""
    present = weights.available()
    if settings().public:
        present = [name for name in present if weights.find(name).origin != "unverified"]
    found = {
        family: tuple(n for stride in ("32s", "16s", "8s") if (n := f"{family}-fcn{stride}") in present)
        for family in ("lite0", "vgg16")
    }
    grouped = {name for names in found.values() for name in names}
    return {k: v for k, v in found.items() if v} | {n: (n,) for n in present if n not in grouped}


def networks(*, draw: bool = True) -> Networks:
    """Draw the choice of weights and device, or return what is chosen at first."""
    choices = families()
    if not choices:
        st.error(
            "There are no weights to run: put the bundled files back into weights/.", icon=":material/error:"
        )
        st.stop()
    if not draw:
        family = next(iter(choices))
        return Networks(family, choices[family], settings().device)
    family = link.follow(
        "nets",
        list(choices),
        next(iter(choices)),
        lambda: st.selectbox(
            "Backbone and weights", list(choices), key="nets", bind="query-params", help=_ABOUT_NETWORKS
        ),
    )
    devices, device = ["auto", *weights.devices()], settings().device
    if len(devices) > 2 and device == "auto" and not settings().public:
        device = st.selectbox("Device", devices, key="device", persist_state="session")
    return Networks(family, choices[family], device)


_ABOUT_NETWORKS = (
    "lite0: EfficientNet-Lite0, trained by this project and bundled. vgg16: the paper's network, shown once "
    "its published checkpoints are in weights/ (python -m fcnviz weights get vgg16-fcn8s). Files of your own "
    "in weights/ are offered as unverified."
)


def palette(*, draw: bool = True) -> str:
    """Draw the choice of class colours, or return what is chosen at first."""
    if not draw:
        return next(iter(render.PALETTES))
    names = list(render.PALETTES)
    return link.follow(
        "colours",
        names,
        names[0],
        lambda: st.selectbox("Class colours", names, key="colours", bind="query-params"),
    )


def view(panels: list[str], colours: str) -> View:
    """Draw the toolbar above the results."""
    with st.container(horizontal=True, gap="small"):
        mode = st.segmented_control(
            "Show", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params"
        )
        layout = st.segmented_control(
            "Layout", LAYOUTS, default="Side by side", required=True, key="layout", bind="query-params"
        )
        opacity = _opacity() if mode in BLENDED else 100
        left, right = _pair(panels) if layout == "Swipe" else (0, len(panels) - 1)
    return View(colours, isolated(), mode, opacity / 100, layout, left, right)


def _opacity() -> int:
    return st.slider(
        "Opacity",
        0,
        100,
        round(100 * OPACITY),
        5,
        format="%d %%",
        key="opacity",
        bind="query-params",
        width=150,
    )


def _pair(panels: list[str]) -> tuple[int, int]:
    left = st.selectbox("Left", panels, 1, key="left", bind="query-params", width=120)
    right = st.selectbox("Right", panels, len(panels) - 1, key="right", bind="query-params", width=120)
    return panels.index(left), panels.index(right)


def isolated() -> int | None:
    """Read the isolated class, the only one shown, from the link; None shows all."""
    name = link.get("class")
    return voc.CLASSES.index(name) if name in voc.CLASSES else None


def isolate(index: int | None) -> None:
    """Put the isolated class into the link."""
    link.put({"class": None if index is None else voc.CLASSES[index]})
