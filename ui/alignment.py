"""The alignment page's controls and panels: geometry in, Streamlit elements out. No network runs here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import alignment, layout
from fcnviz.alignment import CROPS, MAX_PAD, MAX_SIDE, Derivation, Setup, Verdict
from fcnviz.layout import Step
from ui import alignment_figures as figures
from ui import cache
from ui.alignment_drawing import Drawing, drawing
from ui.alignment_figures import number
from ui.figures import CONFIG
from ui.inputs import Photo

_UP, _DOWN = "Rounds up", "Rounds down"
_SHOWN = 320  # image sides in the map of what works


@dataclass(frozen=True, eq=False)
class Choice:
    """What the controls say.

    Attributes:
        setup: the net.
        size: (width, height) of the image in pixels.
        photo: the sidebar's.
    """

    setup: Setup
    size: tuple[int, int]
    photo: Photo


def choose(photo: Photo) -> Choice:
    """Draw the controls."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        backbone = _one_of("Backbone", ["vgg16", "lite0"], "a_backbone")
        net = _one_of("Net", ["32s", "16s", "8s"], "net")
        sides = [
            _integer(label, key, MAX_SIDE, default, first=1)
            for label, key, default in zip(
                ("Image width, px", "Image height, px"),
                ("a_width", "a_height"),
                photo.image.size,
                strict=True,
            )
        ]
        pad = st.slider(
            "Padding, px", 0, MAX_PAD, 100, key="a_pad", bind="query-params", width=230,
            disabled=backbone == "lite0", help="Zeros that conv1_1 puts around the image. The authors': 100.",
        )  # fmt: skip
        pooling = _one_of("Pooling", [_UP, _DOWN], "a_pooling", disabled=backbone == "lite0")
    if backbone == "lite0":
        st.caption(
            "lite0 has no pooling, and each of its layers pads itself: padding and rounding are VGG16's."
        )
    return Choice(Setup(backbone, int(net[:-1]), pad, pooling == _UP), (sides[0], sides[1]), photo)


def _one_of(label: str, options: list[str], key: str, *, disabled: bool = False) -> str:
    return st.segmented_control(
        label, options, default=options[0], required=True, key=key, bind="query-params", disabled=disabled
    )


def _integer(label: str, key: str, most: int, default: int, *, first: int = 0) -> int:
    """A number to type; while it is empty, the default, which the empty field shows."""
    value = st.number_input(
        label, first, most, None, 1, key=key, bind="query-params", placeholder=f"{default}", width=150
    )
    return default if value is None else int(value)


# --- the answer


def question(setup: Setup) -> str:
    """What the answer below is to."""
    padded = "" if setup.backbone == "lite0" else "pad 100, and why "
    return f"Why {padded}crop {number(setup.crops.final)}?"


def answer(choice: Choice) -> None:
    """Two sentences, and the derived numbers they are about; what is wrong with the settings, if anything."""
    setup = choice.setup
    words, figures_ = _lite0_answer(setup) if setup.backbone == "lite0" else _vgg16_answer(setup)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    left.markdown(words)
    with right.container(horizontal=True, gap="medium"):
        for label, value in figures_:
            st.metric(label, value, width="content")
    _complain(choice)


def _vgg16_answer(setup: Setup) -> tuple[str, list[tuple[str, str]]]:
    crop, reach = setup.crops.final, setup.pad - setup.crops.final
    least = alignment.least_pad(setup)
    suits = (
        f"suits every image, even 1 × 1 px, from {least} px on" if least else "never suits every image size"
    )
    begins = f"{crop} px before the image, which are cut off" if crop >= 0 else (
        f"{-crop} px inside the image: there is nothing to cut, and those pixels get no score"
    )  # fmt: skip
    words = (
        f"**Why pad 100?** fc6 reads 7 × 7 cells at once, so the net loses a wide border: its upsampled canvas "
        f"reaches the image's first pixel only from {reach} px of padding on, and {suits}; the authors took "
        f"100.\n\n"
        f"**Why crop {number(crop)}?** With {reach} px of padding the canvas would begin exactly at the "
        f"image's first pixel, so with {setup.pad} px it begins {begins}."
    )
    return words, [
        ("To reach the image", f"{reach} px"),
        ("For any image size", f"{least} px" if least else "–"),
        ("Crop", f"{setup.pad} − {reach} = {number(crop)}"),
    ]


