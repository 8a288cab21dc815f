"""Panels about one layer: the same memory read as a matrix and as kernels, and how it treats positions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch import Tensor, nn

from fcnviz.convolutionalize import linear_to_conv
from fcnviz.render import Scale
from ui.components.grids import Pick, grids
from ui.convolutionalize import figures
from ui.figures.grids import Panel, Row, Values, coarse
from ui.figures.marks import Box, Empty
from ui.figures.numbers import delta, signed, span
from ui.figures.pictures import Extent
from ui.page import link, number_grid
from ui.page.controls import number_binding

MAPS = ("Random", "By hand")
# The page starts with these values, and the Lecture shows the same.
#: (C, H, W) of the feature map.
FEATURES = (16, 4, 4)
#: Number of labels.
LABELS = 10
#: Row and column of the marked weight in the dense matrix.
ROW = 3
COLUMN = 77
#: Seed of the shuffle.
SHUFFLE = 1


@dataclass(frozen=True, eq=False)
class Toy:
    """A dense layer on a small feature map, and the equivalent convolution.

    Attributes:
        shape: (C, H, W) of the feature map.
        features: the feature map, (1, C, H, W).
        dense, conv: the two layers, which share their memory.
    """

    shape: tuple[int, int, int]
    features: Tensor
    dense: nn.Linear
    conv: nn.Conv2d

    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute the outputs of the dense layer and of the convolution, (labels,) each."""
        with torch.no_grad():
            dense, conv = self.dense(self.features.flatten(1)), self.conv(self.features)
            return dense[0].numpy(), conv.flatten().numpy()

    @contextmanager
    def changed(self, label: int, column: int, by: float) -> Iterator[None]:
        """Add `by` to one weight of the dense layer during a `with` block; only this layer is written to."""
        weight = self.dense.weight.detach()
        old = weight[label, column].item()
        weight[label, column] += by
        try:
            yield
        finally:
            weight[label, column] = old


# --- the same numbers, read twice


def choose() -> Toy:
    """Draw the choice of shapes and of the feature map."""
    with st.container(horizontal=True, gap="medium"):
        h = st.slider("Height H", 1, 8, FEATURES[1], key="conv_h", bind="query-params", width=130)
        w = st.slider("Width W", 1, 8, FEATURES[2], key="conv_w", bind="query-params", width=130)
        c = st.slider("Channels C", 1, 32, FEATURES[0], key="conv_c", bind="query-params", width=160)
        labels = st.slider("Classes", 2, 20, LABELS, key="conv_labels", bind="query-params", width=160)
        kind = st.segmented_control(
            "Feature map", MAPS, default=MAPS[0], required=True, key="conv_map", bind="query-params"
        )
        bias = st.toggle("Bias", True, key="conv_bias", bind="query-params")
    if kind == MAPS[1]:
        features = _by_hand(c, h, w)
    else:
        link.put({"conv_values": None})
        features = torch.randn(1, c, h, w, generator=_seeded(0))
    _mark_acting(kind, features)
    return layers(features, labels, bias)


def _mark_acting(kind: str | None, features: Tensor) -> None:
    """When the visitor chooses another map, mark a weight that acts on it, if the marked one does not."""
    state, flat = st.session_state, features.flatten()
    before, state["conv_map_seen"] = state.get("conv_map_seen", kind), kind
    marked = min(state.get("conv_weight", 0), len(flat) - 1)
    if kind != before and not flat[marked]:
        state["conv_weight"] = acting_weight(features)


def layers(features: Tensor, labels: int, bias: bool) -> Toy:
    """Make a dense layer for features (1, C, H, W), initialised as PyTorch does it, but always the same."""
    _, c, h, w = features.shape
    dense = nn.utils.skip_init(nn.Linear, c * h * w, labels, bias=bias)
    bound = (c * h * w) ** -0.5
    for parameter in dense.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=_seeded(1))
    return Toy((c, h, w), features, dense, linear_to_conv(dense, (c, h, w)))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(h: int, w: int) -> np.ndarray:
    """Return the map, (h, w), that "By hand" starts with."""
    return np.eye(h, w)


def _by_hand(c: int, h: int, w: int) -> Tensor:
    st.caption("Type the map's values; every channel gets them.")
    typed = number_grid.editor("conv_values", drawn(h, w), "Editable feature map")
    return torch.from_numpy(typed).float().expand(1, c, h, w).contiguous()


def same_numbers(t: Toy) -> None:
    """Draw the parameter counts, the matrix folded into kernels, and what one weight does to both outputs."""
    c, h, w = t.shape
    labels, inputs = t.dense.weight.shape
    titled: dict[str, nn.Linear | nn.Conv2d] = {
        f"Dense: flatten to {inputs}, then {inputs} × {labels}": t.dense,
        f"Convolution: {labels} kernels, {h} × {w} × {c}": t.conv,
    }
    for column, (title, layer) in zip(st.columns(2), titled.items(), strict=True):
        count = f"{layer.weight.numel():,}" + ("" if layer.bias is None else f" + {layer.bias.numel()}")
        column.metric(title, count, help="Weights + biases, counted from the layer's own parameters.")
    label, weight = _choose_weight(t)
    matrix = t.dense.weight.detach().view(labels, c, h, w).numpy()

    def picked(cell: Pick) -> None:
        row, column = figures.weight_at(cell, t.shape, label)
        st.session_state.update(conv_label=row, conv_weight=column)

    grids(figures.matrix_and_kernel(matrix, label, weight), "conv_fold", picked)
    channel, y, x = np.unravel_index(weight, t.shape)
    st.caption(
        f"Above: the matrix, {labels} rows of {inputs}. Below: row {label}, each channel folded into a "
        f"{h} × {w} tile under its columns: kernel {label}. Circled in both: column {weight} = channel "
        f"{channel}, y {y}, x {x}, weight {signed(matrix[label, channel, y, x], 3)}. Click any weight, or "
        "use the sliders. Red is positive, blue negative."
    )
    _proof(t, label, weight)


def acting_weight(features: Tensor) -> int:
    """Return the column of a weight that acts on features (1, C, H, W): the usual one, or the largest's."""
    flat = features.flatten()
    usual = min(COLUMN, len(flat) - 1)
    return usual if flat[usual] else int(flat.abs().argmax())


def _choose_weight(t: Toy) -> tuple[int, int]:
    """Draw the sliders for the marked weight; → its row and column in the matrix."""
    labels, inputs = t.dense.weight.shape
    for key, last in (("conv_label", labels - 1), ("conv_weight", inputs - 1)):
        if st.session_state.get(key, 0) > last:
            st.session_state[key] = last
    with st.container(horizontal=True, gap="medium"):
        last = labels - 1
        label = st.slider(
            "Row (class)", 0, last, min(ROW, last), key="conv_label", bind="query-params", width=220
        )
        if inputs == 1:
            return label, 0
        first = acting_weight(t.features)
        weight = st.slider(
            "Column (weight)", 0, inputs - 1, first, key="conv_weight", bind="query-params", width=420
        )
    return label, weight


#: The code that makes the convolution; the page fills in the shapes.
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
    with t.changed(label, weight, move):
        dense, conv = t.scores()
    with bars:
        grids(figures.label_scores(dense, conv, before if move else None), "conv_outputs")
        st.caption(f"Both layers on the same feature map: max |Δ| = {delta(np.abs(dense - conv).max())}.")
    with proof:
        addresses = [hex(layer.weight.data_ptr()) for layer in (t.dense, t.conv)]
        st.markdown(
            f"Dense weights at `{addresses[0]}`, kernels at `{addresses[1]}`: "
            + ("**one memory**." if addresses[0] == addresses[1] else "two memories.")
        )
        if not t.features.flatten()[weight]:
            st.markdown("This weight meets a feature that is 0, so it moves nothing: click another.")
        elif move:
            moved = [(after - before)[label] for after in (dense, conv)]
            st.markdown(
                f"The dense layer's weight moved by {signed(move, 1)}; class {label} moved by "
                f"{signed(moved[0], 3)} (dense) and {signed(moved[1], 3)} (convolution)."
            )
        else:
            st.markdown(
                "Move the slider: only the dense layer's matrix is written to, and both answers move."
            )
    c, h, w = t.shape
    code = SNIPPET.format(c=c, h=h, w=w, labels=len(before), bias=t.dense.bias is not None)
    st.text(code)  # for `st.code` the browser loads 1.6 MB of highlighting, too faint on white


