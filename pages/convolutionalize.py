"""A dense layer is a convolution: on a toy, on digits, on your photo, and what it saves."""

from functools import partial

import streamlit as st

from ui.convolutionalize import digits, movable, photo, race, sizes, toy, vgg16
from ui.export import shown
from ui.page import frame, sections

page = frame.begin("Convolutionalize", "A dense layer is a convolution")
st.markdown(
    "A **dense layer** takes one size of input and says nothing of *where*. The same weights, read as "
    "**kernels**, take any size and answer once per cell: a **heatmap**."
)
bar = sections.bar("Numbers", "Digits", "Photo", "Move it", "VGG16", "Any size", "Race")


def same_numbers() -> None:
    """Draw the two panels that share the shapes chosen in the first."""
    layer = toy.choose()
    toy.same_numbers(layer)
    st.subheader("Where did the position go?", anchor=False)
    toy.positions(layer)


def on_digits() -> None:
    """Draw the classifier of digits, and the canvas that it runs on."""
    with shown.section():
        net = digits.classifier()
    if net is not None:
        shown.fragment(digits.canvas)(net)


bar.show(
    {
        "Numbers": shown.fragment(same_numbers),
        "Digits": on_digits,
        "Photo": partial(shown.fragment(photo.on_photo), page.photo, page.networks),
        "Move it": partial(shown.fragment(movable.movable), page.networks),
        "VGG16": partial(vgg16.dense_layers, page.photo),
        "Any size": shown.fragment(sizes.input_sizes),
        "Race": partial(race.race, page.photo, page.networks),
    }
)
frame.end(page)
