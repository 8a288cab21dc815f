"""A component without a look: the browser's history has one entry for each page that is opened."""

from ui.components.load import component

_entry = component("fcnviz_one_entry", __file__)


def one_entry() -> None:
    """Let the Back button lead to the page before, as it was left."""
    _entry(key="one_entry")
