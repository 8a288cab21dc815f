"""Panel: FCN adds a skip's scores, U-Net concatenates its features: shapes and parameters of both."""

import pandas as pd
import streamlit as st

from fcnviz.lessons.history import joins
from fcnviz.lessons.history.joins import CLASSES, Join
from ui.export import shown
from ui.state import Photo

_BACKBONES = ("lite0", "vgg16")


def add_or_concatenate(photo: Photo) -> None:
    """Tabulate both ways at stride 16 and 8 for the chosen backbone."""
    st.markdown(
        f"**FCN adds**: a 1 × 1 convolution makes {CLASSES} scores of the skip's features, and they are "
        "added to the coarse scores. **U-Net concatenates**: all features of the skip are put behind the "
        "upsampled ones, and two 3 × 3 convolutions read both."
    )
    backbone = st.segmented_control(
        "Backbone", _BACKBONES, default=_BACKBONES[0], required=True, key="h_backbone", bind="query-params"
    )
    backbone = backbone or _BACKBONES[0]  # ?h_backbone= chooses none, although it is required
    found, sizes = joins.joins(backbone), joins.grids(backbone, photo.input.size)
    rows = [row for join in found for row in _rows(join, sizes[join.stride])]
    shown.table(pd.DataFrame(rows).set_index("Join"), "history_joins")
    ratios = ", ".join(f"**{j.ratio:,.0f} ×** at stride {j.stride}" for j in found)
    st.markdown(f"U-Net's way has {ratios} as many parameters.")
    st.caption(_formula(found[0]))
    st.caption(
        "Counted on real layers, on the maps of this photo. Nothing is trained here: whether the larger join "
        "labels better, this page does not show."
    )


def _rows(join: Join, size: tuple[int, int]) -> list[dict[str, str]]:
    grid = f"{size[0]}\u00a0×\u00a0{size[1]}"
    return [
        {
            "Join": f"FCN adds, stride {join.stride}",
            "From the skip": f"{grid}\u00a0×\u00a0{CLASSES}",
            "Joined": f"{grid}\u00a0×\u00a0{CLASSES}",
            "Parameters": f"{join.adds:,}",
        },
        {
            "Join": f"U-Net concatenates, stride {join.stride}",
            "From the skip": f"{grid}\u00a0×\u00a0{join.features}",
            "Joined": f"{grid}\u00a0×\u00a0{2 * join.features}",
            "Parameters": f"{join.concatenates:,}",
        },
    ]


def _formula(join: Join) -> str:
    c, f = join.coarse, join.features
    return (
        f"Stride {join.stride}, in words. Adding: {f} weights and a bias for each of the {CLASSES} scores, "
        f"and the 2× deconvolution of the coarse scores. Concatenating: a 2 × 2 up-convolution of {c:,} "
        f"coarse features to {f}, a 3 × 3 convolution of {f} + {f} features to {f}, another of {f} to {f}, "
        "each with biases. U-Net's own maps have other numbers of channels: here its step joins this "
        "backbone's maps."
    )
