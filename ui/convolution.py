"""Panels of "Convolutionalize" about one layer: the same memory read two ways, and where positions go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import Tensor, nn

from fcnviz.convolutionalize import linear_to_conv
from fcnviz.render import Scale
from ui import cells, convolution_figures, figures, inputs, link, shown
from ui.convolution_figures import outlined
from ui.figures import Box, Extent
from ui.numbers import delta, signed

MAPS = ("Random", "By hand")


@dataclass(frozen=True, eq=False)
class Toy:
    """A dense layer on a small feature map, and the convolution that it is.

    Attributes:
        shape: (C, H, W) of the map.
        features: (1, C, H, W).
        dense, conv: two layers on one memory.
    """

    shape: tuple[int, int, int]
    features: Tensor
    dense: nn.Linear
    conv: nn.Conv2d

    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        """What both say of the map: (labels,) each."""
        with torch.no_grad():
            dense, conv = self.dense(self.features.flatten(1)), self.conv(self.features)
            return dense[0].numpy(), conv.flatten().numpy()

    @contextmanager
    def moved(self, label: int, column: int, by: float) -> Iterator[None]:
        """For a while, one weight of the dense layer is another; nothing is written to the convolution."""
        weight = self.dense.weight.detach()
        old = weight[label, column].item()
        weight[label, column] += by
        try:
            yield
        finally:
            weight[label, column] = old


# --- the same numbers, read twice


def toy() -> Toy:
    """Draw the choice of shapes and of the feature map."""
    with st.container(horizontal=True, gap="medium"):
        h = st.slider("Height H", 1, 8, 4, key="conv_h", bind="query-params", width=130)
        w = st.slider("Width W", 1, 8, 4, key="conv_w", bind="query-params", width=130)
        c = st.slider("Channels C", 1, 32, 16, key="conv_c", bind="query-params", width=160)
        labels = st.slider("Labels", 2, 20, 10, key="conv_labels", bind="query-params", width=160)
        kind = st.segmented_control(
            "Feature map", MAPS, default=MAPS[0], required=True, key="conv_map", bind="query-params"
        )
        bias = st.toggle("Bias", True, key="conv_bias", bind="query-params")
    if kind == MAPS[1]:
        features = _by_hand(c, h, w)
    else:
        link.put({"conv_values": None})
        features = torch.randn(1, c, h, w, generator=_seeded(0))
    return layers(features, labels, bias)


def layers(features: Tensor, labels: int, bias: bool) -> Toy:
    """A dense layer that starts as PyTorch starts one, always the same, on these features (1, C, H, W)."""
    _, c, h, w = features.shape
    dense = nn.utils.skip_init(nn.Linear, c * h * w, labels, bias=bias)
    bound = (c * h * w) ** -0.5  # as PyTorch starts a dense layer
    for parameter in dense.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=_seeded(1))
    return Toy((c, h, w), features, dense, linear_to_conv(dense, (c, h, w)))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(h: int, w: int) -> np.ndarray:
    """The map, (h, w), that "By hand" starts with."""
    return np.eye(h, w)


def _by_hand(c: int, h: int, w: int) -> Tensor:
    st.caption("Type the map's values; every channel gets them.")
    typed = cells.editor("conv_values", drawn(h, w), "Editable feature map")
    return torch.from_numpy(typed).float().expand(1, c, h, w).contiguous()


def same_numbers(t: Toy) -> None:
    """Counts, the fold, both outputs, and what one changed weight does to them."""
    c, h, w = t.shape
    labels, inputs = t.dense.weight.shape
    for column, layer, title in zip(
        st.columns(2),
        (t.dense, t.conv),
        (
            f"Dense: flatten to {inputs}, then {inputs} × {labels}",
            f"Convolution: {labels} kernels, {h} × {w} × {c}",
        ),
        strict=True,
    ):
        biases = 0 if layer.bias is None else layer.bias.numel()
        count = f"{layer.weight.numel():,}" + (f" + {biases}" if biases else "")
        column.metric(title, count, help="Weights + biases, counted from the layer's own parameters.")
    label, weight = _pick(labels, inputs)
    matrix = t.dense.weight.detach().view(labels, c, h, w).numpy()
    figure = convolution_figures.fold(matrix, label, weight)
    shown.chart(figure, "conv_fold", on_select=_picked, selection_mode="points")
    channel, y, x = np.unravel_index(weight, t.shape)
    st.caption(
        f"Above: the matrix, {labels} rows of {inputs}. Below: row {label}, each channel folded into a "
        f"{h} × {w} tile under its columns: kernel {label}. Circled in both: column {weight} = channel "
        f"{channel}, y {y}, x {x}, weight {signed(matrix[label, channel, y, x], 3)}. Click any weight, or "
        "use the sliders. Red is positive, blue negative."
    )
    _proof(t, label, weight)


def _pick(labels: int, inputs: int) -> tuple[int, int]:
    """Sliders for the weight that is marked."""
    for key, last in (("conv_label", labels - 1), ("conv_weight", inputs - 1)):
        if st.session_state.get(key, 0) > last:
            st.session_state[key] = last
    with st.container(horizontal=True, gap="medium"):
        label = st.slider(
            "Row (label)", 0, labels - 1, min(3, labels - 1), key="conv_label", bind="query-params", width=220
        )
        if inputs == 1:
            return label, 0
        weight = st.slider(
            "Column (weight)", 0, inputs - 1, min(77, inputs - 1), key="conv_weight", bind="query-params",
            width=420,
        )  # fmt: skip
    return label, weight


def _picked() -> None:
    points = st.session_state["conv_fold"].selection.points
    if points:
        label, weight = points[0]["customdata"][:2]
        st.session_state.update(conv_label=int(label), conv_weight=int(weight))


SNIPPET = """\
dense = nn.Linear({c} * {h} * {w}, {labels}, bias={bias})
conv = nn.Conv2d({c}, {labels}, ({h}, {w}), bias={bias})
conv.weight = nn.Parameter(dense.weight.detach().view({labels}, {c}, {h}, {w}))  # a view: same memory
conv.bias = dense.bias"""


def _proof(t: Toy, label: int, weight: int) -> None:
    bars, proof = st.columns([3, 2], gap="medium")
    with proof:
        move = st.slider(
            "Add to the circled weight", -2.0, 2.0, 0.0, 0.1, key="conv_move", bind="query-params"
        )
    before = t.scores()[0]
    with t.moved(label, weight, move):
        dense, conv = t.scores()
    with bars:
        figure = convolution_figures.outputs(dense, conv, before if move else None)
        shown.chart(figure, "conv_outputs")
        st.caption(f"Both layers on the same feature map: max |Δ| = {delta(np.abs(dense - conv).max())}.")
    with proof:
        addresses = [hex(layer.weight.data_ptr()) for layer in (t.dense, t.conv)]
        st.markdown(
            f"Dense weights at `{addresses[0]}`, kernels at `{addresses[1]}`: "
            + ("**one memory**." if addresses[0] == addresses[1] else "two memories.")
        )
        if move:
            moved = [(after - before)[label] for after in (dense, conv)]
            st.markdown(
                f"The dense layer's weight moved by {signed(move, 1)}; label {label} moved by "
                f"{signed(moved[0], 3)} (dense) and {signed(moved[1], 3)} (convolution)."
            )
        else:
            st.markdown(
                "Move the slider: only the dense layer's matrix is written to, and both answers move."
            )
    c, h, w = t.shape
    code = SNIPPET.format(c=c, h=h, w=w, labels=len(before), bias=t.dense.bias is not None)
    st.code(code, None, wrap_lines=True)  # the colours of Streamlit's highlighting are too faint on white


# --- where did the position go?


def positions(t: Toy) -> None:
    """Shuffle map and dense weights alike: nothing changes. Move the map: the convolution's answer moves."""
    left, right = st.columns(2, gap="large")
    with left:
        _shuffled(t)
    with right:
        _moved(t)


