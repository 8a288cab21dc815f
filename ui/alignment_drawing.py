"""The drawing to scale: image, padding, coarse grid, canvas and crop, and what the chosen cell sees.

A Streamlit component (``st.components.v2``, no iframe) around ``assets/alignment.js``: the box of a cell
follows the pointer, which no Plotly figure does without a round trip.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fcnviz import layout
from fcnviz.layout import Step
from ui import shown
from ui.figures import data_uri
from ui.viewer import ASSETS

_drawing = st.components.v2.component(
    "fcnviz_alignment",
    js=(ASSETS / "alignment.js").read_text(encoding="utf-8"),
    css=(ASSETS / "alignment.css").read_text(encoding="utf-8"),
)

Rectangle = tuple[float, float, float, float]  # left, top, width, height; the image begins at 0, 0


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn, in image pixels.

    Attributes:
        image, padded, canvas: the image, the image with its padding, the upsampled canvas.
        grid: the coarse map's columns and rows.
        cell: the chosen column and row.
        photo: WebP that fills the image, if there is one of that size.
        legend: (kind, name, words) of everything drawn.
    """

    image: Rectangle
    padded: Rectangle
    canvas: Rectangle
    grid: tuple[Step, Step]
    cell: tuple[int, int]
    photo: bytes | None
    legend: list[tuple[str, str, str]]


def drawing(what: Drawing, *, key: str, on_pick: Callable[[int, int], None]) -> None:
    """Draw it.

    Args:
        what: to draw.
        key: unique name.
        on_pick: called with the column and row that was clicked, before the script runs again.
    """
    columns, rows = (_axis(step) for step in what.grid)
    cells = (columns["start"], rows["start"], *(a["step"] * len(a["cells"]) for a in (columns, rows)))
    seen = [layout.sees(step, step.after // 2) for step in what.grid]  # of the middle cell: always in view
    middle = (seen[0].first, seen[1].first, seen[0].field, seen[1].field)

    def picked() -> None:
        if cell := st.session_state[key].get("pick"):
            on_pick(*map(int, cell))

    data = {
        "view": _around(what.padded, what.canvas, cells, middle), "image": what.image,
        "padded": what.padded, "canvas": what.canvas, "columns": columns, "rows": rows, "cell": what.cell,
        "legend": what.legend, "label": f"{what.grid[0].name} over the image, to scale",
    }  # fmt: skip
    shown.add(f"tables/{key}.json", lambda: json.dumps(data, indent=1).encode())
    _drawing(key=key, data={**data, "photo": what.photo and data_uri(what.photo)}, on_pick_change=picked)


def _axis(step: Step) -> dict[str, Any]:
    """A side of the grid: its first edge, the size of a cell, and what each cell sees."""
    stride = float(step.place.stride)
    seen = (layout.sees(step, index) for index in range(step.after))
    return {
        "start": float(step.place.offset) + 0.5 - stride / 2,  # pixel centres are integers, the edge is 0
        "step": stride,
        "cells": [(s.first, s.last, *(s.image or (None, None))) for s in seen],
    }


def _around(*boxes: Rectangle) -> Rectangle:
    """The smallest rectangle that holds all of these, and a little margin."""
    left, top = (min(b[i] for b in boxes) for i in (0, 1))
    right, bottom = (max(b[i] + b[i + 2] for b in boxes) for i in (0, 1))
    margin = (right - left) / 100
    return left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin
