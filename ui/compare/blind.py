"""Section of Compare: the results without their names, in an order that only the server knows."""

from random import SystemRandom

import numpy as np
import streamlit as st

from fcnviz import render
from ui.compare.results import Result
from ui.export import shown
from ui.state import Photo

_LETTERS = "ABC"


@shown.fragment
def test(photo: Photo, results: list[Result], palette: str) -> None:
    """Draw the label maps of all networks in random order, and ask which one is the finest network's."""
    order = _order(photo, len(results))
    finest = min(range(len(results)), key=lambda i: results[i].stride)
    letters = _LETTERS[: len(results)]
    st.markdown(f"The same photo, {len(results)} networks. **Which one is {results[finest].title}?**")
    colours = render.PALETTES[palette]
    for letter, column, which in zip(letters, st.columns(len(results)), order, strict=False):
        with column:
            st.markdown(f"**{letter}**")
            picture = render.overlay(np.asarray(photo.image), results[which].labels, colours, 0.7)
            alt = f"Result {letter}, unnamed"
            shown.picture(render.to_png(picture), f"blind {letter}", width="stretch", alt=alt)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = st.radio(
            "Answer", list(letters), index=None, key="blind", horizontal=True, label_visibility="collapsed"
        )
        check = st.button("Check", key="blind_check")
        if st.button("Shuffle again", key="blind_again", type="tertiary"):
            st.session_state["blind_order"] = {}
            st.rerun(scope="fragment")
    if check:
        _mark(given, letters[order.index(finest)], _named(letters, order, results))


def _order(photo: Photo, count: int) -> list[int]:
    """Return the order of this visitor and photo, which no page and no link holds."""
    kept = st.session_state.setdefault("blind_order", {})
    if len(kept.get(photo.sha256, ())) != count:
        kept.clear()
        kept[photo.sha256] = SystemRandom().sample(range(count), count)
    return kept[photo.sha256]


def _named(letters: str, order: list[int], results: list[Result]) -> str:
    pairs = zip(letters, order, strict=True)
    return ", ".join(f"{letter} is {results[which].title}" for letter, which in pairs)


def _mark(given: str | None, right: str, names: str) -> None:
    if given is None:
        st.caption("Choose one first.")
    elif given == right:
        st.success(f"Right: {names}.", icon=":material/check:")
    else:
        st.warning(f"No: {names}.", icon=":material/close:")
