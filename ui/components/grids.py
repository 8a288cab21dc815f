"""A component: a row of grids, heatmaps, matrices or kernels, whose values are read by pointing."""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass

import streamlit as st

from ui.components.load import component
from ui.export import offline, shown
from ui.figures.grids import Panel, Row, svg

_grids = component("fcnviz_grids", __file__)


@dataclass(frozen=True)
class Pick:
    """A cell that was chosen by a click or by Enter.

    Attributes:
        panel: key of its panel.
        layer: index of its layer in the panel.
        row, column: its place in the layer's values.
    """

    panel: str
    layer: int
    row: int
    column: int


def grids(row: Row | Panel, key: str, on_pick: Callable[[Pick], None] | None = None) -> None:
    """Draw a row of panels, and put them into the export.

    Args:
        row: the row, or its only panel.
        key: unique name of the row, also in the export.
        on_pick: called with the chosen cell of a panel that has a key, before the script runs again.
    """
    row = Row((row,)) if isinstance(row, Panel) else row
    _export(row, key)

    def picked() -> None:
        cell = st.session_state[key].get("pick")
        if on_pick is not None and cell:
            on_pick(Pick(str(cell["panel"]), *(int(cell[name]) for name in ("layer", "row", "column"))))

    _grids(key=key, data=row.sent(), on_pick_change=picked)


def _export(row: Row, key: str) -> None:
    """Put each panel into the export as SVG, and its values as a table."""
    for i, panel in enumerate(row.panels):
        name = f"{key} {panel.title}" if len(row.panels) > 1 else key
        name = name if panel.title or len(row.panels) == 1 else f"{key} {i + 1}"
        shown.add(f"pictures/{name}.svg", functools.partial(svg, panel))
        if panel.values is not None:
            shown.add(f"tables/{name}.csv", functools.partial(_table, panel))
    for bar in row.bars:
        shown.fact("scales", bar.what, asdict(bar.scale))


def _table(panel: Panel) -> bytes:
    assert panel.values is not None
    return offline.table(panel.values.tabulated())
