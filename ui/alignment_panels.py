"""The alignment page's panels: the drawing, the crops, the sizes that work, the table of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import alignment, layout
from fcnviz.alignment import CROPS, MAX_PAD, Derivation, Setup, Verdict
from fcnviz.layout import Step
from ui import alignment_figures as figures
from ui import cache, shown
from ui.alignment import Choice, integer, one_of
from ui.alignment_drawing import Drawing, drawing
from ui.alignment_figures import number

_SHOWN = 320  # image sides in the map of what works


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
        name = one_of("Map", names, "a_map") if len(names) > 1 else names[0]
        grid = _named(both[0], name), _named(both[1], name)
        cell = _cell(grid)
    drawing(_drawn(choice, both, grid, cell), key="a_drawing", on_pick=_pick)
    st.caption(_about_field(choice.setup, grid[0]))


def _cell(grid: tuple[Step, Step]) -> tuple[int, int]:
    """The cell that is typed or was clicked; by default the middle one."""
    column, row = (
        integer(label, key, step.after - 1, step.after // 2)
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
    covered = all(alignment.verdict(setup, n) is Verdict.WORKS for n in choice.size)
    entries = [
        ("image", "Image", f"{width} × {height} px{', and what the crop leaves' * covered}."),
        ("padding", "Zero padding", _about_padding(choice)),
        ("grid", grid[0].name, f"{grid[0].after} × {grid[1].after} cells, one every {stride} px."),
        ("canvas", f"Canvas ({setup.last})", f"{canvas[0]} × {canvas[1]} px; it begins {begins}."),
    ]
    if not covered:
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
        shown.chart(figures.offsets(chosen, moves), "a_offsets")
        st.caption(
            "Where the centre of each map's pixel 0 lies over the image. The arrow is the crop: from the map "
            "that is cut to the one it must lie over."
        )
    with numbers:
        shown.table(_moves_table(moves), "a_moves")
        st.caption(_about_moves(setup, name))


def _equation(d: Derivation) -> str:
    onto = "the image" if d.onto == "image" else d.onto
    source, reference = number(d.source.offset), number(d.reference.offset)
    stride, apart = number(d.source.stride), number(d.apart)
    minus = f"({source})" if d.source.offset < 0 else source
    return (
        f"**{d.name}** has stride {stride} and its pixel 0 at **{source}**; {onto} has stride "
        f"{number(d.reference.stride)} and its pixel 0 at **{reference}**. Difference / stride:\n\n"
        f"##### ({reference} − {minus}) / {stride} = {apart} / {stride} = {number(d.pixels)}"
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
    apart = f"{number(exact.apart)} px / {number(exact.source.stride)} = {number(exact.pixels)} pixels"
    return (
        "A negative crop cuts the other map. The crops take the maps as centred on their cells. Walked layer "
        f"by layer, their true centres give {apart} here"
        + (": not a whole number, so no crop aligns them." if exact.pixels.denominator > 1 else ".")
    )


# --- which sizes work


def sizes(choice: Choice) -> None:
    """Image side against padding: what works, what does not."""
    setup = choice.setup
    if setup.backbone == "lite0":
        st.markdown(f"All, from 1 × 1 px on: the image is rounded up to whole cells of {setup.multiple} px.")
        return
    picture, words = st.columns([3, 2], gap="large", vertical_alignment="center")
    with picture:
        figure = figures.sizes(_verdicts(setup), (setup.pad, sorted(set(choice.size))))
        shown.chart(figure, "a_sizes")
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
    shown.table(pd.DataFrame(rows).set_index("Layer"), "a_layers")
    st.caption(_about_layers(choice.setup))


def _row(x: Step, y: Step) -> dict[str, str]:
    return {
        "Layer": x.name,
        "Reads": " + ".join(x.reads),
        "Does": _does(x, y),
        "Input": f"{x.before}\u00a0×\u00a0{y.before}",  # not broken over two lines
        "Output": f"{x.after}\u00a0×\u00a0{y.after}",
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
