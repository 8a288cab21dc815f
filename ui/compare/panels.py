"""Panels of Compare and Start: each function draws one from the networks' results."""

import itertools

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import render, weights
from fcnviz.geometry import SKIPS
from ui import paper
from ui.compare.results import Result, legend, metrics_table, network_title
from ui.components import scales
from ui.components.viewer import Panel, Viewer, ViewerOptions, viewer
from ui.export import shown
from ui.page import controls
from ui.page.controls import View
from ui.page.masks import Truth
from ui.running import layers
from ui.running.networks import model
from ui.state import Networks, Photo


def describe(photo: Photo) -> None:
    """Write the photo's title, its owner, its size, and whether it was reduced."""
    text = f"{photo.title} · {photo.credit} · {photo.native[0]} × {photo.native[1]} px"
    if photo.native != photo.image.size:
        width, height = photo.image.size
        text += f", reduced to {width} × {height} px for the networks"
    st.caption(f"{text} · choose or upload another in the sidebar")


def place(photo: Photo, networks: Networks) -> Viewer:
    """Draw the photo at once, and places for the results, which `compare` draws."""
    titles = ["Photo", *(network_title(weights.find(name)) for name in networks.names)]
    return viewer(photo, layers.photo_file(photo), titles, key="viewer", on_isolate=controls.isolate)


def compare(place: Viewer, photo: Photo, results: list[Result], view: View) -> None:
    """Draw all results beside the photo, with a legend that isolates a class."""
    width, height = photo.image.size
    panels = [Panel("Photo", f"{width} × {height} px")]
    for r in results:
        png = layers.layer(photo, r.net.name, view.view, view.palette, view.isolate, r.segmentation)
        panels.append(Panel(r.title, f"{r.grid} · {r.milliseconds}", png))
    place.show(
        panels,
        options=ViewerOptions(
            opacity=view.opacity if view.view in controls.BLENDED else 1.0,
            layout="swipe" if view.layout == "Swipe" else "grid",
            left=view.left,
            right=view.right,
            under=view.view != "Labels",
            isolate=view.isolate,
        ),
        legend=legend(results, view.palette),
    )
    if view.view == "Confidence":
        scales.bar(layers.CONFIDENCE, "Softmax probability of the winning class", digits=0)


def skips(photo: Photo, results: list[Result], palette: str) -> None:
    """Draw the pixels whose label each skip changed, with their share."""
    steps = list(itertools.pairwise(results))
    for column, (before, after) in zip(st.columns(len(steps)), steps, strict=True):
        with column:
            share = render.flipped_share(before.labels, after.labels)
            added = SKIPS[after.stride].scorer.removeprefix("score_")
            flipped = f"**{100 * share:.1f} %** of the pixels"
            st.markdown(f"**{before.title} → {after.title}** · adding {added} flips {flipped}")
            names = before.net.name, after.net.name
            picture = layers.flips(photo, names, palette, (before.labels, after.labels))
            alt = f"Pixels that adding {added} flips"
            shown.picture(picture, f"flips {after.title}", width="stretch", alt=alt)


def closeup(photo: Photo, results: list[Result], palette: str) -> None:
    """Draw the window in which the networks disagree most, four times enlarged, for all of them."""
    top, left, height, width = render.disagreement_window([r.labels for r in results])
    cut = np.s_[top : top + height, left : left + width]
    pixels, colours = np.asarray(photo.image)[cut], render.PALETTES[palette]
    pictures = [("Photo", pixels)]
    pictures += [(r.title, render.overlay(pixels, r.labels[cut], colours, 0.6)) for r in results]
    for column, (title, picture) in zip(st.columns(len(pictures)), pictures, strict=True):
        with column:
            st.markdown(f"**{title}**")
            large = render.to_png(render.nearest(picture, 4))
            shown.picture(large, f"close-up {title}", width="stretch", alt=f"Close-up: {title}")
    st.caption(
        f"4× close-up of {width} × {height} px at x {left}, y {top}: where the networks disagree most. "
        "Every pixel is shown as a square."
    )


def ground_truth(results: list[Result], truth: Truth, palette: str) -> None:
    """Draw the ground truth, each network's metrics on this photo, and the paper's in another table."""
    picture, tables = st.columns([1, 2], gap="medium")
    with picture:
        st.markdown("**Ground truth**")
        png = render.label_png(truth.labels, render.PALETTES[palette])
        shown.picture(png, "ground truth", width="stretch", alt="Ground truth")
        st.caption(truth.origin)
    with tables:
        st.markdown("**This photo** · measured here, on this picture alone")
        shown.table(metrics_table({r.title: r.metric_values(truth.labels) for r in results}), "this_photo")
        st.markdown("**The paper** · another data set: VOC2011 validation, 736 photos, VGG16")
        shown.table(metrics_table(paper.voc2011_val()), "the_paper")
    st.caption(
        "Means run over the classes that occur in the truth or in the prediction; a class that is predicted "
        "but not there has IU 0. Pixels labelled 255 count for nobody. Paper: Long, Shelhamer & Darrell, "
        "CVPR 2015, table 2. One photo is an anecdote: the two tables are not comparable number by number."
    )


def facts(photo: Photo, results: list[Result]) -> None:
    """Draw a table of each network's sizes, time, precision and weights."""
    rows = []
    for r in results:
        about = weights.find(r.net.name)
        rows.append(
            {
                "Network": r.title,
                "Backbone": about.backbone,
                "Parameters": f"{model(r.net).parameter_count:,}",
                "Input": f"{photo.image.width} × {photo.image.height}",
                "Coarse grid": r.grid,
                "Time": r.milliseconds,
                "Ran on": f"{r.segmentation.device}, {r.segmentation.dtype}",
                "Weights": about.origin,
                "Mean IU": _mean_iu(about),
            }
        )
    shown.table(pd.DataFrame(rows).set_index("Network"), "the_run")
    st.caption(
        "Time: forward pass and upsampling of this photo, measured once when it ran. Mean IU belongs to the "
        "weights, not to this photo: ours are measured by `python -m fcnviz evaluate` (Evaluate says how)."
    )


def _mean_iu(about: weights.Weights) -> str:
    """Write the mean IU of the weights, with who measured it and on what."""
    m = about.metrics
    if m is None:
        return about.reported or "not measured"
    return f"{100 * m['mean_iu']:.1f} % · measured by us on VOC2012 {m['split']}, {m['photos']} photos"
