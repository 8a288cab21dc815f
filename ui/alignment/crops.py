"""Panel: the five crops of FCN-8s, derived layer by layer."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fcnviz.lessons.alignment.sizes import CROPS, Derivation, Move, Setup, derive, moves
from ui.alignment import figures
from ui.export import shown
from ui.figures.numbers import plain


def derivation(setup: Setup) -> None:
    """Draw the five crops, and the derivation of the chosen one."""
    derivations = {name: derive(setup, name) for name in CROPS}
    with st.container(horizontal=True, gap="medium"):
        for crop, derived in derivations.items():
            st.metric(crop, plain(derived.crop), width="content")
    name = st.segmented_control(
        "Derive", list(CROPS), default=setup.last, required=True, key="a_crop", bind="query-params"
    )
    name = name or setup.last  # ?a_crop= chooses none, although it is required
    chosen = derivations[name]
    steps = moves(chosen.path)
    st.markdown(_equation(chosen))
    picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        shown.chart(figures.offsets(chosen, steps), "a_offsets")
        st.caption(
            "Where the centre of each map's pixel 0 lies over the image. The arrow is the crop: from the map "
            "that is cut to the one it must lie over."
        )
    with numbers:
        shown.table(_table(steps), "a_moves")
        st.caption(_about_table(setup, name))


def _equation(d: Derivation) -> str:
    onto = "the image" if d.onto == "image" else d.onto
    source, reference = plain(d.source.offset), plain(d.reference.offset)
    stride, apart = plain(d.source.stride), plain(d.apart)
    minus = f"({source})" if d.source.offset < 0 else source
    return (
        f"**{d.name}** has stride {stride} and its pixel 0 at **{source}**; {onto} has stride "
        f"{plain(d.reference.stride)} and its pixel 0 at **{reference}**. Difference / stride:\n\n"
        f"##### ({reference} − {minus}) / {stride} = {apart} / {stride} = {plain(d.pixels)}"
    )


def _table(steps: Sequence[Move]) -> pd.DataFrame:
    rows = {
        m.name: (plain(m.place.stride), f"{'+' if m.by > 0 else ''}{plain(m.by)}", plain(m.place.offset))
        for m in steps
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["Stride", "Moves it by", "Pixel 0 at"])


def _about_table(setup: Setup, name: str) -> str:
    if setup.backbone == "vgg16":
        rule = (
            "A layer moves pixel 0 by ((kernel − 1) / 2 − padding) × the stride it reads; a deconvolution "
            "moves it back, by its own stride. Layers that are not listed do not move it."
        )
        return (
            f"{rule} Padding moves all maps alike, so it changes the final crops only; rounding changes none."
        )
    exact = derive(setup, name, exact=True)
    apart = f"{plain(exact.apart)} px / {plain(exact.source.stride)} = {plain(exact.pixels)} pixels"
    return (
        "A negative crop cuts the other map. The crops take the maps as centred on their cells. Walked layer "
        f"by layer, their true centres give {apart} here"
        + (": not a whole number, so no crop aligns them." if exact.pixels.denominator > 1 else ".")
    )
