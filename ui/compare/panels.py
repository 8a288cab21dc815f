"""Panels of Compare and Start: each function draws one from the networks' results."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import render, weights
from fcnviz.geometry import SKIPS
from fcnviz.lessons.alignment.networks import parts
from fcnviz.lessons.heatmaps import sums
from fcnviz.photos import samples
from ui import paper
from ui.compare.results import Result, class_table, legend, metrics_table, network_title, single_table
from ui.components import scales
from ui.components.viewer import Panel, Viewer, ViewerOptions, viewer
from ui.export import shown
from ui.page import controls, path
from ui.page.controls import View
from ui.page.masks import Truth
from ui.running import layers, worker
from ui.running.networks import model
from ui.running.photo_cache import of_photo
from ui.state import Net, Networks, Photo

if TYPE_CHECKING:
    from fcnviz.inference import Segmentation


def describe(photo: Photo) -> None:
    """Write the photo's title, its owner, its size, and whether it was reduced."""
    text = f"{photo.title} · {photo.credit} · {photo.native[0]} × {photo.native[1]} px"
    if photo.native != photo.input.size:
        width, height = photo.input.size
        text += f", reduced to {width} × {height} px for the networks"
    about = "" if photo.own else f"  \n{samples.SAMPLES[photo.name].about}"
    st.caption(f"{text} · choose or upload another in the sidebar{about}")


def place(photo: Photo, networks: Networks) -> Viewer:
    """Draw the photo at once, and places for the results, which `compare` draws."""
    titles = ["Photo", *(network_title(weights.find(name)) for name in networks.names)]
    return viewer(photo, layers.photo_file(photo), titles, key="viewer", on_isolate=controls.isolate)


def compare(
    place: Viewer, photo: Photo, results: list[Result], view: View, truth: np.ndarray | None = None
) -> None:
    """Draw all results beside the photo, a legend that isolates a class, and the true outline."""
    width, height = photo.image.size
    panels = [Panel("Photo", f"{width} × {height} px")]
    for r in results:
        if view.view == "Spotlight":
            png, outline = layers.spotlight(photo, r.net.name, view.isolate, r.segmentation)
            panels.append(Panel(r.title, r.grid, png, outline))
        else:
            png = layers.layer(photo, r.net.name, view.view, view.palette, view.isolate, r.segmentation)
            panels.append(Panel(r.title, r.grid, png))
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
        truth=None if truth is None else layers.true_outline(photo, view.isolate, truth),
    )
    if truth is not None:
        st.caption("Dashed, black and white: the true outline, drawn by this project.")
    if view.view == "Confidence":
        scales.bar(layers.CONFIDENCE, "Softmax probability of the winning class", digits=0)


def outline_wanted(photo: Photo) -> bool:
    """Draw the switch for the true outline, where there is one; return whether it is on."""
    return not photo.own and st.toggle("True outline", key="truth", bind="query-params")


def skips(photo: Photo, results: list[Result], palette: str) -> None:
    """Draw the pixels whose label differs between neighbouring networks, with their share."""
    steps = list(itertools.pairwise(results))
    for column, (before, after) in zip(st.columns(len(steps)), steps, strict=True):
        with column:
            share = render.flipped_share(before.labels, after.labels)
            differ = f"**{100 * share:.1f} %** of the labels differ"
            st.markdown(f"**{before.title} → {after.title}** · {differ}")
            names = before.net.name, after.net.name
            picture = layers.flips(photo, names, palette, (before.labels, after.labels))
            alt = f"Pixels that {before.title} and {after.title} label differently"
            shown.picture(picture, f"flips {after.title}", width="stretch", alt=alt)
            added = SKIPS[after.stride].scorer.removeprefix("score_")
            alone = _skip_alone(photo, after.net, after.stride, after.segmentation)
            st.caption(f"The skip alone, {added} off and on in {after.title}: {100 * alone:.1f} % differ.")
    st.caption(
        "Colours: the new label; white: now background; grey: the same label. Two networks are compared, and "
        "the finer one was trained further as well: the difference is the skip *and* the training. The skip "
        "alone is one network with its last skip on and off, an ablation. pool4 and pool3 are VGG16's maps "
        "of stride 16 and 8. EfficientNet-Lite0 has no pooling: its maps of these strides play their part."
    )
    path.see("pages/heatmaps.py", "Skips", net=f"{results[-1].stride}s")


@of_photo(max_entries=32, own=2)
def _skip_alone(photo: Photo, net: Net, stride: int, _found: Segmentation) -> float:
    """Compute the share of labels that the network's last skip changes, from the scores that are there."""
    sizes = photo.input_shape, photo.shape
    without = worker.run_short(sums.labels_up_to, model(net), _found.scores, 2 * stride, *sizes)
    return render.flipped_share(without, _found.labels)


