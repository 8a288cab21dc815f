"""Panel: the upper bound by stride, beside what the networks reach."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import render
from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import WITHIN, Single, single
from fcnviz.lessons.upsampling import upper_bound as lesson
from fcnviz.photos import images, voc
from ui.compare.results import SINGLE, Result, run_networks
from ui.components.viewer import Panel, ViewerOptions, viewer
from ui.export import shown
from ui.figures.numbers import percent
from ui.page import masks
from ui.page.frame import Inputs
from ui.page.masks import Truth
from ui.running import layers, worker
from ui.running.photo_cache import of_photo
from ui.state import Photo


def upper_bound(page: Inputs) -> None:
    """Draw the truth reduced to grids of several strides and upsampled again, and score it."""
    results = run_networks(page.photo, page.networks)
    if not results:
        return
    truth = masks.bundled(page.photo)
    truth = truth or Truth(results[-1].labels, f"{results[-1].title}'s own labels: your photo has no truth")
    if len(set(np.unique(truth.labels)) - {voc.VOID}) < 2:
        st.info(
            "These labels hold fewer than two classes, so there is no outline to lose. Choose another photo."
        )
        return
    st.markdown(
        "**What can a grid of this stride give at best?** The true labels are reduced to the most frequent "
        "class of each cell, and upsampled again by a bilinear deconvolution."
    )
    size = page.photo.input.size
    truth = replace(truth, labels=images.resize_labels(truth.labels, size))
    made = {s: _reduced(page.photo, s, truth.origin, truth.labels, page.palette) for s in lesson.STRIDES}
    found = {s: labels for s, (labels, _) in made.items()}
    scores = {s: single(measure(labels, truth.labels)) for s, labels in found.items()}
    _pictures(page.photo, {s: layer for s, (_, layer) in made.items()}, scores)
    shown.table(table(scores, {} if page.photo.own else _reached(results, truth)), "upper_bound")
    st.caption(
        f"{SINGLE[1]}, and the share labelled right {SINGLE[2].lower()}. Labels: {truth.origin}, at the size "
        f"of the networks' input, {size[0]} × {size[1]} px. Cells vote for one class each; a network's "
        "scores are finer than votes, so this is what the grid allows, not a strict limit. "
        f"{_verdict(scores, results, truth, own=page.photo.own)}"
    )


@of_photo(max_entries=60, own=10, show_spinner="Reducing the labels …")
def _reduced(
    photo: Photo, stride: int, origin: str, _labels: np.ndarray, palette: str
) -> tuple[np.ndarray, bytes]:
    """Reduce labels, and draw them as a PNG; `photo` and `origin` are keys of the cache."""
    labels = worker.run_short(lesson.reduced, _labels, stride)
    return labels, render.layer(labels, render.PALETTES[palette], outline=True)


def _reached(results: list[Result], truth: Truth) -> dict[int, tuple[str, Single]]:
    """The scores of each network, by its stride, in px of the input as the grids."""
    return {r.stride: (r.title, _scored(r, truth)) for r in results}


def _scored(result: Result, truth: Truth) -> Single:
    size = truth.labels.shape[1], truth.labels.shape[0]
    return single(measure(images.resize_labels(result.labels, size), truth.labels))


def _pictures(photo: Photo, drawn: dict[int, bytes], scores: dict[int, Single]) -> None:
    coarse = list(drawn.items())[:3]  # finer ones look like the truth
    panels = [Panel(f"Stride {s}", f"IU {percent(scores[s].mean_iu)}", layer) for s, layer in coarse]
    place = viewer(photo, layers.photo_file(photo), [p.title for p in panels], key="bound")
    place.show(panels, options=ViewerOptions())


def table(scores: dict[int, Single], reached: dict[int, tuple[str, Single]]) -> pd.DataFrame:
    """Tabulate the IU of the truth's classes and the accuracy near boundaries, at best and as reached."""
    rows = {}
    for stride, best in scores.items():
        name, network = reached.get(stride, ("", None))
        rows[str(stride)] = {
            "Best IU": percent(best.mean_iu),
            f"Best within {WITHIN} px": percent(best.near),
            "Network": name or "–",
            "Its IU": percent(network.mean_iu) if network else "–",
            f"Its within {WITHIN} px": percent(network.near) if network else "–",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Stride")


def _verdict(scores: dict[int, Single], results: list[Result], truth: Truth, *, own: bool) -> str:
    """Say how much of what is missing the grid of the coarsest network explains."""
    coarsest = results[0]
    if own or coarsest.stride not in scores:
        return ""
    limit, reached = scores[coarsest.stride].mean_iu, _scored(coarsest, truth).mean_iu
    return (
        f"{coarsest.title} misses {percent(1 - reached)} of the IU here; its grid alone accounts for "
        f"{percent(1 - limit)}."
    )
