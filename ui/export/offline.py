"""Files that need no server: figures as HTML, tables as CSV, arrays as .npy. No Streamlit here."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np

from ui.figures.theme import CONFIG

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

#: Name of the script that the HTML of every figure loads from its own folder.
SCRIPT = "plotly.min.js"


def packed(figure: go.Figure) -> bytes:
    """Compress a figure: as Plotly objects, it takes many times more memory."""
    return zlib.compress(figure.to_json().encode(), 1)


def html(figure: bytes) -> bytes:
    """Make an HTML page of a packed figure; `SCRIPT` must lie beside the page."""
    import plotly.io  # here, not above: it takes a while, as pandas does

    drawn = plotly.io.from_json(zlib.decompress(figure).decode(), skip_invalid=True)
    text = drawn.to_html(config={**CONFIG, "responsive": True}, include_plotlyjs="directory")
    return text.encode()


def script() -> bytes:
    """Plotly's JavaScript, the content of `SCRIPT`."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs().encode()


def table(rows: pd.DataFrame) -> bytes:
    """Write a table as CSV, with the mark by which spreadsheets recognise UTF-8."""
    import pandas as pd

    return rows.to_csv(index=not isinstance(rows.index, pd.RangeIndex)).encode("utf-8-sig")


def array(values: np.ndarray) -> bytes:
    """Write an array as a .npy file of float32."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values, np.float32), allow_pickle=False)
    return file.getvalue()


def address(page: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Join the address of a page and its parameters.

    >>> address("http://localhost:8501/compare", [("photo", "cat"), ("class", "potted plant")])
    'http://localhost:8501/compare?photo=cat&class=potted+plant'
    """
    return f"{page}?{urlencode(parameters)}"
