"""An editable grid of numbers that the link keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ui import link

#: Largest number, either way, that a cell takes.
LARGEST = 99.0


def editor(name: str, start: np.ndarray, label: str) -> np.ndarray:
    """Draw a grid to type numbers into, and keep what is typed in the link.

    Args:
        name: of the link's parameter.
        start: (h, w), shown where neither link nor session hold numbers for a grid of this size.
        label: for screen readers.

    Returns:
        (h, w) float64; an empty cell counts as 0.
    """
    state, shape = st.session_state, "x".join(map(str, start.shape))
    key, first, last = (f"{name}_{shape}_{part}" for part in ("grid", "first", "last"))
    if key not in state:  # the page was just opened: what is typed from now on is kept by the widget
        state[first] = _linked(name, state.get(last, start))
    columns = [str(i + 1) for i in range(start.shape[1])]
    number = st.column_config.NumberColumn(min_value=-LARGEST, max_value=LARGEST, format="%.3g", width=72)
    edited = st.data_editor(
        pd.DataFrame(state[first], columns=columns), key=key, hide_index=True, alt=label,
        column_config=dict.fromkeys(columns, number), width="content",
    )  # fmt: skip
    values = np.nan_to_num(edited.to_numpy(np.float64)).clip(-LARGEST, LARGEST)
    state[last] = values
    link.put({name: None if np.array_equal(values, start) else to_text(values)})
    return values


def to_text(values: np.ndarray) -> str:
    """(h, w) numbers as the link holds them: rows apart by ";", cells by ","."""
    return ";".join(",".join(f"{v:.4g}" for v in row) for row in values)


def from_text(text: str) -> np.ndarray | None:
    """What `to_text` wrote; None if it is no grid of numbers from −99 to 99."""
    try:
        values = np.array([[float(cell) for cell in row.split(",")] for row in text[:2000].split(";")])
    except ValueError:  # not numbers, or rows of different lengths
        return None
    return values if np.isfinite(values).all() and np.abs(values).max() <= LARGEST else None


def _linked(name: str, start: np.ndarray) -> np.ndarray:
    text = link.get(name)
    values = from_text(text) if text else None
    if text and (values is None or values.shape != start.shape):
        st.error(
            f"The link's numbers are no grid of {start.shape[0]} × {start.shape[1]}: the grid starts afresh.",
            icon=":material/error:",
        )
        values = None
    return start if values is None else values
