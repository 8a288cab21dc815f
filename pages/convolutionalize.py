"""A dense layer is a convolution: on a toy, on digits, on your photo, and what it saves."""

import streamlit as st

from ui import convolution, convolution_costs, convolution_digits, convolution_photo, frame, share, shown

page = frame.begin("Convolutionalize")
photo, networks = page.photo, page.networks
st.title("A dense layer is a convolution", anchor=False)
st.markdown(
    "A classifier ends in **dense layers**, which take one size of input and say nothing of *where*. Read "
    "the same weights as **kernels**, and it takes any size and answers once a window: a **heatmap**."
)


@shown.fragment
def toy() -> None:
    """The first two panels share the shapes that are chosen in the first."""
    st.subheader("The same numbers", anchor=False)
    shapes = convolution.toy()
    convolution.same_numbers(shapes)
    st.subheader("Where did the position go?", anchor=False)
    convolution.positions(shapes)


toy()
st.subheader("Digits: (4, 4, 16) → 10, for real", anchor=False)
with shown.section():
    net = convolution_digits.classifier()
with shown.section():
    if net is not None:
        shown.fragment(convolution_digits.canvas)(net)

st.subheader("Your photo, 1,000 classes", anchor=False)
shown.fragment(convolution_photo.on_photo)(photo, networks)

st.subheader("VGG16’s fc6: 102,760,448 weights", anchor=False)
with shown.section():
    convolution_costs.vgg16(photo)

st.subheader("Any input size", anchor=False)
shown.fragment(convolution_costs.sizes)()

st.subheader("The race", anchor=False)
convolution_costs.the_race(photo, networks)

share.row(own=photo.own)
