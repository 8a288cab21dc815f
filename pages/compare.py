"""FCN-32s, 16s and 8s on one photo: where they agree, where the skips help, and by how much."""

import streamlit as st

from ui import exports, frame, inputs, masks, panels, share

page = frame.begin("Compare")
photo, networks = page.photo, page.networks
st.title("FCN-32s, 16s and 8s on one photo", anchor=False)
panels.about(photo)

view_slot, viewer_slot = st.container(), st.container()
with viewer_slot:
    results = panels.run(photo, networks)
with view_slot:
    view = inputs.view(["Photo", *(r.title for r in results)], page.palette)
if not results:
    st.stop()
with viewer_slot:
    panels.compare(photo, results, view)

if len(results) > 1:
    st.subheader("What the skips changed", anchor=False)
    panels.skips(photo, results, view.palette)
    st.subheader("Where they disagree most", anchor=False)
    panels.closeup(photo, results, view.palette)

st.subheader("Against ground truth", anchor=False)
truth = masks.choose(photo)
if truth is not None:
    panels.truth(results, truth, view.palette)

st.subheader("The run", anchor=False)
panels.facts(photo, results, networks)

st.subheader("Take it with you", anchor=False)
exports.buttons(results, view)
share.row(own=photo.own)
