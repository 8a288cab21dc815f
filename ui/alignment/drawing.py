"""A component that draws to scale: image, padding, coarse grid, canvas, and the field of the chosen cell.

The box of a cell follows the pointer, which a Plotly figure cannot do without asking the server.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.layout import Step
from ui.components.load import component
from ui.export import shown
from ui.figures.pictures import data_uri

_drawing = component("fcnviz_alignment", __file__)

Rectangle = tuple[float, float, float, float]  # left, top, width, height; the image begins at 0, 0


@dataclass(frozen=True, eq=False)
class Drawing:
    """The contents of the drawing, in image pixels.

    Attributes:
        image: the image.
        padded: the image with its padding.
        canvas: the upsampled map before it is cropped.
        grid: columns and rows of the coarse map.
        cell: column and row of the chosen cell.
        photo: JPEG that fills the image, if there is a photo of that size.
        legend: (kind, name, explanation) of each element.
    """

    image: Rectangle
    padded: Rectangle
    canvas: Rectangle
    grid: tuple[Step, Step]
    cell: tuple[int, int]
    photo: bytes | None
    legend: list[tuple[str, str, str]]


def drawing(what: Drawing, *, key: str, on_pick: Callable[[int, int], None]) -> None:
    """Show the drawing; a click on a cell chooses it."""
    columns, rows = (_axis(step) for step in what.grid)
    cells = (columns["start"], rows["start"], *(a["step"] * len(a["cells"]) for a in (columns, rows)))
    seen = [layout.sees(step, step.after // 2) for step in what.grid]  # the middle cell is always in view
    middle = (seen[0].first, seen[1].first, seen[0].field, seen[1].field)

    def picked() -> None:
        if cell := st.session_state[key].get("pick"):
            on_pick(*map(int, cell))

    data = {
        "view": _around(what.padded, what.canvas, cells, middle),
        "image": what.image,
        "padded": what.padded,
        "canvas": what.canvas,
        "columns": columns,
        "rows": rows,
        "cell": what.cell,
        "legend": what.legend,
        "label": f"{what.grid[0].name} over the image, to scale",
    }
    shown.add(f"tables/{key}.json", lambda: json.dumps(data, indent=1).encode())
    _drawing(key=key, data={**data, "photo": what.photo and data_uri(what.photo)}, on_pick_change=picked)


def _axis(step: Step) -> dict[str, Any]:
    """Describe one axis of the grid: its first edge, the size of a cell, and what each cell sees."""
    stride = float(step.place.stride)
    seen = (layout.sees(step, index) for index in range(step.after))
    return {
        "start": float(step.place.offset) + 0.5 - stride / 2,  # pixel centres are integers, the edge is 0
        "step": stride,
        "cells": [(s.first, s.last, *(s.image or (None, None))) for s in seen],
    }


def _around(*boxes: Rectangle) -> Rectangle:
    """Return the smallest rectangle around all of these, with a margin of 1 % of its width."""
    left, top = (min(b[i] for b in boxes) for i in (0, 1))
    right, bottom = (max(b[i] + b[i + 2] for b in boxes) for i in (0, 1))
    margin = (right - left) / 100
    return left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin
