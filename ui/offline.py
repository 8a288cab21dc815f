"""Files that need no server: figures as HTML, tables as CSV, scores as .npy. No Streamlit here."""

from __future__ import annotations

import io
from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from ui.figures import CONFIG

#: What every figure's HTML loads, from beside it.
SCRIPT = "plotly.min.js"


def html(figure: go.Figure) -> bytes:
    """A page with the figure; it needs `SCRIPT` beside it, and no network. Pictures fill the window."""
    if figure.layout.yaxis.scaleanchor:
        figure = go.Figure(figure).update_layout(height=None)
    text = figure.to_html(config={**CONFIG, "responsive": True}, include_plotlyjs="directory")
    return text.encode()


def script() -> bytes:
    """Plotly's own code, as the HTML of figures loads it."""
    return get_plotlyjs().encode()


def table(rows: pd.DataFrame) -> bytes:
    """A table as CSV, marked as UTF-8 for spreadsheets."""
    return rows.to_csv(index=not isinstance(rows.index, pd.RangeIndex)).encode("utf-8-sig")


def array(values: np.ndarray) -> bytes:
    """A .npy file of float32 numbers."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values, np.float32), allow_pickle=False)
    return file.getvalue()


def address(page: str, parameters: Sequence[tuple[str, str]]) -> str:
    """A link to a page with its parameters.

    >>> address("http://localhost:8501/compare", [("photo", "cat"), ("class", "potted plant")])
    'http://localhost:8501/compare?photo=cat&class=potted+plant'
    """
    return f"{page}?{urlencode(parameters)}"
