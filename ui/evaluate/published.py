"""Panels: recorded numbers of the bundled networks, and numbers in print."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import weights
from fcnviz.evaluation import bootstrap, report
from fcnviz.evaluation.measure import FOUR
from fcnviz.photos import voc
from ui import paper
from ui.compare.results import METRICS, network_title
from ui.evaluate import figures
from ui.export import shown
from ui.figures.numbers import percent


def recorded() -> dict[str, tuple[float, ...]]:
    """Return the recorded metrics on VOC of the bundled networks by title, in the order of `FOUR`."""
    found = {network_title(w): w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics}
    return {title: tuple(_array([m[key] for key in FOUR])) for title, m in found.items()}


def interval(key: str) -> dict[str, tuple[float, ...]]:
    """Return a recorded metric of the bundled networks by title: its share, and its interval.

    Args:
        key: one of `FOUR`, "within_1" … "within_40", or "iu_" and a class.
    """
    found = {network_title(w): w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics}
    return {title: tuple(_array([_value(m, key), *_ends(m, key)])) for title, m in found.items()}


def _value(m: dict[str, Any], key: str) -> float:
    group, _, name = key.partition("_")
    of = {"within": "within", "iu": "class_iu"}.get(group)
    return m[of][name] if of else m[key]


def photos() -> str:
    """Name the photos that the bundled networks were measured on."""
    m = next(w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics)
    return f"{m['photos']:,} photos of VOC2012 {m['split']}"


def _measured() -> dict[str, weights.Weights]:
    """Return the bundled networks with recorded metrics by title; if there are none, say so."""
    found = {network_title(w): w for w in map(weights.find, weights.BUNDLED) if w.metrics}
    if not found:
        st.info("Nothing was measured on the bundled weights yet: see python -m fcnviz evaluate --record.")
    return found


def bundled() -> None:
    """Draw the four metrics of the bundled networks on VOC, and their gains."""
    if not (found := _measured()):
        return
    numbers = {title: w.metrics or {} for title, w in found.items()}
    table = pd.DataFrame([_row(m) for m in numbers.values()], list(numbers), list(METRICS))
    shown.table(table, "bundled_on_voc")
    _gains(found)
    for text in dict.fromkeys(map(origin, found.values())):
        st.caption(text)


def by_class() -> None:
    """Draw the bundled networks' IU by class on VOC, and their accuracy near boundaries."""
    if not (found := _measured()):
        return
    numbers = {title: w.metrics or {} for title, w in found.items()}
    rows = {t: _array([m["class_iu"][c] for c in voc.CLASSES]) for t, m in numbers.items()}
    order = figures.by_iu(rows)
    spans = {t: _array([_ends(m, f"iu_{c}") for c in voc.CLASSES]) for t, m in numbers.items()}
    half = (len(order) + 1) // 2
    st.markdown("**IU by class**")
    for i, (column, part) in enumerate(zip(st.columns(2), (order[:half], order[half:]), strict=True)):
        figure = figures.class_bars(rows, voc.CLASSES, part, spans)
        with column:
            shown.chart(figure, f"bundled_bars_{i}")
    if all("within" in m for m in numbers.values()):
        st.markdown("**Right within d pixels of a true boundary**")
        near = {t: _array(list(m["within"].values())) for t, m in numbers.items()}
        shown.chart(figures.trimap(near), "bundled_trimap")


def _row(m: dict[str, Any]) -> list[str]:
    """Write the four metrics in percent, each with its interval if it is recorded."""
    between = m.get("intervals", {})
    spans = {key: f" {report.interval(ends)}" for key, ends in between.items() if key in FOUR}
    return [percent(m[key]) + spans.get(key, "") for key in FOUR]


def _gains(found: dict[str, weights.Weights]) -> None:
    """Tabulate the gain of each network over the one before it, on the same photos."""
    titles, rows = {w.name: title for title, w in found.items()}, {}
    for title, w in found.items():
        gain = (w.metrics or {}).get("gain")
        if gain and gain["over"] in titles:
            rows[f"{title} over {titles[gain['over']]}"] = [
                report.points(gain["points"][key]) for key in bootstrap.COMPARED
            ]
    if not rows:
        return
    st.markdown("**Gain, in percentage points**")
    table = pd.DataFrame(list(rows.values()), list(rows), [*METRICS, "Within 5 px of a boundary"])
    shown.table(table, "bundled_gains")
    m = next(w.metrics for w in found.values() if w.metrics and "draws" in w.metrics)
    st.caption(
        f"In brackets: {percent(m['level'], 0)} bootstrap intervals, {m['draws']:,} draws of as many photos. "
        "Error bars: the same. Gains are paired: both networks on the same draws. Where an interval holds 0, "
        "it may be chance."
    )


def origin(w: weights.Weights) -> str:
    """Write who measured the metrics of these weights, and on which photos."""
    m = w.metrics or {}
    seen = f"reduced to {w.size} px for the networks and compared " if w.size else ""
    return (
        f"Measured by this project on VOC2012 {m['split']}, {m['photos']:,} photos {seen}at original size, "
        "with `python -m fcnviz evaluate`. "
        f"Networks: EfficientNet-Lite0, trained by this project on {w.data}."
    )


def _array(values: list) -> np.ndarray:
    return np.array(values, float)  # None becomes NaN


def _ends(m: dict[str, Any], key: str) -> list[float | None]:
    """Return a metric's interval, or two None if it is not recorded."""
    return m.get("intervals", {}).get(key) or [None, None]


def in_print() -> None:
    """Tabulate published numbers, each with its data set and source."""
    rows = [
        {
            "Data set": p.data,
            "Network": p.network if p.trunk in p.network else f"{p.network} ({p.trunk})",
            "Pixel acc.": _one(p.pixel_accuracy),
            "Mean acc.": _one(p.mean_accuracy),
            "Mean IU": _one(p.mean_iu, 2 if p.source == paper.PORT else 1),
            "f.w. IU": _one(p.frequency_weighted_iu),
            "Time": p.time or "–",
            "Source": p.source,
        }
        for p in paper.PUBLISHED
    ]
    shown.table(pd.DataFrame(rows).set_index("Network"), "in_print")
    st.caption(
        "In percent, as printed; – where the source gives no number. Times of table 1: one forward pass at "
        "500 × 500 px on a K40c. f.w. IU: frequency-weighted IU (IoU). Numbers of different data "
        "sets, networks or photos cannot be compared, and "
        "none of these was measured here."
    )
    st.caption(
        "Why one network has several numbers: FCN-VGG16 (56.0) and FCN-32s (59.4) differ by more training "
        "photos (the paper, section 4.3); the authors' later release has 63.6, and converted to PyTorch, as "
        "this app loads it, 63.63; retrained by the authors of pytorch-fcn, it has 62.84. In FCN-32s-fixed "
        "only the last layer was trained: the word is not about the deconvolution."
    )


def _one(value: float | None, digits: int = 1) -> str:
    """Write a number as it is printed, with the decimals of its source."""
    return "–" if value is None else f"{value:.{digits}f}"
