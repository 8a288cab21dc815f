"""The menu that shares a page: its link, code to embed it elsewhere, and a zip of what it shows."""

import functools

import streamlit as st

from ui.components.copy_link import copy_link
from ui.export import bundle, shown


def menu(*, own: bool) -> None:
    """Draw the menu, and in it what the zip and the link contain. Call this when the page is drawn.

    Args:
        own: whether the page shows the visitor's own photo, which no link holds.
    """
    with st.popover("Share", icon=":material/share:"):
        buttons()
        st.caption(f"{_LINK_OWN if own else _LINK} {_ZIP}")


def buttons() -> None:
    """Draw the buttons. Call this last: the export holds what was drawn before."""
    shown.note()
    copy_link()
    pack, icon = functools.partial(bundle.pack, shown.current()), ":material/download:"
    st.download_button("Export (zip)", pack, "fcnviz.zip", key="export", on_click="ignore", icon=icon)


_LINK = "The link opens this page with this photo and these settings."
_LINK_OWN = "The link holds the settings, not your photo: whoever opens it is asked for one of their own."
_ZIP = (
    "The zip holds what is on the page now: pictures as PNG, figures that need no network, label maps, "
    "coarse scores (.npy), tables, and a record of versions, weights' hashes and settings."
)
