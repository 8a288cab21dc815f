"""Panel of "Convolutionalize": the digits classifier, and its convolutional self on a canvas of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
import torch
from torch import Tensor, nn

from fcnviz import digits, weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.render import Scale
from ui import cache, cells, convolution_figures, figures, inputs, link, offline, scales, shown, waiting
from ui.convolution_figures import outlined
from ui.figures import Box, Extent
from ui.numbers import delta

PLACES = ("Random", "By hand")
SIDE = digits.SIDE


@st.cache_resource(show_spinner=False)
def bundled() -> digits.Digits:
    """The digits classifier in weights/."""
    return digits.load()


def classifier() -> digits.Digits | None:
    """Draw which digits classifier there is, and train another on demand; None if there is none."""
    about = st.container()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        seed = int(st.number_input("Seed", 0, 9999, 0, key="conv_train_seed", width=150))
        again = st.button("Train it again", key="conv_train", icon=":material/replay:")
        if again or "conv_net" in st.session_state:
            st.button("Back to the bundled one", key="conv_bundled", on_click=_forget)
    if again:
        st.session_state["conv_net"] = _train(seed)
    own = st.session_state.get("conv_net")
    try:
        net = own or bundled()
    except weights.WeightsError as error:
        st.error(f"{error}, or press the button above.", icon=":material/error:")
        return None
    right = 100 * cache.on_worker(digits.accuracy, net)
    about.markdown(
        f"{'Trained just now' if own else 'Bundled'}: **{right:.1f} %** of "
        f"{digits.TEST_IMAGES} test images that it was never trained on. Two 3 × 3 convolutions, 8 × 8 px → "
        "16 × 4 × 4, then `Linear(256, 10)`: the layer at the top of this page. Between digits it was "
        "trained to find all ten equally likely."
    )
    return net


def _forget() -> None:
    st.session_state.pop("conv_net", None)


@waiting.panel
def _train(seed: int) -> digits.Digits:
    net, slot, accuracies = digits.build(seed), st.empty(), []
    for epoch in cache.pieces(digits.train(net, seed)):
        accuracies.append(epoch.accuracy)
        with slot.container():
            st.progress(epoch.number / epoch.of, f"Epoch {epoch.number} of {epoch.of}, loss {epoch.loss:.3f}")
            figure = convolution_figures.progress(accuracies, epoch.of)
            shown.chart(figure, f"conv_epoch_{epoch.number}", keep=False)
    slot.empty()
    return net.eval()


# --- the canvas


@dataclass(frozen=True, eq=False)
class Answers:
    """A canvas, and what the convolutional network says of it.

    Attributes:
        net: the dense network.
        canvas: what was given to it.
        scores: (10, h, w), of every window.
    """

    net: digits.Digits
    canvas: digits.Canvas
    scores: np.ndarray

    @cached_property
    def pixels(self) -> np.ndarray:
        """(H, W), 0…1."""
        return self.canvas.pixels[0, 0].numpy()

    @cached_property
    def probability(self) -> np.ndarray:
        """The scores after the softmax, (10, h, w)."""
        return torch.from_numpy(self.scores).softmax(0).numpy()

    @cached_property
    def best(self) -> np.ndarray:
        """The best digit of every window, (h, w); −1 where none has more than half of the probability."""
        return np.where(self.probability.max(0) > 0.5, self.scores.argmax(0), -1)

    @property
    def found(self) -> int:
        """How many of the placed digits are the arg-max of their own cells."""
        best = self.scores.argmax(0)
        inside = [p for p in self.canvas.placed if p.y < best.shape[0] and p.x < best.shape[1]]
        return sum(int(best[p.y, p.x]) == p.digit for p in inside)


def canvas(net: digits.Digits) -> None:
    """A canvas of digits: the dense network refuses it, the convolutional one answers with a map."""
    drawn = _canvas()
    a = Answers(net, drawn, cache.on_worker(_run, convolutionalize(net), drawn.pixels))
    shown.add("scores/digits.npy", partial(offline.array, a.scores))
    (height, width), (h, w) = a.pixels.shape, a.best.shape
    _refuse(a)
    first = _follow(a)
    with st.container(horizontal=True, gap="medium"):
        digit = st.segmented_control(
            "Map of the digit", range(10), default=first.digit, required=True, key="conv_digit",
            bind="query-params",
        )  # fmt: skip
        x, y = _cell("x", w, first.x), _cell("y", h, first.y)
    _maps(a, int(digit), (x, y))
    st.caption(
        f"{width} × {height} px → {w} × {h} cells, one a window of 8 × 8, drawn at its centre. In the cells "
        f"where a digit was placed, the arg-max is right for **{a.found} of {len(drawn.placed)}**; cells in "
        "which no digit has more than half of the probability are left empty. Click a cell, or use the "
        "sliders."
    )
    _window(a, x, y)


def _run(net: nn.Module, x: Tensor) -> np.ndarray:
    with torch.no_grad():
        return net(x)[0].numpy()


def _canvas() -> digits.Canvas:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        how = st.segmented_control(
            "Digits", PLACES, default=PLACES[0], required=True, key="conv_place", bind="query-params"
        )
        width = st.slider("Width, px", SIDE, 64, 40, key="conv_width", bind="query-params", width=150)
        height = st.slider("Height, px", SIDE, 64, 28, key="conv_height", bind="query-params", width=150)
        if how == PLACES[0]:
            count = st.slider("How many", 0, 12, 5, key="conv_count", bind="query-params", width=130)
            seed = st.number_input(
                "Canvas no.", 0, 9999, 17, key="conv_canvas", bind=inputs.whole("conv_canvas"), width=140
            )
            link.put({"conv_lines": None})
            return digits.scatter((width, height), count, int(seed))
    return digits.compose((width, height), _by_hand())


def _by_hand() -> list[digits.Placed]:
    st.caption("One line a digit; x and y are its left and top edge. Add or delete lines as you like.")
    start = pd.DataFrame(_lines(), columns=["digit", "x", "y"])
    limits = {"digit": 9, "x": 63, "y": 63}
    columns = {
        name: st.column_config.NumberColumn(min_value=0, max_value=last, step=1, required=True)
        for name, last in limits.items()
    }
    rows = st.data_editor(start, key="conv_placed", num_rows="dynamic", column_config=columns, width=320)
    lines = rows.dropna().astype(int)
    link.put({"conv_lines": cells.to_text(lines.to_numpy()) or "-"})
    return [digits.Placed(r.digit, r.x, r.y, digits.example(r.digit)) for r in lines.itertuples(index=False)]


def _lines() -> np.ndarray:
    """The lines to begin with, (n, 3): the link's as the page was opened; what is typed the widget keeps."""
    state = st.session_state
    if "conv_placed" not in state:
        text = link.get("conv_lines", "3,2,4;7,20,12")
        found = np.zeros((0, 3)) if text == "-" else cells.from_text(text)
        if found is None or found.shape[1] != 3 or (found < 0).any() or (found > (9, 63, 63)).any():
            st.error(
                "The link's digits are no lines of digit, x, y: they start afresh.", icon=":material/error:"
            )
            found = np.array([[3, 2, 4], [7, 20, 12]])
        state["conv_first_lines"] = found.astype(int)
    return state["conv_first_lines"]


