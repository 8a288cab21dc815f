"""Panel: a classifier of digits, and the same as a convolutional network on a canvas of any size."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
import torch
from torch import Tensor, nn

from fcnviz import weights
from fcnviz.convolutionalize import convolutionalize, sliding_window
from fcnviz.lessons.convolutionalize import digits
from fcnviz.render import Scale
from ui.components.grids import Pick, grids
from ui.convolutionalize import figures
from ui.convolutionalize.photo import probabilities
from ui.export import offline, shown
from ui.figures.grids import Bar, Panel, Row, Values, coarse
from ui.figures.marks import Box
from ui.figures.numbers import delta, percent
from ui.figures.pictures import Extent
from ui.page import link, number_grid
from ui.page.controls import number_binding
from ui.running import waiting, worker

PLACES = ("Random", "By hand")
SIDE = digits.SIDE
# The page starts with these values, and the Lecture shows the same.
#: (width, height) of the canvas in px, how many digits are on it, and the number of the picture.
CANVAS, COUNT, PICTURE = (40, 28), 5, 17


@st.cache_resource(show_spinner=False)
def bundled() -> digits.Digits:
    """Load the digits classifier in weights/."""
    return digits.load()


def classifier() -> digits.Digits | None:
    """Draw the accuracy of the classifier, and train another on demand; None if there is none."""
    about = st.container()
    with st.popover("Train it again", icon=":material/replay:"):
        seed = int(st.number_input("Seed", 0, 9999, 0, key="conv_train_seed", width=150))
        again = st.button("Train", key="conv_train", icon=":material/replay:")
        if again or "conv_net" in st.session_state:
            forget = partial(st.session_state.pop, "conv_net", None)
            st.button("Back to the bundled one", key="conv_bundled", on_click=forget)
    if again:
        st.session_state["conv_net"] = _train(seed)
    own = st.session_state.get("conv_net")
    try:
        net = own or bundled()
    except weights.WeightsError as error:
        st.error(f"{error}, or train one above.", icon=":material/error:")
        return None
    accuracy = percent(worker.run_short(digits.accuracy, net))
    about.markdown(
        f"{'Trained just now' if own else 'Bundled'}: **{accuracy}** of {digits.TEST_IMAGES} test images "
        "that it was never trained on. Two 3 × 3 convolutions, 8 × 8 px → 16 × 4 × 4, then `Linear(256, "
        "10)`: the layer of the section Numbers. On windows between digits it was trained to give all ten "
        "the same probability."
    )
    return net


@waiting.panel
def _train(seed: int) -> digits.Digits:
    net, slot, accuracies = digits.build(seed), st.empty(), []
    for epoch in worker.run_steps(digits.train(net, seed)):
        accuracies.append(epoch.accuracy)
        with slot.container():
            st.progress(epoch.number / epoch.of, f"Epoch {epoch.number} of {epoch.of}, loss {epoch.loss:.3f}")
            figure = figures.accuracy_by_epoch(accuracies, epoch.of)
            shown.chart(figure, f"conv_epoch_{epoch.number}", keep=False)
    slot.empty()
    return net.eval()


# --- the canvas


@dataclass(frozen=True, eq=False)
class Answers:
    """A canvas, and the convolutional network's answers.

    Attributes:
        net: the dense network.
        canvas: the canvas.
        scores: the scores of every window, (10, h, w).
    """

    net: digits.Digits
    canvas: digits.Canvas
    scores: np.ndarray

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixels of the canvas, (H, W) in 0…1."""
        return self.canvas.pixels[0, 0].numpy()

    @cached_property
    def probability(self) -> np.ndarray:
        """The scores after the softmax, (10, h, w)."""
        return probabilities(self.scores)

    @cached_property
    def best(self) -> np.ndarray:
        """The best digit of every window, (h, w); −1 where none has more than half of the probability."""
        return np.where(self.probability.max(0) > 0.5, self.scores.argmax(0), -1)

    @property
    def found(self) -> int:
        """Number of placed digits that are the arg-max of their own cells."""
        best = self.scores.argmax(0)
        inside = [p for p in self.canvas.placed if p.y < best.shape[0] and p.x < best.shape[1]]
        return sum(int(best[p.y, p.x]) == p.digit for p in inside)


