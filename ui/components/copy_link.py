"""Buttons that copy the address of the page, and code that embeds it: Streamlit has none."""

from ui.components.load import component

_buttons = component("fcnviz_copy_link", __file__)


def copy_link() -> None:
    """Draw the buttons; where the browser forbids copying, a click shows the text to copy by hand."""
    _buttons(key="copy_link", width="content")
