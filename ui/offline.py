"""Files that need no server: figures as HTML, tables as CSV, scores as .npy. No Streamlit here."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from ui.figures import CONFIG

#: What every figure's HTML loads, from beside it.
SCRIPT = "plotly.min.js"


def packed(figure: go.Figure) -> bytes:
    """A figure in a fraction of its memory: objects, lists and base64 take more than what they hold."""
    return zlib.compress(figure.to_json().encode(), 1)


def html(figure: bytes) -> bytes:
    """A page with a packed figure; it needs `SCRIPT` beside it, no network. Pictures fill the window."""
    drawn = plotly.io.from_json(zlib.decompress(figure).decode(), skip_invalid=True)
    if drawn.layout.yaxis.scaleanchor:
        drawn.update_layout(height=None)
    text = drawn.to_html(config={**CONFIG, "responsive": True}, include_plotlyjs="directory")
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