def canvas(net: digits.Digits) -> None:
    """Draw a canvas of digits: the dense network refuses it, the convolutional one answers with a map."""
    drawn = _choose_canvas()
    a = answers(net, drawn)
    shown.add("scores/digits.npy", partial(offline.array, a.scores))
    (height, width), (h, w) = a.pixels.shape, a.best.shape
    _dense_answer(a)
    first = _start_at_first_digit(a)
    with st.container(horizontal=True, gap="medium"):
        label = "Map of the digit"
        digit = st.segmented_control(
            label, range(10), default=first.digit, required=True, key="conv_digit", bind="query-params"
        )
        x, y = _cell_slider("x", w, first.x), _cell_slider("y", h, first.y)
    digit = first.digit if digit is None else digit  # ?conv_digit= chooses none, although it is required
    _maps(a, digit, (x, y))
    st.caption(
        f"{width} × {height} px → {w} × {h} cells, one per window of 8 × 8. "
        f"Where a digit was placed, the best digit is right for **{a.found} of {len(drawn.placed)}**; "
        "cells where no digit has more than half of the probability are empty. Each window run alone "
        f"through the dense network: max |Δ| = {delta(difference(a))}. Click a cell."
    )
    _window(a, x, y)


def _run(net: nn.Module, x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].numpy()


def _choose_canvas() -> digits.Canvas:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        how = st.segmented_control(
            "Digits", PLACES, default=PLACES[0], required=True, key="conv_place", bind="query-params"
        )
        more = st.popover("Size", icon=":material/tune:")
        width = more.slider("Width, px", SIDE, 64, CANVAS[0], key="conv_width", bind="query-params")
        height = more.slider("Height, px", SIDE, 64, CANVAS[1], key="conv_height", bind="query-params")
        if how == PLACES[0]:
            count = more.slider("How many digits", 0, 12, COUNT, key="conv_count", bind="query-params")
            seed = st.number_input(
                "Picture no.",
                0,
                9999,
                PICTURE,
                key="conv_canvas",
                bind=number_binding("conv_canvas"),
                width=140,
            )
            link.put({"conv_lines": None})
            return digits.scatter((width, height), count, int(seed))
    return digits.compose((width, height), _by_hand())


def _by_hand() -> list[digits.Placed]:
    st.caption("One line per digit; x and y are its left and top edge. Add or delete lines as you like.")
    start = pd.DataFrame(_lines(), columns=["digit", "x", "y"])
    limits = {"digit": 9, "x": 63, "y": 63}
    columns = {
        name: st.column_config.NumberColumn(min_value=0, max_value=last, step=1, required=True)
        for name, last in limits.items()
    }
    rows = st.data_editor(start, key="conv_placed", num_rows="dynamic", column_config=columns, width=320)
    lines = rows.dropna().astype(int).to_numpy()
    link.put({"conv_lines": number_grid.to_text(lines) or "-"})
    return [digits.Placed(digit, x, y, digits.example(digit)) for digit, x, y in lines.tolist()]


def _lines() -> np.ndarray:
    """Return the first lines, (n, 3), from the link as the page was opened; the widget keeps the edits."""
    state = st.session_state
    if "conv_placed" not in state:
        text = link.get("conv_lines", "3,2,4;7,20,12")
        found = np.zeros((0, 3)) if text == "-" else number_grid.from_text(text)
        if found is None or found.shape[1] != 3 or (found < 0).any() or (found > (9, 63, 63)).any():
            st.error(
                "The link's digits are no lines of digit, x, y: they start afresh.", icon=":material/error:"
            )
            found = np.array([[3, 2, 4], [7, 20, 12]])
        state["conv_first_lines"] = found.astype(int)
    return state["conv_first_lines"]


def _dense_answer(a: Answers) -> None:
    """Write the dense network's answer for the whole canvas: an error, unless the canvas is 8 × 8."""
    digit, refusal = asked(a)
    if refusal:
        st.markdown(f"**Dense**, given this picture, refuses: `{refusal}`")
    else:
        st.markdown(f"**Dense**, given this one window, answers: {digit}")
    st.markdown("**Convolutional**, the same weights, answers for every window:")


