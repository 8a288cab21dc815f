"""The page's controls, and its answer to "Why pad 100, and why crop 19?". No network runs here."""

from dataclasses import dataclass

import streamlit as st

from fcnviz.lessons.alignment import layout, sizes
from fcnviz.lessons.alignment.layout import Step
from fcnviz.lessons.alignment.sizes import MAX_PAD, MAX_SIDE, Setup, Verdict
from ui.figures.numbers import plain
from ui.page.controls import number_binding
from ui.state import Photo


@dataclass(frozen=True, eq=False)
class Choice:
    """The values of the controls.

    Attributes:
        setup: the network.
        size: (width, height) of the image in pixels.
        photo: the photo chosen in the sidebar.
    """

    setup: Setup
    size: tuple[int, int]
    photo: Photo

    def steps(self) -> tuple[list[Step], list[Step]] | None:
        """Compute the network's steps along width and height; None if it does not run on this image."""
        try:
            width, height = (layout.steps(self.setup, n) for n in self.size)
        except ValueError:
            return None
        return width, height


def choose(photo: Photo) -> Choice:
    """Draw the controls."""
    with st.container(horizontal=True, gap="small"):
        backbone = one_of("Backbone", ["vgg16", "lite0"], "a_backbone")
        lite0 = backbone == "lite0"
        net = one_of("Network", ["32s", "16s", "8s"], "net")
        width = integer("Image width, px", "a_width", MAX_SIDE, photo.input.width, first=1)
        height = integer("Image height, px", "a_height", MAX_SIDE, photo.input.height, first=1)
        label, about = "Padding, px", "Zeros that conv1_1 puts around the image. The authors': 100."
        pad = st.slider(
            label, 0, MAX_PAD, 100, key="a_pad", bind="query-params", width=170, disabled=lite0, help=about
        )
        rounds = one_of("Pooling rounds", ["Up", "Down"], "a_pooling", disabled=lite0)
    if lite0:
        st.caption(
            "lite0 has no pooling, and each of its layers pads itself: padding and rounding are VGG16's."
        )
    return Choice(Setup(backbone, int(net[:-1]), pad, rounds == "Up"), (width, height), photo)


def one_of(label: str, options: list[str], key: str, *, disabled: bool = False) -> str:
    """Draw a choice that the link holds, by default the first."""
    chosen = st.segmented_control(
        label, options, default=options[0], required=True, key=key, bind="query-params", disabled=disabled
    )
    return chosen or options[0]  # an empty parameter chooses none, although it is required


def integer(label: str, key: str, most: int, default: int, *, first: int = 0) -> int:
    """Draw a field for a number; while it is empty, it shows the default, which is returned."""
    value = st.number_input(
        label, first, most, None, 1, key=key, bind=number_binding(key), placeholder=f"{default}", width=135
    )
    return default if value is None else int(value)


# --- the answer


def answer(choice: Choice) -> None:
    """Draw two sentences and the derived numbers in them, and warnings if the settings do not work."""
    setup = choice.setup
    words, numbers = _lite0_answer(setup) if setup.backbone == "lite0" else vgg16_answer(setup)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    left.markdown(words)
    with right.container(horizontal=True, gap="medium"):
        for label, value in numbers:
            st.metric(label, value, width="content")
    _warn(choice)


def vgg16_answer(setup: Setup) -> tuple[str, list[tuple[str, str]]]:
    """Say why the padding and why the crop, in words, and as (label, number) of what is derived."""
    crop, reach = setup.crops.final, setup.pad - setup.crops.final
    least = sizes.least_pad(setup)
    suits = f"suits every image, even 1 × 1 px, from {least} px on"
    if least is None:
        suits = "does not suit every image size, as pooling rounds down"
    begins = f"{crop} px before the image, which are cut off"
    if crop < 0:
        begins = f"{-crop} px inside the image: there is nothing to cut, and those pixels get no score"
    words = (
        f"**Why pad 100?** fc6 reads 7 × 7 cells at once, so the network loses a wide border: its upsampled "
        f"canvas reaches the image's first pixel only from {reach} px of padding on, and {suits}; "
        f"the authors took 100.\n\n"
        f"**Why crop {plain(crop)}?** With {reach} px of padding the canvas would begin exactly at the "
        f"image's first pixel, so with {setup.pad} px it begins {begins}."
    )
    return words, [
        ("To reach the image", f"{reach} px"),
        ("For any image size", f"{least} px" if least else "none"),
        ("Crop", f"{setup.pad} − {reach} = {plain(crop)}"),
    ]


def _lite0_answer(setup: Setup) -> tuple[str, list[tuple[str, str]]]:
    crop, stride = setup.crops.final, setup.stride
    words = (
        "**Why no padding?** Each of lite0's layers pads itself, so every cell has its own pixels of the "
        f"image, and the image is only rounded up to whole cells of {setup.multiple} px.\n\n"
        f"**Why crop {crop}?** The last deconvolution's kernel is {2 * stride} px wide for cells of {stride} "
        f"px: it overhangs the first cell by half a cell, {crop} px, and that is cut off."
    )
    return words, [
        ("Kernel", f"{2 * stride} px"),
        ("Cell", f"{stride} px"),
        ("Crop", f"({2 * stride} − {stride}) / 2 = {crop}"),
    ]


def _warn(choice: Choice) -> None:
    """Write what does not work with these settings, and what would."""
    setup, reach = choice.setup, choice.setup.pad - choice.setup.crops.final
    if setup.padding < reach and setup.backbone == "vgg16":
        st.warning(
            f"The canvas begins {reach - setup.pad} px inside the image, so no crop fits. "
            f"Raise the padding to {reach} px or more.",
            icon=":material/warning:",
        )
    for label, n in zip(("Width", "Height"), choice.size, strict=True):
        verdict = sizes.verdict(setup, n)
        if verdict is Verdict.TOO_SMALL:
            st.error(f"{label}: {_too_small(setup, n)}", icon=":material/error:")
        elif verdict is Verdict.UNCOVERED and setup.pad >= reach:
            st.warning(f"{label}: {_cut_short(setup, n)}", icon=":material/warning:")


def _too_small(setup: Setup, n: int) -> str:
    try:
        layout.steps(setup, n)
    except ValueError as error:
        return f"{error} Type that or more, or raise the padding."
    raise AssertionError(f"{n} px is not too small")


def _cut_short(setup: Setup, n: int) -> str:
    canvas = layout.steps(setup, n)[-1]
    _, after = sizes.missing(setup, n, canvas.after)
    larger = sizes.smallest(setup, start=n)
    return (
        f"rounding down loses rows of {n} px, and the canvas ends {after} px before the image, so no crop "
        "fits. Let pooling round up" + (f", or type {larger}." if larger else ".")
    )