def closeup(photo: Photo, results: list[Result], palette: str, *, truth: np.ndarray | None = None) -> None:
    """Draw the window in which the networks disagree most, enlarged, for all networks."""
    top, left, height, width = render.disagreement_window([r.labels for r in results])
    cut = np.s_[top : top + height, left : left + width]
    pixels, colours = np.asarray(photo.image)[cut], render.PALETTES[palette]
    pictures = [("Photo", pixels)]
    pictures += [(r.title, render.overlay(pixels, r.labels[cut], colours, 0.6)) for r in results]
    for column, (title, picture) in zip(st.columns(len(pictures)), pictures, strict=True):
        with column:
            st.markdown(f"**{title}**")
            large = render.to_png(render.nearest(picture, 4))
            if truth is not None:
                large = _outlined(large, truth[cut])
            shown.picture(large, f"close-up {title}", width="stretch", alt=f"Close-up: {title}")
    st.caption(
        f"4× close-up of {width} × {height} px at x {left}, y {top}: where the networks disagree most. "
        "Every pixel is shown as a square."
    )


def _outlined(picture: bytes, truth: np.ndarray) -> bytes:
    """Lay the true outline over a picture that is four times as large as the label map."""
    line = Image.open(io.BytesIO(render.true_outline(render.nearest(truth, 4), thick=6))).convert("RGBA")
    under = Image.open(io.BytesIO(picture)).convert("RGBA")
    return render.to_png(np.asarray(Image.alpha_composite(under, line).convert("RGB")))


def ground_truth(results: list[Result], truth: Truth, palette: str) -> None:
    """Draw the ground truth, each network's metrics on this photo, and the paper's in another table."""
    picture, tables = st.columns([1, 3], gap="medium")
    with picture:
        st.markdown("**Ground truth**")
        png = render.label_png(truth.labels, render.PALETTES[palette])
        shown.picture(png, "ground truth", width="stretch", alt="Ground truth")
        st.caption(truth.origin)
    with tables:
        st.markdown("**This photo** · measured here, on this picture alone")
        found = {r.title: r.scored(truth.labels) for r in results}
        shown.table(single_table(found), "this_photo")
        with st.expander("IU of each class in the truth"):
            shown.table(class_table(found), "this_photo_by_class")
        st.markdown("**The paper** · another data set: VOC2011 validation, 736 photos, VGG16")
        shown.table(metrics_table(paper.voc2011_val()), "the_paper")
    st.caption(
        "IU (IoU) of the truth's classes: the mean over the classes that are in the truth. False alarms: "
        "classes that are predicted but not there. In the paper's mean IU, which is for data sets, each of "
        "them would count as IU 0, however few its pixels. Pixels labelled 255 are ignored. Paper: Long, "
        "Shelhamer & Darrell, CVPR 2015, table 2. The two tables are of different things and photos."
    )


def facts(photo: Photo, results: list[Result]) -> None:
    """Draw a table of each network's sizes, time, precision and weights."""
    import pandas as pd  # here, not above: it takes a while

    from fcnviz import bench

    medians, rows = bench.medians(), []
    for r in results:
        about = weights.find(r.net.name)
        rows.append(
            {
                "Network": r.title,
                "Backbone": about.backbone,
                "Parameters": f"{model(r.net).parameter_count:,}",
                "Input": f"{photo.input.width} × {photo.input.height}",
                "Coarse grid": r.grid,
                "Time here": r.milliseconds,
                "In the bench": f"{medians[r.net.name]:.0f} ms" if r.net.name in medians else "–",
                "Ran on": f"{r.segmentation.device}, {r.segmentation.dtype}",
                "Weights": about.origin,
                "Mean IU": _mean_iu(about),
            }
        )
    shown.table(pd.DataFrame(rows).set_index("Network"), "the_run")
    st.caption(
        "Time here: forward pass and upsampling of this photo, measured once when it ran. To compare "
        "networks, take the bench's medians, for 500 × 375 px: Evaluate, section Speed, says on which "
        "machine. Mean IU belongs to the weights, not to this photo: ours are measured by "
        "`python -m fcnviz evaluate`."
    )
    if len(results) > 1:
        st.caption(_parameters(results[0], results[-1]))


def _parameters(coarse: Result, fine: Result) -> str:
    """Say why the coarse network has more parameters than the fine one, although it has no skips."""
    nets = model(coarse.net), model(fine.net)
    (a, b), more = map(parts, nets), nets[0].parameter_count - nets[1].parameter_count
    return (
        f"{coarse.title} has {more:,} parameters more than {fine.title}: its deconvolution has {a.kernels} "
        f"kernels of {a.side} × {a.side} px, {a.deconvolutions:,} weights. Those of {fine.title} have "
        f"{b.deconvolutions:,}, and the score layers of its skips {b.scores:,}."
    )


def _mean_iu(about: weights.Weights) -> str:
    """Write the mean IU of the weights, with who measured it and on what."""
    m = about.metrics
    if m is None:
        return about.reported or "not measured"
    return f"{100 * m['mean_iu']:.1f} % · measured by us on VOC2012 {m['split']}, {m['photos']} photos"
