"""Panel: which input sizes each network takes, and how large its output is."""

from dataclasses import replace
from math import prod

import pandas as pd
import streamlit as st
import torch
from torch import nn

from fcnviz import geometry
from fcnviz.backbones.vgg16 import chain as vgg16_chain
from fcnviz.lessons.convolutionalize import fc6, imagenet
from ui.components.grids import grids
from ui.convolutionalize import figures
from ui.export import shown

SIDES = (192, 224, 256, 320, 384, 500, 512, 640, 800, 1024)
_START = (224, 256, 320, 384, 500)


def input_sizes() -> None:
    """Tabulate the outputs for some input sizes, and draw the windows of the largest."""
    chosen = sorted(
        st.pills(
            "Square inputs, px",
            SIDES,
            selection_mode="multi",
            default=_START,
            key="conv_sizes",
            bind="query-params",
        )
    )
    if not chosen:
        st.info("Pick at least one size.")
        return
    shown.frame(pd.DataFrame(map(_row, chosen)), "conv_sizes", hide_index=True, width="stretch")
    st.caption(
        "Dense VGG16 is the paper's: flatten pool5, then fc6, tried here on layers that have shapes but no "
        "numbers. (torchvision's VGG16 first pools any map to 7 × 7, and EfficientNet-Lite0 averages the "
        "whole map: both take other sizes, yet answer once for the whole picture.)"
    )
    _draw_windows(chosen[-1])


def _row(side: int) -> dict[str, str]:
    def grid(n: int) -> str:
        return f"{n} × {n}" if n > 0 else "too small"

    refusal = _refusal(side)
    return {
        "input": f"{side} × {side}",
        "VGG16, dense": "1,000 scores" if refusal is None else f"refuses: {refusal}",
        "VGG16, convolutional": grid(_output(_classifier(), side)),
        "VGG16 as FCN (pad 100)": grid(_output(vgg16_chain(), side)),
        "Lite0, convolutional": grid(imagenet.grid(side)),
        "Lite0 as FCN": grid(-(-side // 32)),
    }


def _classifier() -> list[geometry.Layer]:
    """VGG16 as a classifier: conv1_1 is padded by 1, and pooling rounds down."""
    return [replace(layer, ceil=False) for layer in vgg16_chain(pad=1)]


def _field() -> int:
    """Compute the side in px of the receptive field of a cell of VGG16's."""
    return int(geometry.place(_classifier()).field)


def _output(chain: list[geometry.Layer], side: int) -> int:
    """Side of the output in cells; 0 if the input is too small."""
    try:
        return geometry.size(chain, side)
    except ValueError:
        return 0


def _refusal(side: int) -> str | None:
    """Say why fc6 as a dense layer refuses the pool5 map of this input; None if it takes it."""
    n = _output(_classifier()[:-2], side)
    dense = nn.Linear(prod(fc6.POOL5), 4096, device="meta")
    try:
        dense(torch.empty(1, fc6.POOL5[0] * n * n, device="meta"))
    except RuntimeError:
        return f"{fc6.POOL5[0] * n * n:,} values, not {dense.in_features:,}"
    return None


def _draw_windows(side: int) -> None:
    grid, window = _output(_classifier(), side), imagenet.CROP
    if not grid:
        return
    picture, words = st.columns([2, 3], gap="large", vertical_alignment="center")
    with picture:
        grids(figures.window_places(side, grid, window, imagenet.STRIDE), "conv_windows")
    with words:
        st.markdown(
            f"**The extra cells of {side} × {side}.** Each of VGG16's {grid} × {grid} cells belongs to a "
            f"window of {window} × {window} px, {imagenet.STRIDE} px further than its neighbour's. Solid: "
            "the first window; dashed: the one to its right; dotted: the last. Dots: their centres."
        )
        st.markdown(
            f"**{window} px, or more?** The classifier alone sees zeros around its window; as a convolution, "
            f"a cell sees what is there, up to **{_field()} px** in VGG16 and **{imagenet.field()} px** in "
            "EfficientNet-Lite0, its average over 7 × 7 cells included (theoretical receptive fields, "
            "computed layer by layer). So a cell need not equal its window's answer. How far it is off is "
            "measured in the section Photo for EfficientNet-Lite0, but not for VGG16: its ImageNet weights "
            "are not bundled. What a cell uses in fact is less: the effective field, measured there too."
        )