# --- where did the position go?


def positions(t: Toy) -> None:
    """Show what a dense layer knows of places, and that a convolution's output moves with its input."""
    left, right = st.columns(2, gap="large")
    with left:
        _shuffle_positions(t)
    with right:
        _move_features(t)


def _shuffle_positions(t: Toy) -> None:
    _, h, w = t.shape
    st.markdown(
        f"**A dense layer has a weight for each place, but no neighbours.** Shuffle the {h * w} positions."
    )
    binding = number_binding("conv_shuffle")
    seed = int(st.number_input("Shuffle no.", 0, 999, SHUFFLE, key="conv_shuffle", bind=binding, width=150))
    mixed, before, after = shuffle(t, seed)
    scale = Scale.diverging(t.features[0, 0].numpy())
    maps = {"as it was": t.features, "shuffled": mixed}
    panels = (_channel(features, scale, f"Channel 0, {title}") for title, features in maps.items())
    grids(Row(tuple(panels)), "conv_positions")
    moved, same = (delta((before - other).abs().max().item()) for other in after)
    st.markdown(
        f"With the same weights the scores move: max |Δ| = **{moved}**. With the weights shuffled alike they "
        f"do not: max |Δ| = **{same}**. That is another layer, and a kernel as large as the map passes this "
        f"test too. What gets lost is the *answer's* place: {len(before)} numbers have no room for it."
    )


def shuffle(t: Toy, seed: int) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Shuffle the positions of the map.

    Returns:
        the shuffled map (1, C, H, W); the scores before; and the scores after it, first with the same
        weights, then with the weights shuffled alike.
    """
    c, h, w = t.shape
    order = torch.randperm(h * w, generator=_seeded(seed)) if seed else torch.arange(h * w)
    mixed = t.features.flatten(2)[..., order].view(1, c, h, w)
    other = linear_to_conv(t.dense, t.shape).weight.detach().flatten(2)[..., order]  # (labels, C, H·W)
    with torch.no_grad():
        before, moved = (t.dense(features.flatten(1))[0] for features in (t.features, mixed))
        alike = other.flatten(1) @ mixed.flatten(1)[0]
        return mixed, before, (moved, alike if t.dense.bias is None else alike + t.dense.bias)


def _move_features(t: Toy) -> None:
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
    scale = Scale.diverging(larger[0, 0].numpy())
    box = Box.at(Extent.cells((h, w), (x, y)))
    drawn = torch.full_like(larger, torch.nan)  # the zeros around the features stay empty
    drawn[..., y : y + h, x : x + w] = t.features
    field = _channel(drawn, scale, f"Channel 0 of {big_w} × {big_h}; hatched: zeros", box)
    grids(Row((field, _answers(maps[label], label, field.shows, (x, y)))), "conv_moved")
    st.markdown(
        f"In the marked cell ({x}, {y}): **{signed(maps[label, y, x], 4)}**; the dense layer on the "
        f"features alone: **{signed(alone[label], 4)}**."
    )


def _channel(features: Tensor, scale: Scale, caption: str, *marks: Box) -> Panel:
    """Draw the first channel of a feature map, (1, C, H, W)."""
    layer = coarse(features[0, 0].numpy(), scale)
    empty = Empty(layer.where, torch.isnan(features[0, 0]).numpy())
    return Panel(shows=layer.where, layers=(layer,), caption=caption, marks=(empty, *marks), tall=260)


def _answers(values: np.ndarray, label: int, shows: Extent, cell: tuple[int, int]) -> Panel:
    """Draw a label's map of answers, (7, 7), each at its window's centre, and mark a cell (x, y)."""
    h, w = values.shape
    start = (shows.left + shows.right - w + 1) / 2, (shows.top + shows.bottom - h + 1) / 2
    marked = Box.at(Extent.cells((1, 1), (cell[0] + start[0], cell[1] + start[1])))
    caption = f"Class {label}: {w} × {h} answers at their windows' centres, {span(values, 2)}"
    where, reads = Extent.cells((h, w), start), Values(values, "score")
    layer = coarse(values, Scale.diverging(values), where, reads=reads)
    return Panel(shows=shows, layers=(layer,), caption=caption, marks=(marked,), tall=260)
