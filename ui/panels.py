"""One function a panel: results in, Streamlit elements out."""

from __future__ import annotations

import contextlib
import functools
import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import metrics, paper, render, voc, weights
from fcnviz.fcn import STRIDES
from fcnviz.inference import Segmentation
from ui import cache, inputs, offline, origins, scales, shown, waiting
from ui.inputs import Networks, Photo, View
from ui.masks import Truth
from ui.viewer import LegendEntry, Panel, ViewerOptions, viewer

#: Smallest share of the picture for which a class is in the legend: what prints as 0.1 %.
SEEN = 0.0005

METRICS = ("Pixel accuracy", "Mean accuracy", "Mean IU", "f.w. IU")


@dataclass(frozen=True, eq=False)
class Result:
    """One network's answer, with what is needed to caption it.

    Attributes:
        name: registry name.
        title: e.g. "FCN-8s".
        stride: of its finest score map.
        segmentation: the answer.
    """

    name: str
    title: str
    stride: int
    segmentation: Segmentation

    @property
    def labels(self) -> np.ndarray:
        """(H, W) uint8."""
        return self.segmentation.labels

    @property
    def grid(self) -> str:
        """Size and stride of the finest score map, width first."""
        return grid_text(self.segmentation.scores.finest.shape[-2:], self.stride)

    @property
    def milliseconds(self) -> str:
        """Time of the forward pass and the upsampling."""
        return f"{1000 * self.segmentation.seconds:.0f} ms"


def grid_text(shape: tuple[int, ...], stride: int) -> str:
    """A coarse grid's (h, w) and stride, width first."""
    return f"{shape[1]} × {shape[0]} · stride {stride}"


def run(photo: Photo, networks: Networks) -> list[Result]:
    """Each network's answer for the photo, from the cache if it is there; what fails says why."""
    results = []
    with cache.turn(), contextlib.suppress(waiting.Busy):  # the page says so itself
        for name in networks.names:
            about = weights.find(name)
            try:
                answer = cache.segment(photo.digest, name, networks.device, photo.image)
            except weights.WeightsError as error:
                st.error(str(error), icon=":material/error:")
                continue
            results.append(Result(name, title(about), about.stride, answer))
            _keep(results[-1])
    return results


def _keep(result: Result) -> None:
    """Put a network's label map, its coarse scores and where it is from into the export."""
    scores, colours = result.segmentation.scores, render.PALETTES[shown.current().palette]
    shown.add(f"{result.name}-labels.png", functools.partial(render.label_png, result.labels, colours))
    for stride in (s for s in STRIDES if s >= result.stride):
        values = scores.at(stride)[0].numpy()  # (C, h, w)
        shown.add(f"scores/{result.name}-stride{stride}.npy", functools.partial(offline.array, values))
    shown.fact("networks", result.name, origins.network(result.name, result.segmentation))


def title(about: weights.Weights) -> str:
    """What a network is called in tables and above pictures."""
    extra = {"bundled": "", "published": " at once" if about.skip_scales != (1.0, 1.0) else ""}
    return f"FCN-{about.stride}s{extra.get(about.origin, ' (unverified)')}"


def about(photo: Photo) -> None:
    """Which photo this is, whose, and whether it was reduced."""
    text = f"{photo.title} · {photo.credit} · {photo.native[0]} × {photo.native[1]} px"
    if photo.native != photo.image.size:
        width, height = photo.image.size
        text += f", reduced to {width} × {height} px for the networks"
    st.caption(f"{text} · choose or upload another in the sidebar")


# --- the results side by side


def compare(photo: Photo, results: list[Result], view: View, key: str = "viewer") -> None:
    """The photo and all results, with a legend that isolates a class."""
    viewer(
        cache.photo_file(photo.digest, photo.image),
        [_photo_panel(photo), *(_result_panel(photo, r, view) for r in results)],
        options=ViewerOptions(
            size=photo.image.size,
            opacity=view.opacity if view.view in inputs.BLENDED else 1.0,
            layout="swipe" if view.layout == "Swipe" else "grid",
            left=view.left,
            right=view.right,
            under=view.view != "Labels",
            isolate=view.isolate,
        ),
        legend=legend(results, view.palette),
        key=key,
        on_isolate=inputs.isolate,
    )
    if view.view == "Confidence":
        _confidence_bar()


def _photo_panel(photo: Photo) -> Panel:
    width, height = photo.image.size
    return Panel("Photo", f"{width} × {height} px")


def _result_panel(photo: Photo, result: Result, view: View) -> Panel:
    png = cache.layer(photo.digest, result.name, view.view, view.palette, view.isolate, result.segmentation)
    return Panel(result.title, f"{result.grid} · {result.milliseconds}", png)


def legend(results: list[Result], palette: str) -> list[LegendEntry]:
    """Classes with at least `SEEN` of the picture in any network, the largest first, background last."""
    shares = np.array([render.shares(r.labels, len(voc.CLASSES)) for r in results])  # (nets, C)
    found = [c for c in np.argsort(-shares.max(0)) if c and shares[:, c].max() >= SEEN]
    colours = render.PALETTES[palette]
    return [
        LegendEntry(int(c), voc.CLASSES[c], "#{:02x}{:02x}{:02x}".format(*colours[c]), tuple(shares[:, c]))
        for c in [*found, 0]
    ]