def asked(a: Answers) -> tuple[int, str]:
    """Ask the dense network about the whole canvas; return its digit, or −1 and the words of its refusal."""
    try:
        return int(worker.run_short(_run, a.net, a.canvas.pixels).argmax()), ""
    except RuntimeError as error:
        return -1, str(error).splitlines()[0]


def answers(net: digits.Digits, drawn: digits.Canvas) -> Answers:
    """Run the convolutional network on a canvas."""
    return Answers(net, drawn, worker.run_short(_run, convolutionalize(net), drawn.pixels))


def difference(a: Answers) -> float:
    """Run the dense network on every window alone; return max |Δ| to the cells' scores."""
    return float(np.abs(worker.run_short(_alone, a.net, a.canvas.pixels) - a.scores).max())


def _alone(net: nn.Module, x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return sliding_window(net, x, SIDE, 1)[0].numpy()


def _start_at_first_digit(a: Answers) -> digits.Placed:
    """Return the first digit, inside the map; a new canvas resets the chosen digit and cell to it."""
    state, (h, w) = st.session_state, a.best.shape
    first = a.canvas.placed[0] if a.canvas.placed else digits.Placed(0, 0, 0, 0)
    first = replace(first, x=min(first.x, w - 1), y=min(first.y, h - 1))
    seen = state.get("conv_seen")
    state["conv_seen"] = (a.canvas.placed, h, w)
    if seen not in (None, state["conv_seen"]):
        state.update(conv_digit=first.digit, conv_cell_x=first.x, conv_cell_y=first.y)
    return first


def _cell_slider(axis: str, count: int, start: int) -> int:
    if count == 1:
        return 0
    key = f"conv_cell_{axis}"
    return st.slider(f"Cell {axis}", 0, count - 1, start, key=key, bind="query-params", width=160)


def _maps(a: Answers, digit: int, cell: tuple[int, int]) -> None:
    """Draw the canvas, one digit's map and the best digits; a click on a map chooses its cell."""
    shows, (left, top) = Extent.of(a.pixels.shape[::-1]), (cell[0] - 0.5, cell[1] - 0.5)
    middle = (SIDE - 1) / 2
    where = Extent.cells(a.best.shape, (middle, middle))
    here = Box.at(Extent.cells((1, 1), (cell[0] + middle, cell[1] + middle)))
    one, scale = a.probability[digit], Scale(0.0, 1.0)
    common: dict[str, Any] = {"shows": shows, "selected": cell[::-1]}
    canvas = Panel(
        **common,
        layers=(figures.digit_canvas(a.pixels),),
        title="Picture, and the window",
        marks=(Box(left, top, left + SIDE, top + SIDE),),
    )
    score = Panel(
        **common,
        layers=(coarse(one, scale, where, reads=Values(one, "probability")),),
        title=f"Map of “{digit}”",
        marks=(here,),
        bar=Bar("Softmax", scale, 0),
        key="one",
    )
    best = Panel(
        **common,
        layers=(figures.best_digits(a.best, where),),
        title="The best digit",
        marks=(*figures.digit_names(a.best, where), here),
        key="best",
    )
    legend = tuple((f"{'best digit ' * (not i)}{i}", colour) for i, colour in enumerate(figures.TEN))
    grids(Row((canvas, score, best), legend=legend), "conv_maps", _picked)


def _picked(cell: Pick) -> None:
    st.session_state.update(conv_cell_x=cell.column, conv_cell_y=cell.row)


def _window(a: Answers, x: int, y: int) -> None:
    window = a.canvas.pixels[..., y : y + SIDE, x : x + SIDE]
    dense, conv = worker.run_short(_run, a.net, window), a.scores[:, y, x]
    picture, bars = st.columns([1, 3], gap="medium")
    with picture:
        layer = figures.digit_canvas(window[0, 0].numpy())
        caption = f"The window behind cell ({x}, {y})"
        grids(Panel(shows=layer.where, layers=(layer,), caption=caption, tall=150), "conv_window")
    with bars:
        grids(figures.label_scores(dense, conv), "conv_window_scores")
        st.caption(
            "The dense network on that window alone, and the cell of the map: "
            f"max |Δ| = {delta(np.abs(dense - conv).max())}"
        )
