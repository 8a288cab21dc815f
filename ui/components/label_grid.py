"""A component: a small grid of labels to paint on, where a click gives a pixel its next label.

The grid is a string with one letter per pixel, row by row.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from ui.components.load import component

_grid = component("fcnviz_label_grid", __file__)


@dataclass(frozen=True)
class Label:
    """One label that a pixel may have.

    Attributes:
        letter: its letter in the grid's string.
        name: its name on the screen.
        colour: "#rrggbb".
        striped: whether it is drawn with stripes, as a label that is ignored.
    """

    letter: str
    name: str
    colour: str
    striped: bool = False


@dataclass(frozen=True)
class Marks:
    """Marks on a grid.

    Attributes:
        counted: number of pixels that count, in reading order; the last is framed, those after it are pale.
        wrong: indices of the pixels that get a cross.
    """

    counted: int
    wrong: tuple[int, ...] = ()


def label_grid(
    cells: str,
    labels: Sequence[Label],
    marks: Marks,
    *,
    title: str,
    key: str,
    on_paint: Callable[[str], None],
) -> None:
    """Draw a square grid.

    Args:
        cells: the letters of all pixels; their number is a square.
        labels: the labels that clicks go through, in order.
        marks: the marks on it.
        title: its name for screen readers.
        key: unique name of this grid.
        on_paint: called with the new cells, before the script runs again.
    """
    data = {"cells": cells, "side": round(len(cells) ** 0.5), "labels": [asdict(label) for label in labels]}

    def painted() -> None:
        if new := st.session_state[key].get("painted"):
            on_paint(new)

    _grid(key=key, data={**data, **asdict(marks), "title": title}, on_painted_change=painted)