def _refuse(a: Answers) -> None:
    """What the dense network says of the whole canvas: its real error, or its one answer on 8 × 8."""
    try:
        digit = int(cache.on_worker(_run, a.net, a.canvas.pixels).argmax())
    except RuntimeError as error:
        st.markdown(f"**Dense**, given this canvas, refuses: `{str(error).splitlines()[0]}`")
    else:
        st.markdown(f"**Dense**, given this one window, answers: {digit}")
    st.markdown("**Convolutional**, the same weights, answers for every window:")


def _follow(a: Answers) -> digits.Placed:
    """The first digit, moved to a cell that is there; a new canvas is looked at from there."""
    state, (h, w) = st.session_state, a.best.shape
    first = a.canvas.placed[0] if a.canvas.placed else digits.Placed(0, 0, 0, 0)
    first = replace(first, x=min(first.x, w - 1), y=min(first.y, h - 1))
    seen = state.get("conv_seen")
    state["conv_seen"] = (a.canvas.placed, h, w)
    if seen not in (None, state["conv_seen"]):
        state.update(conv_digit=first.digit, conv_cell_x=first.x, conv_cell_y=first.y)
    return first


def _cell(axis: str, cells: int, first: int) -> int:
    if cells == 1:
        return 0
    key = f"conv_cell_{axis}"
    return st.slider(f"Cell {axis}", 0, cells - 1, first, key=key, bind="query-params", width=160)


def _maps(a: Answers, digit: int, cell: tuple[int, int]) -> None:
    (height, width), w, middle = a.pixels.shape, a.best.shape[1], (SIDE - 1) / 2
    shows, tall = Extent.of((width, height)), figures.fitting(width, height, column=330)
    left, top = cell[0] - 0.5, cell[1] - 0.5
    here = Box(left + middle, top + middle, left + middle + 1, top + middle + 1)
    one, scale = a.probability[digit], Scale(0.0, 1.0)
    canvas, score, best = st.columns(3)
    with canvas:
        st.markdown("**Canvas**, and the window")
        figure = convolution_figures.ink(a.pixels)
        figures.add_boxes(figure, [Box(left, top, left + SIDE, top + SIDE)])
        shown.chart(outlined(figure, tall), "conv_pixels")
    with score:
        st.markdown(f"**Map** of “{digit}”")
        figure = figures.grid(one, scale, start=(middle, middle), unit="probability")
        figures.framed(figure, shows, tall)
        _clickable(figure, [f"probability {p:.3f}" for p in one.flat], here, "conv_on_one", w)
        scales.bar(scale, "Softmax", digits=0)
    with best:
        st.markdown("**Arg-max**: the best digit")
        figure = figures.framed(convolution_figures.answers(a.best, middle, shows), shows, tall)
        says = ["no digit" if d < 0 else f"best digit {d}" for d in a.best.flat]
        _clickable(figure, says, here, "conv_on_best", w)
        shown.chart(convolution_figures.ten_colours(), "conv_ten")


def _clickable(figure: go.Figure, text: list[str], here: Box, key: str, width: int) -> None:
    """Show a map whose cells can be clicked, the one at `here` marked."""
    figures.add_boxes(outlined(figure), [here])
    convolution_figures.cells(figure, text, width, (SIDE - 1) / 2)
    shown.chart(figure, key, on_select=partial(_clicked, key), selection_mode="points")


def _clicked(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:
        x, y = points[0]["customdata"]
        st.session_state.update(conv_cell_x=int(x), conv_cell_y=int(y))


def _window(a: Answers, x: int, y: int) -> None:
    window = a.canvas.pixels[..., y : y + SIDE, x : x + SIDE]
    dense, conv = cache.on_worker(_run, a.net, window), a.scores[:, y, x]
    picture, bars = st.columns([1, 3], gap="medium")
    with picture:
        shown.chart(outlined(convolution_figures.ink(window[0, 0].numpy())), "conv_window")
        st.caption(f"The window behind cell ({x}, {y})")
    with bars:
        shown.chart(convolution_figures.outputs(dense, conv), "conv_window_scores")
        st.caption(
            "The dense network on that window alone, and the cell of the map: "
            f"max |Δ| = {delta(np.abs(dense - conv).max())}"
        )
