"""The coarse scores before upsampling, next to what each way of upsampling makes of them."""

from functools import partial

import streamlit as st

from ui.compare import panels
from ui.compare.results import run_networks
from ui.heatmaps import border, certainty, choice, dense, kernels, pixel, skips
from ui.page import frame, masks, sections

page = frame.begin("Heatmaps", "Scores before and after upsampling")
panels.describe(page.photo)
bar = sections.bar("Dense", "Border", "Skips", "Pixel", "Kernels", "Certainty")
results = run_networks(page.photo, page.networks)
if not results:
    st.stop()
with bar.controls:
    chosen = choice.choose(page.photo, results)
bar.show(
    {
        "Dense": partial(dense.dense, chosen),
        "Border": partial(border.border, chosen),
        "Skips": partial(skips.equations, chosen, page.palette),
        "Pixel": partial(pixel.probe, chosen, page.palette),
        "Kernels": partial(kernels.gallery, chosen),
        "Certainty": lambda: certainty.maps(chosen, masks.bundled(page.photo), page.palette),
    }
)
frame.end(page, bar.open)
