"""Panel: the image, its padding, the coarse grid and the canvas, drawn to scale."""

from collections.abc import Sequence

import streamlit as st

from fcnviz.geometry import SCORE_MAPS
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.layout import Step
from fcnviz.lessons.alignment.sizes import Setup, Verdict, verdict
from ui.alignment.controls import Choice, integer, one_of
from ui.alignment.drawing import Drawing, drawing
from ui.figures.numbers import plain
from ui.running import layers


def drawn_to_scale(choice: Choice) -> None:
    """Draw image, padding, coarse grid, canvas and crop, and the receptive field of the chosen cell."""
    steps = choice.steps()
    if steps is None:
        st.info("There is nothing to draw: the network does not run on this image.", icon=":material/info:")
        return
    names = [s.name for s in steps[0] if s.name in SCORE_MAPS.values()][::-1]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = one_of("Map", names, "a_map") if len(names) > 1 else names[0]
        grid = _named(steps[0], name), _named(steps[1], name)
        cell = _choose_cell(grid)
    canvas = _named(steps[0], choice.setup.last).after, _named(steps[1], choice.setup.last).after
    drawing(_drawing(choice, canvas, grid, cell), key="a_drawing", on_pick=_pick)
    st.caption(_about_field(choice.setup, grid[0]))


def _choose_cell(grid: tuple[Step, Step]) -> tuple[int, int]:
    """Return the cell that was typed or clicked, by default the middle one: (column, row)."""
    columns, rows = (step.after for step in grid)
    return (
        integer("Cell: column", "a_col", columns - 1, columns // 2),
        integer("Cell: row", "a_row", rows - 1, rows // 2),
    )


def _pick(column: int, row: int) -> None:
    st.session_state.update(a_col=column, a_row=row)


def _named(steps: Sequence[Step], name: str) -> Step:
    return next(s for s in steps if s.name == name)


def _drawing(
    choice: Choice, canvas: tuple[int, int], grid: tuple[Step, Step], cell: tuple[int, int]
) -> Drawing:
    (width, height), setup, photo = choice.size, choice.setup, choice.photo
    pad, crop = setup.padding, setup.crops.final
    outer = [n + 2 * pad + -n % setup.multiple for n in choice.size]
    return Drawing(
        image=(0, 0, width, height),
        padded=(-pad, -pad, outer[0], outer[1]),
        canvas=(-crop, -crop, *canvas),
        grid=grid,
        cell=cell,
        photo=layers.photo_file(photo) if choice.size == photo.input.size else None,
        legend=_legend(choice, canvas, grid),
    )


def _legend(choice: Choice, canvas: tuple[int, int], grid: tuple[Step, Step]) -> list[tuple[str, str, str]]:
    (width, height), setup, crop = choice.size, choice.setup, choice.setup.crops.final
    stride = plain(grid[0].place.stride)
    begins = f"{crop} px before the image" if crop >= 0 else f"{-crop} px inside the image"
    covered = all(verdict(setup, n) is Verdict.WORKS for n in choice.size)
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
            f"{plain(shift)} px right and down, which its crops do not know and its learned kernels absorb."
        )
    return f"{text}; beyond the image it reads zeros, its own padding's or a later layer's."
