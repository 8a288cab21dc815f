"""The landing page: a real photo, segmented by three real networks, before the first click."""

import streamlit as st

from ui import frame, inputs, panels, share

page = frame.begin("FCN on your photo")
st.title("A classifier becomes a segmenter", anchor=False)
st.markdown(
    "A **fully convolutional network** says *what* on a coarse grid; **upsampling** brings the grid back to "
    "the photo, and **skips** from finer layers say *where*. From left to right the grid gets finer: watch "
    "the outline."
)
results = panels.run(page.photo, page.networks)
if results:
    panels.compare(
        page.photo,
        results,
        inputs.View("Overlay", 0.65, "Side by side", 0, 1, page.palette, inputs.isolated()),
    )
st.page_link(
    "pages/compare.py", label="Compare them closely, on your own photo", icon=":material/arrow_forward:"
)
share.row(own=page.photo.own)
st.caption(
    "After Long, Shelhamer & Darrell, *Fully Convolutional Networks for Semantic Segmentation*, CVPR 2015. "
    "Real weights, run on this machine just now. Nothing is written to disk: photos and results stay in "
    "memory, yours for your session alone."
)
