"""The coarse scores before upsampling, next to what each way of upsampling makes of them."""

import streamlit as st

from ui import certainty, frame, heatmaps, kernels, masks, panels, pixel, share, skips

page = frame.begin("Heatmaps")
st.title("The coarse scores, before and after upsampling", anchor=False)
panels.about(page.photo)
toolbar = st.container()
results = panels.run(page.photo, page.networks)
if not results:
    st.stop()
with toolbar:
    choice = heatmaps.choose(page.photo, results, page.networks)

st.subheader("Coarse → dense", anchor=False)
heatmaps.dense(choice)

st.subheader("The border", anchor=False)
st.markdown(
    "A deconvolution with the bilinear kernel **is** bilinear interpolation, except near its canvas's edge."
)
heatmaps.border(choice)

st.subheader("Skip arithmetic", anchor=False)
skips.equations(choice, page.palette)

st.subheader("Why this pixel?", anchor=False)
pixel.probe(choice, page.palette)

st.subheader("The kernels", anchor=False)
kernels.gallery(choice)

st.subheader("Where is it unsure?", anchor=False)
certainty.maps(choice, masks.bundled(page.photo), page.palette)

share.row(own=page.photo.own)