def _shuffled(t: Toy) -> None:
    _, h, w = t.shape
    st.markdown(
        f"**A dense layer knows no neighbours.** Shuffle the {h * w} positions, and its weights alike."
    )
    binding = inputs.whole("conv_shuffle")
    seed = int(st.number_input("Shuffle no.", 0, 999, 1, key="conv_shuffle", bind=binding, width=150))
    mixed, before, after = shuffle(t, seed)
    scale = Scale.diverging(t.features[0, 0].numpy())
    for column, title, values in zip(
        st.columns(2), ("as it was", "shuffled"), (t.features[0, 0], mixed[0, 0]), strict=True
    ):
        with column:
            figure = figures.grid(values.numpy(), scale, unit="value")
            shown.chart(outlined(figure, _tall(w, h)), f"conv_{title}")
            st.caption(f"Channel 0, {title}")
    st.markdown(
        f"Scores of both: max |Δ| = **{delta((before - after).abs().max().item())}**. To the dense layer the "
        "two maps are the same thing."
    )


def shuffle(t: Toy, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Shuffle positions and weights alike; → the shuffled map (1, C, H, W), the scores before and after."""
    c, h, w = t.shape
    order = torch.randperm(h * w, generator=_seeded(seed)) if seed else torch.arange(h * w)
    mixed = t.features.flatten(2)[..., order].view(1, c, h, w)
    other = linear_to_conv(t.dense, t.shape).weight.detach().flatten(2)[..., order]  # (labels, C, H·W)
    with torch.no_grad():
        before, after = t.dense(t.features.flatten(1)), other.flatten(1) @ mixed.flatten(1)[0]
        return mixed, before, after if t.dense.bias is None else after + t.dense.bias


def _moved(t: Toy) -> None:
    c, h, w = t.shape
    big_h, big_w = h + 6, w + 6
    st.markdown(
        "**A convolution keeps a map.** Move the same features over a larger map: the answer moves along."
    )
    with st.container(horizontal=True, gap="medium"):
        x = st.slider("Move right", 0, 6, 4, key="conv_x", bind="query-params", width=120)
        y = st.slider("Move down", 0, 6, 1, key="conv_y", bind="query-params", width=120)
    larger = torch.zeros(1, c, big_h, big_w)
    larger[..., y : y + h, x : x + w] = t.features
    with torch.no_grad():
        maps, alone = t.conv(larger)[0].numpy(), t.dense(t.features.flatten(1))[0].numpy()
    label = int(np.abs(alone).argmax())
    field, answer = st.columns(2)
    with field:
        figure = figures.grid(larger[0, 0].numpy(), Scale.diverging(larger[0, 0].numpy()), unit="value")
        figures.add_boxes(figure, [Box(x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5)])
        shown.chart(outlined(figure, _tall(big_w, big_h)), "conv_larger")
        st.caption(f"Channel 0 of {big_w} × {big_h}")
    with answer:
        start = ((w - 1) / 2, (h - 1) / 2)
        figure = figures.grid(maps[label], Scale.diverging(maps[label]), start=start)
        figures.framed(figure, Extent.of((big_w, big_h)))
        cx, cy = x + start[0], y + start[1]
        figures.add_boxes(figure, [Box(cx - 0.5, cy - 0.5, cx + 0.5, cy + 0.5)])
        shown.chart(outlined(figure, _tall(big_w, big_h)), "conv_answer")
        st.caption(f"Label {label}: 7 × 7 answers, at their windows' centres")
    st.markdown(
        f"In the marked cell ({x}, {y}): **{signed(maps[label, y, x], 4)}**; the dense layer on the "
        f"features alone: **{signed(alone[label], 4)}**."
    )


def _tall(width: int, height: int) -> int:
    """Height of a figure in a quarter of the page, two columns deep."""
    return figures.fitting(width, height, column=218)
