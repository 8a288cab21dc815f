"""A component: one large photo that goes through the network step by step, beside the network's diagram.

All pictures are sent once. The steps are taken in the browser, which tells the app where it is.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.components.load import component
from ui.components.viewer import blended, mount_part
from ui.export import shown
from ui.figures.diagram import SIZE
from ui.figures.pictures import data_uri
from ui.state import Photo

_stepper = component("fcnviz_stepper", __file__)


@dataclass(frozen=True)
class Tag:
    """A word on the picture, centred at (x, y), which are shares of its sides."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Frame:
    """One step.

    Attributes:
        key: its name in the link.
        name: a word or two for its button.
        title: what it shows.
        text: one sentence about it.
        lit: names of the diagram's parts that it is about.
        layer: PNG of a spotlight; None shows the photo alone.
        outline: PNG of the spotlight's outlines alone.
        changed: PNG of what is different from the step before; it is lit for a moment.
        tags: words on the picture.
        columns, rows: lines over the picture, as shares of its sides.
    """

    key: str
    name: str
    title: str
    text: str
    lit: tuple[str, ...]
    layer: bytes | None = None
    outline: bytes | None = None
    changed: bytes | None = None
    tags: tuple[Tag, ...] = ()
    columns: tuple[float, ...] = ()
    rows: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Stepper:
    """A stepper whose photo is on the page already; `show` adds the steps.

    Attributes:
        key: unique name.
        photo: the photo.
        place: the container.
    """

    key: str
    photo: Photo
    place: DeltaGenerator

    def show(self, frames: Sequence[Frame], diagram: str) -> None:
        """Show the steps, and the diagram, an SVG whose links have `data-part`."""
        for frame in frames:
            if frame.layer is not None:
                make = functools.partial(blended, self.photo, frame.layer, 1.0)
                shown.add(f"pictures/{self.key} {frame.name}.png", make)
        with self.place:
            mount_part(
                self.key, "steps", of=self.photo.sha256, frames=[_sent(f) for f in frames], diagram=diagram
            )


def stepper(
    photo: Photo,
    picture: bytes,
    *,
    key: str,
    asked: tuple[str | None, int],
    on_step: Callable[[str], None],
    on_part: Callable[[str], None],
) -> Stepper:
    """Show the photo at once; until `show` is called, the steps cannot be taken.

    Args:
        photo: the photo.
        picture: the photo as JPEG, WebP or PNG.
        key: unique name.
        asked: key of the step to show, None for the browser's choice, and a number: another one asks anew.
        on_step: called with the key of the step that the visitor took.
        on_part: called with the name of the diagram's part that the visitor clicked.
    """
    place = st.container(gap=None)
    with place:
        _stepper(
            key=key,
            data={
                "id": key,
                "photo": data_uri(picture),
                "size": photo.image.size,
                "of": photo.sha256,
                "title": photo.title,
                "diagram": SIZE,
                "asked": asked[0],
                "turn": asked[1],
            },
            on_step_change=lambda: _report(key, "step", on_step),
            on_part_change=lambda: _report(key, "part", on_part),
        )
    return Stepper(key, photo, place)


def _report(key: str, what: str, to: Callable[[str], None]) -> None:
    if value := st.session_state[key].get(what):
        to(value)


def _sent(frame: Frame) -> dict[str, object]:
    pictures = {name: getattr(frame, name) for name in ("layer", "outline", "changed")}
    return {
        **{name: getattr(frame, name) for name in ("key", "name", "title", "text", "lit", "columns", "rows")},
        **{name: png and data_uri(png) for name, png in pictures.items()},
        "tags": [{"text": tag.text, "x": tag.x, "y": tag.y} for tag in frame.tags],
    }
