"""A page in sections: one is open, and the others cost nothing. The link holds the name of the open one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.export import shown
from ui.page import link

#: Parameter by which a page with sections links to a section of another page: of a link's parameters,
#: Streamlit drops those that a widget of the page that is left is bound to, as "section" is.
OPEN = "open"
#: Where the session keeps which visit to a page the bar was drawn for.
_VISIT = "section_visit"


@dataclass(frozen=True, eq=False)
class Bar:
    """The bar at the top of a page.

    Attributes:
        open: name of the open section.
        controls: container for what acts on several sections.
        alone: whether only this section is to be shown, in another page.
    """

    open: str
    controls: DeltaGenerator
    alone: bool = False

    def show(self, sections: Mapping[str, Callable[[], object]]) -> None:
        """Draw the open section, by its name."""
        with shown.section():
            sections[self.open]()


def bar(*names: str) -> Bar:
    """Draw the list of sections, which stays at the top of the window, and a place for controls below it.

    A page that is embedded in another with a section in its address shows that section alone.

    Args:
        names: names of the sections; the first is open at first.
    """
    link.again()
    wanted = st.query_params.get("section")
    if st.context.is_embedded and wanted in names:
        st.subheader(wanted, anchor=False)
        return Bar(wanted, st.container(), alone=True)
    if st.session_state.get(_VISIT) != link.visit():  # else the section of the page before might stay open
        st.session_state[_VISIT] = link.visit()
        st.session_state["section"] = wanted if wanted in names else names[0]
    if asked := link.get(OPEN):
        link.put({OPEN: None})
        if asked in names:
            st.session_state["section"] = asked
            link.put({"section": asked})
    st.html(_sticky())
    with st.container(key="bar", gap="xsmall"):
        name = st.segmented_control(
            "Sections", names, default=names[0], required=True, key="section", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        controls = st.container()
    return Bar(name or names[0], controls)  # ?section= chooses none, although it is required


# Streamlit has no container that stays in sight. A low or a narrow window has no room for one.
_STICKY = """<style>
@media (min-width: 769px) and (min-height: 700px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-bar) {{ position: sticky; top: 0; z-index: 99; }}
  .st-key-bar {{ background: light-dark({light}, {dark}); padding-block: 0.5rem; }}
}}
</style>"""


def _sticky() -> str:
    light, dark = (st.get_option(f"theme.{theme}.backgroundColor") for theme in ("light", "dark"))
    return _STICKY.format(light=light, dark=dark)