def _lite0_answer(setup: Setup) -> tuple[str, list[tuple[str, str]]]:
    crop, stride = setup.crops.final, setup.stride
    words = (
        "**Why no padding?** Each of lite0's layers pads itself, so every cell has its own pixels of the "
        "image, and the image is only rounded up to whole cells of 32 px.\n\n"
        f"**Why crop {crop}?** The last deconvolution's kernel is {2 * stride} px wide for cells of {stride} "
        f"px: it overhangs the first cell by half a cell, {crop} px, and that is cut off."
    )
    return words, [
        ("Kernel", f"{2 * stride} px"),
        ("Cell", f"{stride} px"),
        ("Crop", f"({2 * stride} − {stride}) / 2 = {crop}"),
    ]


def _complain(choice: Choice) -> None:
    """Say what does not work with these settings, and what would."""
    for label, n in zip(("Width", "Height"), choice.size, strict=True):
        verdict = alignment.verdict(choice.setup, n)
        if verdict is Verdict.TOO_SMALL:
            st.error(f"{label}: {_too_small(choice.setup, n)}", icon=":material/error:")
        elif verdict is Verdict.UNCOVERED:
            st.warning(f"{label}: {_uncovered(choice.setup, n)}", icon=":material/warning:")


def _too_small(setup: Setup, n: int) -> str:
    try:
        layout.steps(setup, n)
    except ValueError as error:
        return f"{error} Type that or more, or raise the padding."
    raise AssertionError(f"{n} px is not too small")


def _uncovered(setup: Setup, n: int) -> str:
    canvas = layout.steps(setup, n)[-1]
    before, after = alignment.missing(setup, n, canvas.after)
    if before:
        need = setup.pad - setup.crops.final
        return (
            f"the net runs on {n} px, but its canvas begins {before} px inside the image: no crop fits. "
            f"Raise the padding to {need} px or more."
        )
    larger = alignment.smallest(setup, start=n)
    return (
        f"the net runs on {n} px, but pooling that rounds down loses rows, and its canvas ends {after} px "
        "before the image: no crop fits. Let pooling round up"
        + (f", or type {larger} px." if larger else ".")
    )


# --- the drawing


def nets(choice: Choice) -> tuple[list[Step], list[Step]] | None:
    """The net's steps along width and height; None if it does not run."""
    try:
        across, down = (layout.steps(choice.setup, n) for n in choice.size)
    except ValueError:
        return None
    return across, down


def scale(choice: Choice) -> None:
    """Image, padding, grid, canvas and crop, and what the chosen cell sees."""
    both = nets(choice)
    if both is None:
        st.info("There is nothing to draw: the net does not run on this image.", icon=":material/info:")
        return
    names = [s.name for s in both[0] if s.name in ("score_fr", "fuse_pool4", "fuse_pool3")][::-1]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = _one_of("Map", names, "a_map") if len(names) > 1 else names[0]
        grid = _named(both[0], name), _named(both[1], name)
        cell = _cell(grid)
    drawing(_drawn(choice, both, grid, cell), key="a_drawing", on_pick=_pick)
    st.caption(_about_field(choice.setup, grid[0]))