def _confidence_bar() -> None:
    scales.bar(
        render.Scale(0, 1, render.CONFIDENCE_CMAP), "Softmax probability of the winning class", digits=0
    )


# --- what the skips changed


def skips(photo: Photo, results: list[Result], palette: str) -> None:
    """The pixels that each skip flipped, and their share."""
    steps = list(itertools.pairwise(results))
    for column, (before, after) in zip(st.columns(len(steps)), steps, strict=True):
        with column:
            share = render.flipped_share(before.labels, after.labels)
            tap = {16: "pool4", 8: "pool3"}.get(after.stride, "a skip")
            flipped = f"**{100 * share:.1f} %** of the pixels"
            st.markdown(f"**{before.title} → {after.title}** · adding {tap} flips {flipped}")
            names, pair = (before.name, after.name), (before.segmentation, after.segmentation)
            picture = cache.flips(photo.digest, names, palette, photo.image, pair)
            shown.picture(
                picture, f"flips {after.title}", width="stretch", alt=f"Pixels that adding {tap} flips"
            )


def closeup(photo: Photo, results: list[Result], palette: str, opacity: float = 0.6) -> None:
    """The place where the networks disagree most, four times as large, the same crop for all."""
    top, left, height, width = render.disagreement_window([r.labels for r in results])
    cut = np.s_[top : top + height, left : left + width]
    pixels, colours = np.asarray(photo.image)[cut], render.PALETTES[palette]
    pictures = [("Photo", pixels)]
    pictures += [(r.title, render.overlay(pixels, r.labels[cut], colours, opacity)) for r in results]
    for column, (title, picture) in zip(st.columns(len(pictures)), pictures, strict=True):
        with column:
            st.markdown(f"**{title}**")
            large = render.to_png(render.nearest(picture, 4))
            shown.picture(large, f"close-up {title}", width="stretch", alt=f"Close-up: {title}")
    st.caption(
        f"4× close-up of {width} × {height} px at x {left}, y {top}: where the networks disagree most. "
        "Every pixel is shown as a square."
    )


# --- ground truth


def truth(results: list[Result], given: Truth, palette: str) -> None:
    """The four metrics of each network on this photo, and the paper's in a table of their own.

    Args:
        results: of one photo.
        given: its labels, and whose they are.
        palette: name of the class colours.
    """
    classes, mask = len(voc.CLASSES), given.labels
    rows = {r.title: four(metrics.scores(metrics.confusion(r.labels, mask, classes))) for r in results}
    picture, tables = st.columns([1, 2], gap="medium")
    with picture:
        st.markdown("**Ground truth**")
        shown.picture(
            render.label_png(mask, render.PALETTES[palette]),
            "ground truth",
            width="stretch",
            alt="Ground truth",
        )
        st.caption(given.origin)
    with tables:
        st.markdown("**This photo** · measured here, on this picture alone")
        shown.table(percent(rows), "this_photo")
        st.markdown("**The paper** · another data set: VOC2011 validation, 736 photos, VGG16")
        theirs = {name: tuple(v / 100 for v in row) for name, row in paper.VOC2011_VAL.items()}
        shown.table(percent(theirs), "the_paper")
    st.caption(
        "Means run over the classes that occur in the truth or in the prediction; a class that is predicted "
        "but not there has IU 0. Pixels labelled 255 count for nobody. Paper: Long, Shelhamer & Darrell, "
        "CVPR 2015, table 2. One photo is an anecdote: the two tables are not comparable number by number."
    )


def four(s: metrics.Scores) -> tuple[float, float, float, float]:
    """The four metrics in the order of `METRICS`."""
    return s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu


def percent(rows: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    """Rows of fractions as a table of `METRICS` in per cent, NaN as a dash."""
    text = {
        name: ["–" if np.isnan(v) else f"{100 * v:.1f} %" for v in values] for name, values in rows.items()
    }
    return pd.DataFrame.from_dict(text, orient="index", columns=METRICS)


# --- the run


def facts(photo: Photo, results: list[Result], networks: Networks) -> None:
    """Sizes, times, precision, parameters and the measured quality of the weights."""
    rows = []
    for r in results:
        net, about = cache.model(r.name, networks.device), weights.find(r.name)
        rows.append(
            {
                "Network": r.title,
                "Backbone": about.backbone,
                "Parameters": f"{net.parameter_count:,}",
                "Input": f"{photo.image.width} × {photo.image.height}",
                "Coarse grid": r.grid,
                "Time": r.milliseconds,
                "Ran on": f"{r.segmentation.device}, {r.segmentation.dtype}",
                "Weights": about.origin,
                "Mean IU": _quality(about),
            }
        )
    shown.table(pd.DataFrame(rows).set_index("Network"), "the_run")
    st.caption(
        "Time: forward pass and upsampling of this photo, measured once when it ran. Mean IU belongs to the "
        "weights, not to this photo: ours are measured at original size by `python -m fcnviz evaluate`."
    )


def _quality(about: weights.Weights) -> str:
    """Mean IU of the weights, and whose figure it is."""
    m = about.metrics
    if m is None:
        return about.reported or "not measured"
    return f"{100 * m['mean_iu']:.1f} % · measured by us on VOC2012 {m['split']}, {m['photos']} photos"
