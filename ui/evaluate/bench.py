"""Panel "How fast?": the last recorded bench and the machine that it ran on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fcnviz import bench
from fcnviz.bench import Row
from ui.export import shown
from ui.figures import theme
from ui.figures.theme import BLUE, CLEAR, GREEN, ORANGE

#: Beginnings of the groups that are shown at once; the others are in an expander.
_FIRST = ("the bundled networks", "100 windows", "against", "FCN-8s-VGG16")


def show() -> None:
    """Draw the tables and the chart of time against pixels, or say that nothing has been recorded."""
    recorded = bench.recorded()
    if recorded is None:
        st.info("No bench has been recorded: run `python -m fcnviz bench --record`.")
        return
    rows, about = recorded
    st.caption(
        f"Measured by `python -m fcnviz bench --record` on {about['device']}, {about['threads']} threads, "
        f"torch {about['torch']}, {about['date']}: medians, the rows of a group taking turns."
    )
    groups = list(dict.fromkeys(r.group for r in rows))
    pixels = [g for g in groups if g.endswith("against pixels")]
    plot, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with plot:
        shown.chart(_against_pixels(rows, pixels), "bench_pixels")
    fits = (f"{g.split(':')[0]}: R² {bench.linearity([r for r in rows if r.group == g]):.4f}" for g in pixels)
    words.markdown("**Cost grows with the pixels**, as in any convolutional network: a straight line fits.")
    words.caption(" · ".join(fits))
    others = [g for g in groups if g not in pixels]
    for group in (g for g in others if g.startswith(_FIRST)):
        _group(rows, group)
    with st.expander("Precisions, the app's own work, VGG16's other networks"):
        for group in (g for g in others if not g.startswith(_FIRST)):
            _group(rows, group)
    st.caption(
        "Ratio: the first row's time over this one's. Memory: peak above what was in use before. GFLOP: "
        "multiplications and additions, counted by torch. Matmul: share of this machine's measured rate of "
        "matrix products in the same precision; above 100 %, the row ran faster than those products "
        "did. Random weights are good for timing alone."
    )


def _group(rows: Sequence[Row], group: str) -> None:
    st.markdown(f"**{group if group.startswith('lite0') else group[0].upper() + group[1:]}**")
    shown.table(_table([r for r in rows if r.group == group]), f"bench {group}")


def _table(rows: Sequence[Row]) -> pd.DataFrame:
    """Tabulate rows as text, without columns that have no value."""
    table = pd.DataFrame(
        {
            "What": r.what,
            "How": r.how,
            "Time": f"{r.milliseconds:.1f} ms",
            "Ratio": f"{r.ratio:.2f} ×",
            "Equal labels": _text(r.agreement, "{:.2%}"),
            "Memory": "< 1 MB" if (r.megabytes or 1) < 1 else _text(r.megabytes, "{:.0f} MB"),
            "Parameters": _text(r.parameters, "{:,}"),
            "GFLOP": _text(r.gflop, "{:.1f}"),
            "Matmul": _text(r.peak_share, "{:.0%}"),
        }
        for r in rows
    ).set_index("What")
    return table.loc[:, (table != "–").any()]


def _text(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _against_pixels(rows: Sequence[Row], groups: Sequence[str]) -> go.Figure:
    figure = go.Figure()
    for group, colour in zip(groups, (ORANGE, BLUE, GREEN), strict=False):
        members = [r for r in rows if r.group == group]
        sides = np.array([int(r.how.split(" ")[0]) for r in members])
        name, text = group.split(":")[0], [r.how for r in members]
        look = {"mode": "lines+markers", "line_color": colour, "hovertemplate": "%{text}: %{y:.0f} ms"}
        y = [r.milliseconds for r in members]
        figure.add_scatter(x=sides**2 / 1e6, y=y, name=name, text=text, **look)
    theme.chart(figure, height=300, legend={"x": 0.02, "y": 0.98, "bgcolor": CLEAR})
    return figure.update_xaxes(title="megapixels").update_yaxes(title="ms")
