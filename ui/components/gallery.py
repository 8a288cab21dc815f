"""Thumbnails to choose a photo from; Streamlit has no widget with pictures as options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from ui.components.load import component
from ui.figures.pictures import data_uri

_gallery = component("fcnviz_gallery", __file__)


@dataclass(frozen=True)
class Item:
    """One photo: its name, the title that a pointer over it shows, and a square WebP."""

    name: str
    title: str
    image: bytes


def gallery(
    items: Sequence[Item], *, selected: str, shown: str, key: str, on_pick: Callable[[str], None]
) -> None:
    """Draw the thumbnails. On a phone, where the sidebar covers the page, another photo closes the sidebar.

    Args:
        items: the photos.
        selected: name of the photo that is marked as chosen.
        shown: what the page shows; another value than before means another photo.
        key: unique name of this gallery.
        on_pick: called with the name of the clicked photo, before the script runs again.
    """
    data = [{"name": item.name, "title": item.title, "image": data_uri(item.image)} for item in items]

    def picked() -> None:
        if name := st.session_state[key].get("pick"):
            on_pick(name)

    _gallery(key=key, data={"items": data, "selected": selected, "shown": shown}, on_pick_change=picked)
