"""Transposed convolution taken apart: stamps, four ways, kernels, learning one, shift-and-stitch."""

import streamlit as st

from ui import frame, kernel_gallery, learn_live, share, shown, stitching, transposed, upsampling_inputs

page = frame.begin("Upsampling")
st.title("Upsampling, taken apart", anchor=False)
st.markdown(
    "A *deconvolution* in FCN is a **transposed convolution**: each input value stamps value × kernel "
    "into the output, and overlaps add."
)
with shown.section():
    setting = upsampling_inputs.setting(page)

st.subheader("Stamping", anchor=False)
with shown.section():
    if setting is not None:
        transposed.stamping(setting)

st.subheader("Four ways, one result", anchor=False)
with shown.section():
    if setting is not None:
        transposed.four_ways(setting)

st.subheader("Kernel gallery", anchor=False)
kernel_gallery.gallery(page)

st.subheader("Learn it live", anchor=False)
st.markdown("Gradient descent finds the kernel that brings a coarse label map back best.")
learn_live.learn(page)

st.subheader("Shift and stitch", anchor=False)
st.markdown(
    "Another way to a denser map, without new weights: shift the photo f × f times, run the network on each, "
    "and interlace the answers."
)
stitching.shift_and_stitch(page)

share.row(own=page.photo.own)
