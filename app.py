"""The landing page: a photo on its way through the network, before the first click."""

import streamlit as st

from ui.compare import panels
from ui.page import frame, path
from ui.page.frame import Uses
from ui.page.privacy import PROMISE
from ui.start import hero

page = frame.begin(
    "FCN on your photo",
    "A classifier becomes a segmenter",
    Uses(upload=True),
    lead="**Semantic segmentation**: each pixel gets one of 21 classes. Follow a photo through the network.",
)
hero.show(page)
panels.describe(page.photo)
st.page_link(
    "pages/compare.py", label="Compare the three networks side by side", icon=path.of("pages/compare.py").icon
)
st.caption(
    "After Long, Shelhamer & Darrell, *Fully Convolutional Networks for Semantic Segmentation*, CVPR 2015. "
    "The networks are EfficientNet-Lite0 with weights trained by this project, not the paper's VGG16; they "
    f"have just run on this machine. {PROMISE}"
)
frame.end(page)
