"""Numbers from elsewhere: the bundled weights' own, measured by this project, and those in print."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import bootstrap, paper, voc, weights
from fcnviz.evaluate import FOUR
from ui import evaluation_figures, panels, shown


def recorded() -> dict[str, tuple[float, ...]]:
    """The four metrics of the bundled networks on VOC, by title, as recorded; empty if none was."""
    found = {panels.title(w): w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics}
    return {title: tuple(_array([m[key] for key in FOUR])) for title, m in found.items()}


def bundled() -> None:
    """The bundled networks on VOC: four metrics, each class, and near boundaries if that was recorded."""
    found = {panels.title(w): w for w in map(weights.find, weights.BUNDLED) if w.metrics}
    if not found:
        st.info("Nothing was measured on the bundled weights yet: see python -m fcnviz evaluate --record.")
        return
    numbers = {title: w.metrics or {} for title, w in found.items()}
    rows = pd.DataFrame([_row(m) for m in numbers.values()], numbers, panels.METRICS)
    shown.table(rows, "bundled_on_voc")
    _gains(found)
    for text in dict.fromkeys(map(origin, found.values())):
        st.caption(text)
    rows = {t: _array([m["class_iu"][c] for c in voc.CLASSES]) for t, m in numbers.items()}
    order = evaluation_figures.by_iu(rows)
    spans = {t: _array([_ends(m, f"iu_{c}") for c in voc.CLASSES]) for t, m in numbers.items()}
    half = (len(order) + 1) // 2
    st.markdown("**IU by class**")
    for i, (column, part) in enumerate(zip(st.columns(2), (order[:half], order[half:]), strict=True)):
        figure = evaluation_figures.class_bars(rows, voc.CLASSES, part, spans)
        with column:
            shown.chart(figure, f"bundled_bars_{i}")
    if all("within" in m for m in numbers.values()):
        st.markdown("**Right within d pixels of a true boundary**")
        near = {t: _array(list(m["within"].values())) for t, m in numbers.items()}
        shown.chart(evaluation_figures.trimap(near), "bundled_trimap")


def _row(m: dict[str, Any]) -> list[str]:
    """The four metrics in per cent, each with its interval if there is one."""
    between = m.get("intervals", {})
    return [f"{100 * m[key]:.1f} %" + (_span(*between[key]) if key in between else "") for key in FOUR]


def _span(low: float, high: float) -> str:
    return f" ({100 * low:.1f} to {100 * high:.1f})"


def _gains(found: dict[str, weights.Weights]) -> None:
    """What each network gains over the one before it, on the same photos."""
    titles, rows = {w.name: title for title, w in found.items()}, {}
    for title, w in found.items():
        gain = (w.metrics or {}).get("gain")
        if gain and gain["over"] in titles:
            rows[f"{title} over {titles[gain['over']]}"] = [
                bootstrap.points(gain["points"][key]) for key in bootstrap.COMPARED
            ]
    if not rows:
        return
    st.markdown("**Gain, in percentage points**")
    table = pd.DataFrame(list(rows.values()), list(rows), [*panels.METRICS, "Within 5 px of a boundary"])
    shown.table(table, "bundled_gains")
    m = next(w.metrics for w in found.values() if w.metrics and "draws" in w.metrics)
    st.caption(
        f"In brackets: {100 * m['level']:.0f} % bootstrap intervals, {m['draws']:,} draws of as many photos. "
        "Error bars: the same. Gains are paired: both networks on the same draws. Where an interval holds 0, "
        "it may be chance."
    )


def origin(w: weights.Weights) -> str:
    """Who measured the weights' metrics, and on what."""
    m = w.metrics or {}
    return (
        f"Measured by this project on VOC2012 {m['split']}, {m['photos']:,} photos at original size, with "
        f"`python -m fcnviz evaluate`. Networks: EfficientNet-Lite0, trained by this project on {w.data}."
    )


def _array(values: list) -> np.ndarray:
    return np.array(values, float)  # None becomes NaN


def _ends(m: dict[str, Any], key: str) -> list[float | None]:
    """A metric's interval, if it is recorded."""
    return m.get("intervals", {}).get(key) or [None, None]


def in_print() -> None:
    """The paper's numbers and others', each with its data set and source."""
    rows = [
        {
            "Data set": p.data,
            "Network": p.network if p.trunk in p.network else f"{p.network} ({p.trunk})",
            "Pixel acc.": _one(p.pixel_accuracy),
            "Mean acc.": _one(p.mean_accuracy),
            "Mean IU": _one(p.mean_iu),
            "f.w. IU": _one(p.frequency_weighted_iu),
            "Time": p.time or "–",
            "Source": p.source,
        }
        for p in paper.PUBLISHED
    ]
    table = pd.DataFrame(rows)
    shown.frame(table, "in_print", hide_index=True, height="content", column_config=_WIDTHS)
    st.caption(
        "In per cent, as printed; – where the source gives no number. Times of table 1: one forward pass at "
        "500 × 500 px on a K40c. Numbers of different data sets, networks or photos cannot be compared, and "
        "none of these was measured here."
    )


_WIDTHS = {
    "Data set": st.column_config.TextColumn(width=190),
    "Network": st.column_config.TextColumn(width=220),
    **dict.fromkeys(("Pixel acc.", "Mean acc.", "Mean IU", "f.w. IU"), st.column_config.TextColumn(width=75)),
    "Time": st.column_config.TextColumn(width=95),
    "Source": st.column_config.TextColumn(width=180),
}


def _one(value: float | None) -> str:
    """As printed: one decimal, two where the source has two."""
    return "–" if value is None else f"{value:.1f}" if round(value, 1) == value else f"{value:.2f}"
