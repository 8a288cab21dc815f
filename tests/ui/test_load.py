"""Components: one instance on a page brings the JavaScript, whichever fragment runs."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def rows() -> None:
    import numpy as np
    import streamlit as st

    from fcnviz.render import Scale
    from ui.components.grids import grids
    from ui.export import shown
    from ui.figures.grids import Panel, coarse

    def draw(key: str) -> None:
        layer = coarse(np.eye(2), Scale(0, 1))
        grids(Panel(shows=layer.where, layers=(layer,)), key)

    def panel() -> None:
        for key in st.session_state.get("keys", ("a", "b")):
            draw(key)

    if st.session_state.get("page_begins", True):
        st.session_state["shown"] = shown.PageOutput()
    shown.fragment(panel)()
    draw("outside")


def long_ones(at: AppTest) -> list[str]:
    """The keys of the instances that bring more than a few lines of JavaScript."""
    assert not at.exception
    found = [c.proto for c in at.get("bidi_component")]
    return [proto.id.rpartition("-")[2] for proto in found if len(proto.js_content) > 2000]


def test_only_one_instance_brings_the_code_and_always_the_same():
    at = AppTest.from_function(rows).run()
    assert len(at.get("bidi_component")) == 3
    assert long_ones(at) == ["a"]
    at.session_state["page_begins"] = False  # as if only the fragment ran
    assert long_ones(at.run()) == ["a"]
    at.session_state["keys"] = ["c", "b"]  # the row that brought it is gone
    assert long_ones(at.run()) == ["c"]
