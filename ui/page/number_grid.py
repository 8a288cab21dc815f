"""An editable grid of numbers; the link holds them."""

import numpy as np
import pandas as pd
import streamlit as st

from ui.page import link

#: Largest absolute value of a cell.
LARGEST = 99.0


def editor(name: str, start: np.ndarray, label: str) -> np.ndarray:
    """Draw a grid to type numbers into, and put them into the link.

    Args:
        name: name of the link's parameter.
        start: first numbers, (h, w), unless the link or the session holds others for a grid of this size.
        label: name of the grid for screen readers.

    Returns:
        The numbers, (h, w) float64; an empty cell is 0.
    """
    state, shape = st.session_state, "x".join(map(str, start.shape))
    key, first, last = (f"{name}_{shape}_{part}" for part in ("grid", "first", "last"))
    if key not in state:  # the page was just opened; from now on the widget keeps the numbers
        state[first] = _linked(name, state.get(last, start))
    columns = [str(i + 1) for i in range(start.shape[1])]
    number = st.column_config.NumberColumn(min_value=-LARGEST, max_value=LARGEST, format="%.3g", width=72)
    numbers, config = pd.DataFrame(state[first], columns=columns), dict.fromkeys(columns, number)
    edited = st.data_editor(
        numbers, key=key, hide_index=True, alt=label, column_config=config, width="content"
    )
    values = np.nan_to_num(edited.to_numpy(np.float64)).clip(-LARGEST, LARGEST)
    state[last] = values
    link.put({name: None if np.array_equal(values, start) else to_text(values)})
    return values


def to_text(values: np.ndarray) -> str:
    """Write numbers, (h, w), as the link holds them: rows separated by ";", cells by ","."""
    return ";".join(",".join(f"{v:.4g}" for v in row) for row in values)


def from_text(text: str) -> np.ndarray | None:
    """Read what `to_text` wrote; None if it is no grid of numbers from −99 to 99."""
    try:
        values = np.array([[float(cell) for cell in row.split(",")] for row in text[:2000].split(";")])
    except ValueError:  # not numbers, or rows of different lengths
        return None
    return values if np.isfinite(values).all() and np.abs(values).max() <= LARGEST else None


def _linked(name: str, start: np.ndarray) -> np.ndarray:
    """Read the link's numbers; `start` if there are none, or none for a grid of this size."""
    text = link.get(name)
    values = from_text(text) if text else None
    if text and (values is None or values.shape != start.shape):
        st.error(
            f"The link's numbers are no grid of {start.shape[0]} × {start.shape[1]}: the grid starts afresh.",
            icon=":material/error:",
        )
        values = None
    return start if values is None else values