def _cell(grid: tuple[Step, Step]) -> tuple[int, int]:
    """The cell that is typed or was clicked; by default the middle one."""
    column, row = (
        _integer(label, key, step.after - 1, step.after // 2)
        for label, key, step in zip(("Cell: column", "Cell: row"), ("a_col", "a_row"), grid, strict=True)
    )
    return column, row


def _pick(column: int, row: int) -> None:
    st.session_state.update(a_col=column, a_row=row)


def _named(steps: Sequence[Step], name: str) -> Step:
    return next(s for s in steps if s.name == name)


def _drawn(
    choice: Choice, both: tuple[list[Step], list[Step]], grid: tuple[Step, Step], cell: tuple[int, int]
) -> Drawing:
    (width, height), setup, photo = choice.size, choice.setup, choice.photo
    canvas = [_named(steps, setup.last).after for steps in both]
    pad, crop = setup.padding, setup.crops.final
    outer = [n + 2 * pad + -n % setup.multiple for n in choice.size]
    fits = choice.size == photo.image.size
    return Drawing(
        image=(0, 0, width, height),
        padded=(-pad, -pad, outer[0], outer[1]),
        canvas=(-crop, -crop, canvas[0], canvas[1]),
        grid=grid,
        cell=cell,
        photo=cache.photo_file(photo.digest, photo.image) if fits else None,
        legend=_legend(choice, (canvas[0], canvas[1]), grid),
    )


def _legend(choice: Choice, canvas: tuple[int, int], grid: tuple[Step, Step]) -> list[tuple[str, str, str]]:
    (width, height), setup, crop = choice.size, choice.setup, choice.setup.crops.final
    stride = number(grid[0].place.stride)
    begins = f"{crop} px before the image" if crop >= 0 else f"{-crop} px inside the image"
    entries = [
        ("image", "Image", f"{width} × {height} px, which is also what the crop leaves."),
        ("padding", "Zero padding", _about_padding(choice)),
        ("grid", grid[0].name, f"{grid[0].after} × {grid[1].after} cells, one every {stride} px."),
        ("canvas", f"Canvas ({setup.last})", f"{canvas[0]} × {canvas[1]} px; it begins {begins}."),
    ]
    if any(alignment.verdict(setup, n) is not Verdict.WORKS for n in choice.size):
        entries.append(("missing", "Missing", "pixels of the image that the canvas does not cover."))
    return entries


def _about_padding(choice: Choice) -> str:
    if choice.setup.backbone == "lite0":
        right, below = (-n % choice.setup.multiple for n in choice.size)
        return f"{right} px at right and {below} px below, up to whole cells."
    return f"{choice.setup.pad} px on every side."


def _about_field(setup: Setup, grid: Step) -> str:
    text = (
        f"Hover, tap or type a cell of {grid.name}. The box is all that can change its score, "
        f"at most {layout.field(grid)} px wide"
    )
    if setup.backbone == "lite0":
        tap = {32: 2, 16: 1, 8: 0}[int(grid.place.stride)]
        shift = setup.place(tap, exact=True).offset - grid.place.offset
        return (
            f"{text}. It is not centred on the cell: TensorFlow's “SAME” padding shifts lite0's true centres "
            f"{number(shift)} px right and down, which its crops do not know and its learned kernels absorb."
        )
    return f"{text}; beyond the image it reads zeros, its own padding's or a later layer's."


# --- the crops


def derivation(setup: Setup) -> None:
    """The five crops, and where the chosen one comes from."""
    found = {name: alignment.derive(setup, name) for name in CROPS}
    with st.container(horizontal=True, gap="medium"):
        for crop, derived in found.items():
            st.metric(crop, number(derived.crop), width="content")
    name = st.segmented_control(
        "Derive", list(CROPS), default=setup.last, required=True, key="a_crop", bind="query-params"
    )
    chosen = found[name]
    moves = alignment.moves(chosen.path)
    st.markdown(_equation(chosen))
    picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        st.plotly_chart(figures.offsets(chosen, moves), key="a_offsets", config=CONFIG, width="stretch")
        st.caption(
            "Where the centre of each map's pixel 0 lies over the image. The arrow is the crop: from the map "
            "that is cut to the one it must lie over."
        )
    with numbers:
        st.table(_moves_table(moves))
        st.caption(_about_moves(setup, name))


def _equation(d: Derivation) -> str:
    onto = "the image" if d.onto == "image" else d.onto
    source, reference = number(d.source.offset), number(d.reference.offset)
    stride = number(d.source.stride)
    return (
        f"**{d.name}** has stride {stride} and its pixel 0 at **{source}**; {onto} has stride "
        f"{number(d.reference.stride)} and its pixel 0 at **{reference}**. Difference / stride: "
        f"({reference} − ({source})) / {stride} = {number(d.apart)} / {stride} = **{number(d.pixels)}**."
    )


def _moves_table(moves: Sequence[alignment.Move]) -> pd.DataFrame:
    rows = {
        m.name: (number(m.place.stride), f"{'+' if m.by > 0 else ''}{number(m.by)}", number(m.place.offset))
        for m in moves
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["Stride", "Moves it by", "Pixel 0 at"])


def _about_moves(setup: Setup, name: str) -> str:
    if setup.backbone == "vgg16":
        rule = (
            "A layer moves pixel 0 by ((kernel − 1) / 2 − padding) × the stride it reads; a deconvolution "
            "moves it back, by its own stride. Layers that are not listed do not move it."
        )
        return (
            f"{rule} Padding moves all maps alike, so it changes the final crops only; rounding changes none."
        )
    exact = alignment.derive(setup, name, exact=True)
    apart = number(exact.pixels)
    return (
        "A negative crop cuts the other map. The crops take the maps as centred on their cells. Walked layer "
        f"by layer, their true centres give {number(exact.apart)} / {number(exact.source.stride)} = {apart} px here"
        + (": part of a pixel, so no crop aligns them." if exact.pixels.denominator > 1 else ".")
    )


# --- which sizes work


def sizes(choice: Choice) -> None:
    """Image side against padding: what works, what does not."""
    setup = choice.setup
    if setup.backbone == "lite0":
        st.markdown("All of them, from 1 × 1 px on: lite0 rounds the image up to whole cells of 32 px.")
        return
    picture, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with picture:
        figure = figures.sizes(_verdicts(setup), (setup.pad, sorted(set(choice.size))))
        st.plotly_chart(figure, key="a_sizes", config=CONFIG, width="stretch")
    with words:
        st.markdown(_smallest(setup))
        st.caption(
            "Too small: fc6 has fewer than 7 cells to read. Canvas falls short: the net runs, but its canvas "
            "misses pixels of the image, so no crop fits. The marks are your image's sides (a triangle: "
            f"larger than {_SHOWN} px, where nothing new happens)."
        )


def _smallest(setup: Setup) -> str:
    runs, works = (alignment.smallest(setup, v) for v in (Verdict.UNCOVERED, Verdict.WORKS))
    text = f"With **{setup.pad} px** of padding the net runs on images from **{runs} px** a side on, "
    if works is None:
        return f"{text} but there is **no size that it covers**."
    text += f"and the smallest that it covers is **{works} px**."
    sides = range(works, works + 64)
    if any(alignment.verdict(setup, n) is not Verdict.WORKS for n in sides):
        text += " Of the larger ones only some work: rounding down loses rows in the others."
    return text


@st.cache_data(show_spinner=False, max_entries=16)
def _verdicts(setup: Setup) -> np.ndarray:
    """(`_SHOWN`, `MAX_PAD` + 1): the verdict on each side from 1 px and each padding from 0 px on."""
    trials = [replace(setup, pad=pad) for pad in range(MAX_PAD + 1)]
    return np.array([[alignment.verdict(t, n) for t in trials] for n in range(1, _SHOWN + 1)], np.int8)


# --- every layer


def layers(choice: Choice) -> None:
    """The table of every layer, image to crop."""
    both = nets(choice)
    if both is None:
        st.info("No layer sizes: the net does not run on this image.", icon=":material/info:")
        return
    rows = [_row(x, y) for x, y in zip(*both, strict=False)]
    st.table(pd.DataFrame(rows).set_index("Layer"))
    st.caption(_about_layers(choice.setup))


def _row(x: Step, y: Step) -> dict[str, str]:
    return {
        "Layer": x.name,
        "Reads": " + ".join(x.reads),
        "Does": _does(x, y),
        "Input": f"{x.before} × {y.before}",
        "Output": f"{x.after} × {y.after}",
        "Stride": number(x.place.stride),
        "Pixel 0 at": number(x.place.offset),
        "Sees, px": f"{layout.field(x)}",
    }


def _does(x: Step, y: Step) -> str:
    """What a layer does, in a few words: kernel, step and padding."""
    layer = x.layer
    if layer is None:
        return "" if x.kind == "image" else "sum"
    if x.kind == "crop":
        return f"cut from {-layer.pad} on"
    if x.kind == "padding":
        return f"zeros: {layer.pad_after} right, {y.layer.pad_after if y.layer else 0} below"
    pads = {layer.pad, layer.pad if layer.pad_after is None else layer.pad_after}
    text = f"{x.kind} {layer.kernel} × {layer.kernel}"
    text += f", stride {layer.stride}" if layer.stride > 1 else ""
    text += f", pad {' + '.join(map(str, sorted(pads)))}" if pads != {0} else ""
    return text + (", rounds up" if layer.ceil else "")


def _about_layers(setup: Setup) -> str:
    text = "Stride, position and field are in pixels of the image; sizes are width × height."
    if setup.backbone == "lite0":
        return (
            f"{text} Of each block, its depthwise convolution: 1 × 1 convolutions move and widen nothing. "
            "From the score layers on, positions are those that the crops assume (centred on cells)."
        )
    return f"{text} Padding beyond conv1_1's is each 3 × 3 convolution's own pixel."
