"""A component: a photo with an object on it, which is moved by dragging, by a click, or by arrow keys."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import streamlit as st

from ui.components.load import component
from ui.figures.pictures import data_uri

_photo = component("fcnviz_movable", __file__)


@dataclass(frozen=True)
class Spot:
    """Where an object lies: its centre and its width, in percent of the photo's sides."""

    x: int
    y: int
    width: int


@dataclass(frozen=True)
class Frame:
    """A rectangle that is drawn on the photo, in percent of its sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Scenery:
    """What is drawn.

    Attributes:
        photo: an encoded picture.
        thing: another, transparent beside the object.
        name: what the object is called, for screen readers.
        spot: where it lies.
        frame: a rectangle on the photo.
    """

    photo: bytes
    thing: bytes
    name: str
    spot: Spot
    frame: Frame


def movable(scenery: Scenery, key: str, on_move: Callable[[int, int], None]) -> None:
    """Draw the photo and the object.

    Args:
        scenery: what is drawn.
        key: unique name of this photo.
        on_move: called with the new x and y once the object is dropped, before the script runs again.
    """

    def moved() -> None:
        if place := st.session_state[key].get("moved"):
            on_move(*(min(max(int(place[axis]), 0), 100) for axis in ("x", "y")))

    pictures = {"photo": data_uri(scenery.photo), "thing": data_uri(scenery.thing)}
    _photo(key=key, data=asdict(scenery) | pictures, on_moved_change=moved)
