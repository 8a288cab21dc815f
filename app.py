"""The landing page: a real photo, segmented by three real networks, before the first click."""

import streamlit as st

from ui.compare import panels
from ui.compare.results import run_networks
from ui.page import controls, frame
from ui.page.privacy import PROMISE

page = frame.begin("FCN on your photo", "A classifier becomes a segmenter")
st.markdown(
    "A **fully convolutional network** says *what* on a coarse grid; **upsampling** brings the grid back to "
    "the photo, and **skips** from finer layers say *where*. Each pixel gets one of 21 classes. From left to "
    "right the grid gets finer: watch the outline."
)
viewer = panels.place(page.photo, page.networks)
results = run_networks(page.photo, page.networks)
if results:
    panels.compare(viewer, page.photo, results, controls.View(page.palette, controls.isolated()))
st.caption(
    "After Long, Shelhamer & Darrell, *Fully Convolutional Networks for Semantic Segmentation*, CVPR 2015. "
    "The networks are EfficientNet-Lite0 with weights trained by this project, not the paper's VGG16; they "
    f"have just run on this machine. {PROMISE}"
)
frame.end(page)
