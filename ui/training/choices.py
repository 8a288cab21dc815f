"""Panel: what each choice of the training changed here, and what is in print of it."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.training import recorded
from fcnviz.training.recorded import Value
from ui import paper
from ui.components.grids import grids
from ui.figures.grids import Layer, Panel, Row, Values
from ui.figures.marks import Dots, Line, Mark
from ui.figures.numbers import signed
from ui.figures.pictures import Extent
from ui.figures.theme import BLUE, FRAME, ORANGE


@dataclass(frozen=True)
class Choice:
    """One choice of the training.

    Attributes:
        title: what is chosen.
        here: what this project has measured, with names of runs or of gains in braces.
        printed: what is in print of it, one of `paper.ON_TRAINING`; "" if this app has nothing checked.
    """

    title: str
    here: str
    printed: str = ""


CHOICES = (
    Choice(
        "Only the last layer, or all", "Not measured: here all layers are trained, end to end.", "last layer"
    ),
    Choice("The classifier beneath", "EfficientNet-Lite2, over Lite0: {lite2}.", "classifier"),
    Choice(
        "The last deconvolution",
        "Fixed, over learned: {fixed}. The bundled networks learn it: see their kernels in Heatmaps.",
        "deconvolution",
    ),
    Choice(
        "In stages, or at once",
        "At once, over three stages: {at-once}. But all runs were short, and each stage's new score layer "
        "starts from zero.",
        "stages",
    ),
    Choice(
        "The skip, or only more training",
        "FCN-32s trained as long as FCN-16s, over FCN-32s: {training on, over FCN-32s}. FCN-16s over that: "
        "{16s over the 32s trained as long}. FCN-8s over a 32s trained as long as it: "
        "{8s over the 32s trained as long}.",
        "skip",
    ),
    Choice("Class balancing", "Each class weighed by the root of (median / own frequency): {balance}."),
    Choice("More data", "3,200 photos of the same list for 1,600, each seen once: {longer}."),
    Choice("Learning rate", "Twice the rate: {rate}. Half of it: {slower}."),
    Choice(
        "Augmentation",
        "Photos scaled by 0.75 to 2.5, over 0.5 to 2: {scale}. Mirroring was not measured.",
    ),
    Choice(
        "Averages, smooth labels, crops",
        "Last weights, over their moving average: {last}. Labels smoothed at borders: {smooth}. Crops of "
        "320², fewer a batch, over 256²: {crop}.",
    ),
)

#: Rows of the chart: names of gains, and what they are called there.
_CHART = {
    "balance": "classes balanced",
    "fixed": "fixed upsampling",
    "at-once": "at once",
    "longer": "twice the photos",
    "rate": "twice the rate",
    "slower": "half the rate",
    "training on, over FCN-32s": "32s trained on",
    "16s over the 32s trained as long": "+ skip from pool4",
    "8s over the 32s trained as long": "+ both skips",
    "scale": "scale 0.75 to 2.5",
    "lite2": "Lite2 for Lite0",
    "last": "no averaging",
    "smooth": "smoothed labels",
    "crop": "larger crops",
}


def gains() -> dict[str, Value]:
    """Every recorded gain of mean IU by its name: of the study's runs, and of the control."""
    runs = {name: row.gain for name, row in recorded.rows().items() if row.gain}
    return runs | {name: measured.mean_iu for name, measured in recorded.control("gains").items()}


def choices() -> None:
    """Draw the gains with their intervals, then each choice: what is in print beside what we measured."""
    found = gains()
    st.markdown("**What each choice changes**, in short trainings that differ in one thing.")
    chart, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with chart:
        grids(Row((_chart(found),), legend=_LEGEND), "choices")
    words.caption(
        "A point: the change of mean IU, in percentage points. A bar: its 95 % interval, a paired bootstrap "
        f"over {recorded.photos()} photos held out of training; for the skip and its control, over "
        f"{recorded.photos('control')}. Each was trained once: what chance does in a training is not in the "
        "bars. Recorded by this project, on EfficientNet-Lite0; the paper's networks are on VGG16."
    )
    printed, others = st.tabs(["In print as well", "Only here"])
    for tab, chosen in (
        (printed, [c for c in CHOICES if c.printed]),
        (others, [c for c in CHOICES if not c.printed]),
    ):
        with tab:
            _cards(chosen, found)


def _cards(chosen: list[Choice], found: dict[str, Value]) -> None:
    columns = st.columns(2, gap="small")
    for i, choice in enumerate(chosen):
        with columns[i % 2]:
            _one(choice, found)


def _one(choice: Choice, found: dict[str, Value]) -> None:
    with st.container(gap="xxsmall", border=True):
        st.markdown(f"**{choice.title}**")
        if choice.printed:
            said = paper.ON_TRAINING[choice.printed]
            st.markdown(f":small[*In print* ({said.place}): {said.text}]")
        st.markdown(f":small[*Here*: {choice.here.format_map(_Written(found))}]")


class _Written(dict[str, Value]):
    """Gains as text, by name."""

    def __getitem__(self, name: str) -> str:  # type: ignore[override]
        return written(super().__getitem__(name))


def written(gain: Value) -> str:
    """Write a gain in points, with its interval, and whether it may be chance."""
    value, low, high = (signed(100 * v, 2) for v in gain)
    return f"**{value}** ({low} to {high}{', may be chance' if gain.maybe_chance else ''})"


# --- the chart

_BETTER, _CHANCE, _WORSE = BLUE, FRAME, ORANGE
_LEGEND = (("better", _BETTER), ("worse", _WORSE), ("may be chance", _CHANCE))
#: Points of mean IU from the chart's left edge to its right one, and of a column.
_LEFT, _RIGHT, _STEP = -10, 5, 5
#: Height of a row in points: the chart is about square, so that its rows have room on a phone.
_HIGH = 1.15


def _chart(found: dict[str, Value]) -> Panel:
    """Draw each gain as a point on its interval."""
    shows = Extent(_LEFT, 0, _RIGHT, _HIGH * len(_CHART))
    values = np.array([[100 * found[name].value] for name in _CHART])
    texts = [written(found[name]).replace("*", "") for name in _CHART]
    names = list(_CHART.values())
    nothing = Layer(
        render.to_png(np.zeros((len(names), 1, 4), np.uint8)), shows, cells=(1, len(names)),
        reads=Values(values, "points", 2, rows=names, texts=texts),
    )  # fmt: skip
    edges = range(_LEFT, _RIGHT, _STEP)
    marks: list[Mark] = [
        Line(((x, 0), (x, shows.bottom)), "dash" if x else "solid", FRAME) for x in edges[1:]
    ]
    for i, name in enumerate(_CHART):
        marks += _whisker(found[name], _HIGH * (i + 0.5))
    return Panel(
        shows=shows,
        title="Change of mean IU, points",
        layers=(nothing,),
        marks=tuple(marks),
        rows=names,
        columns=[
            f"{signed(x, 0) if x else '0'} to {signed(x + _STEP, 0) if x + _STEP else '0'}" for x in edges
        ],
        below=True,
        tall=32 * len(names),
    )


def _whisker(gain: Value, y: float) -> tuple[Mark, ...]:
    colour = _CHANCE if gain.maybe_chance else _BETTER if gain.value > 0 else _WORSE
    value, low, high = (100 * v for v in gain)
    return Line(((low, y), (high, y)), colour=colour), Dots(((value, y),), colour)
