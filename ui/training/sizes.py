"""Panel: what the size at which a photo is fed in changes."""

import numpy as np
import streamlit as st

from fcnviz.render import Scale
from fcnviz.training import recorded
from ui.components.grids import grids
from ui.figures.grids import Panel, Row, Values, coarse
from ui.figures.marks import Numbers
from ui.figures.pictures import Extent

_TITLES = ("Mean IU, %", "Right within 5 px of a boundary, %")


def sizes() -> None:
    """Tabulate mean IU and the accuracy near boundaries by input size and network."""
    st.markdown(
        "**The size at which a photo is fed in.** The networks learned on photos of at most 416 px. Larger "
        "inputs give finer outlines and more wrong classes, so mean IU and the accuracy near boundaries "
        "disagree."
    )
    found = recorded.sizes()
    rows = [f"{side} px" if side else "as it is" for side in found]
    columns = list(next(iter(found.values())))
    values = 100 * np.array([list(line.values()) for line in found.values()])  # (sizes, networks, 2)
    panels = (_table(title, values[..., i], rows, columns) for i, title in enumerate(_TITLES))
    grids(Row(tuple(panels), least=300), "input_sizes")
    st.caption(
        f"Recorded on {recorded.photos('sizes')} photos of VOC2012, by the longest side; scores were "
        "interpolated to the photo's own size. Names that end in 2: the second training runs, before they "
        "were averaged with the first. *8s before*: the first run's FCN-8s. Each table has its own scale."
    )


def _table(title: str, values: np.ndarray, rows: list[str], columns: list[str]) -> Panel:
    scale, where = Scale.over(values), Extent(0, 0, 2.0 * len(columns), len(rows))
    texts = np.array([[f"{v:.1f}" for v in line] for line in values], object)
    return Panel(
        shows=where,
        layers=(coarse(values, scale, where, reads=Values(values, "%", 1, rows, columns)),),
        title=title,
        marks=(Numbers.on(values, scale, where, texts),),
        rows=rows,
        columns=columns,
        tall=34 * len(rows),
    )
