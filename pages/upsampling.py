"""Transposed convolution taken apart: stamps, four ways, kernels, learning one, shift-and-stitch."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.export import shown
from ui.page import frame, sections
from ui.upsampling import bound, gallery, inputs, learn, sliding, stamping, stitching

page = frame.begin("Upsampling", "Upsampling, taken apart")
st.markdown(
    "A *deconvolution* in FCN is a **transposed convolution**: each input value stamps value × kernel "
    "into the output, and overlaps add. It is the transpose of a convolution, not its inverse."
)
bar = sections.bar(
    "Stamping", "Pad and convolve", "Four ways", "Kernels", "Learn it", "Shift and stitch", "Upper bound"
)


def with_setting(draw: Callable[[inputs.Setting], object]) -> None:
    """Draw the choice of input and kernel, and a panel about them."""
    with shown.section():
        setting = inputs.setting(page)
    if setting is not None:
        draw(setting)


bar.show(
    {
        "Stamping": partial(with_setting, stamping.stamping),
        "Pad and convolve": partial(with_setting, sliding.sliding),
        "Four ways": partial(with_setting, stamping.four_ways),
        "Kernels": partial(gallery.gallery, page),
        "Learn it": partial(learn.learn, page),
        "Shift and stitch": partial(stitching.shift_and_stitch, page),
        "Upper bound": partial(bound.upper_bound, page),
    }
)
frame.end(page)
