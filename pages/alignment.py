"""Padding, strides and crops: where every pixel of every map lies over the image. Pure arithmetic."""

import streamlit as st

from ui import alignment, alignment_panels, frame, share

page = frame.begin("Alignment")
st.title("From the image to the grid and back", anchor=False)
choice = alignment.choose(page.photo)

st.subheader(alignment.question(choice.setup), anchor=False)
alignment.answer(choice)

st.subheader("Drawn to scale", anchor=False)
alignment_panels.scale(choice)

st.subheader("Where each crop comes from", anchor=False)
alignment_panels.derivation(choice.setup)

st.subheader("Which image sizes work", anchor=False)
alignment_panels.sizes(choice)

st.subheader("Every layer", anchor=False)
alignment_panels.layers(choice)

share.row(own=page.photo.own)
