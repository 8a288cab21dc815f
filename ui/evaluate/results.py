"""Panels: the results of an evaluation, and their downloads."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import metrics, render, weights
from fcnviz.evaluation import measure, trimap
from fcnviz.evaluation.measure import Measured
from fcnviz.evaluation.single import WITHIN, gains, ranked, single
from fcnviz.photos import voc
from ui.compare.results import alarms, metric_values, metrics_table, network_title
from ui.components.grids import grids
from ui.evaluate import figures
from ui.evaluate.job import Job, Outcome
from ui.export import provenance, shown
from ui.figures.numbers import percent, signed
from ui.figures.theme import OPACITY

CELLS = ("Percent of row", "Pixels")
#: Number of images that are shown.
SHOWN = 3
#: Columns of the CSV that a single image has beside the four metrics of a data set.
SINGLE = ("iu_of_truth", f"within_{WITHIN}", "false_alarm_pixels")


@dataclass(frozen=True, eq=False)
class Results:
    """The results of the pairs that are done.

    Attributes:
        job: the evaluation.
        images: outcomes by pair.
        titles: titles of the networks by registry name, coarse to fine.
        totals: sums of the counts over all images, by registry name.
    """

    job: Job
    images: dict[str, Outcome]
    titles: dict[str, str]
    totals: dict[str, Measured]

    @classmethod
    def of(cls, job: Job) -> Results:
        """Collect the results so far."""
        outcomes = job.good
        titles = {name: network_title(weights.find(name)) for name in job.plan.models}
        totals = {name: measure.total(o.measured[name] for o in outcomes.values()) for name in titles}
        return cls(job, outcomes, titles, totals)

    def single(self, name: str) -> dict[str, Measured]:
        """Return one network's counts on each image."""
        return {image: outcome.measured[name] for image, outcome in self.images.items()}

    @property
    def extent(self) -> str:
        """The number of images, for a caption."""
        count = f"{len(self.images):,} image{'s' * (len(self.images) != 1)}"
        return count if not self.job.left else f"{count} so far, of {len(self.job.plan.pairs):,} pairs"


def four(r: Results) -> None:
    """Tabulate the four metrics of each network."""
    rows = {t: metric_values(r.totals[name].confusion) for name, t in r.titles.items()}
    shown.table(metrics_table(rows), "four_metrics")
    for name in r.titles:
        shown.fact("networks", name, provenance.network(name))
    st.caption(
        f"Measured here on {r.extent}, from the sum of their confusion matrices, as in the paper. Photos "
        f"over {r.job.plan.longest} px are reduced for the networks; labels are compared at the mask's size. "
        "Void (255) does not count."
    )


def classes(r: Results) -> None:
    """Chart the IU of each class."""
    rows = {t: metrics.scores(r.totals[name].confusion).class_iu for name, t in r.titles.items()}
    figure = figures.class_bars(rows, voc.CLASSES, figures.by_iu(rows))
    shown.chart(figure, "class_bars")
    st.caption("Classes that are neither in the truth nor among the labels are left out.")


def choose(r: Results) -> tuple[str, bool]:
    """Draw the choices of the matrix and the images; → registry name, and whether cells are in percent."""
    with st.container(horizontal=True, gap="medium"):
        names = {title: name for name, title in r.titles.items()}
        finest = list(names)[-1]
        title = st.segmented_control(
            "Network", list(names), default=finest, required=True, key="e_net", bind="query-params"
        )
        cells = st.segmented_control(
            "Cells", CELLS, default=CELLS[0], required=True, key="e_cells", bind="query-params"
        )
    return names[title or finest], cells != CELLS[1]


def confusion(r: Results, name: str, in_percent: bool) -> None:
    """Draw the confusion matrix of a network."""
    matrix = r.totals[name].confusion
    scale = "Brighter: a larger share of the row." if in_percent else "Brighter: more pixels, logarithmic."
    caption = f"Rows: the truth. Columns: {r.titles[name]}. {scale} Empty: none."
    grids(figures.confusion_matrix(matrix, voc.CLASSES, in_percent, caption), "confusion")


# --- images


def images(r: Results, name: str, palette: str) -> None:
    """Draw the worst or the best images, or those where the finest network gains most."""
    coarse, fine = next(iter(r.titles)), list(r.titles)[-1]
    gain = f"{r.titles[fine]} beats {r.titles[coarse]} most"
    options = ["Worst", "Best"] + [gain] * (coarse != fine)
    order = st.segmented_control(
        "Images", options, default="Worst", required=True, key="e_images", bind="query-params"
    )
    if order == gain:
        ranking = gains(r.single(coarse), r.single(fine))
    else:
        best = ranked(r.single(name))
        ranking = best if order == "Best" else best[::-1]
    for image, value in ranking[:SHOWN]:
        what = f"{signed(100 * value, 1)} points of IU" if order == gain else f"IU {percent(value)}"
        near = percent(single(r.images[image].measured[name]).near)
        st.markdown(f"**{image.replace('*', '')}** · {what} · within {WITHIN} px of a boundary {near}")
        _draw_image(r, image, palette)
        st.caption(f"False alarms of {r.titles[name]}: {alarms(single(r.images[image].measured[name]))}.")
    st.caption(
        "IU (IoU) of one image: the mean over the classes in its truth. False alarms are classes that are "
        "predicted but not there; they do not enter that mean."
    )


def _draw_image(r: Results, image: str, palette: str) -> None:
    outcome = r.images[image]
    captions = {"photo": "Photo", "truth": "Truth"}
    for name, title in r.titles.items():
        captions[name] = f"{title} · IU {percent(single(outcome.measured[name]).mean_iu)}"
    with st.container(horizontal=True, gap="small"):
        for which, caption in captions.items():
            pixels = _pixels(outcome, which, palette)
            width = min(170, round(170 * pixels.shape[1] / pixels.shape[0]))
            exact = functools.partial(_exact, outcome, which, palette)
            file = render.to_webp(pixels, 80)
            shown.picture(file, f"{image} {which}", exact=exact, caption=caption, width=width, alt=caption)


def _pixels(outcome: Outcome, which: str, palette: str) -> np.ndarray:
    """Draw a pair's photo, its truth, or a network's labels over the photo, as (H, W, 3) uint8."""
    photo = np.asarray(Image.open(io.BytesIO(outcome.photo)).convert("RGB"))
    if which == "photo":
        return photo
    labels, colours = np.asarray(Image.open(io.BytesIO(outcome.labels[which]))), render.PALETTES[palette]
    if which == "truth":
        return render.colorize(labels, colours)
    return render.overlay(photo, labels, colours, OPACITY)


def _exact(outcome: Outcome, which: str, palette: str) -> bytes:
    return render.to_png(_pixels(outcome, which, palette))


# --- boundaries


def boundaries(r: Results) -> None:
    """Chart the accuracy near true boundaries against the distance."""
    rows = {title: trimap.accuracy(r.totals[name].near) for name, title in r.titles.items()}
    shown.chart(figures.trimap(rows), "trimap")
    first, last = next(iter(rows)), list(rows)[-1]
    if first != last:
        near, far = (100 * (rows[last][d] - rows[first][d]) for d in (0, trimap.WIDEST - 1))
        pixels = next(iter(r.totals.values())).near[1]  # of the truth: the same for all networks
        touching, counted = pixels[0], pixels.sum()
        gain = f"{signed(near, 1)} points at d = 1, {signed(far, 1)} at d = {trimap.WIDEST}"
        st.caption(f"{last} against {first}: {gain}. {touching:,} of {counted:,} pixels touch a boundary.")


# --- files


def downloads(r: Results) -> None:
    """Draw the download buttons: a CSV of the images, and a JSON of everything."""
    with st.container(horizontal=True):
        _download("Images (CSV)", "evaluation.csv", functools.partial(table, r))
        _download("Everything (JSON)", "evaluation.json", functools.partial(record, r))


def _download(label: str, file: str, make: Callable[[], str]) -> None:
    icon = ":material/download:"
    st.download_button(label, make, file, key=f"download_{file}", on_click="ignore", icon=icon)


def table(r: Results) -> str:
    """Write a CSV with one row per image: its size, and each network's metrics and single scores in 0…1."""
    text = io.StringIO()
    keys = (*measure.FOUR, *SINGLE)
    writer = csv.writer(text)
    writer.writerow(["image", "width", "height", *(f"{n} {key}" for n in r.titles for key in keys)])
    for image, outcome in r.images.items():
        writer.writerow(
            [image, *outcome.size, *(v for name in r.titles for v in _of_image(outcome.measured[name]))]
        )
    return text.getvalue()


def _of_image(m: Measured) -> list[object]:
    """An image's four metrics, then the scores that `SINGLE` names."""
    report, one = measure.report(m), single(m)
    scores = [round(v, 4) for v in (one.mean_iu, one.near)]
    return [*(report[key] for key in measure.FOUR), *scores, sum(one.false_alarms.values())]


def record(r: Results) -> str:
    """Write a JSON of all metrics and counts, the skipped pairs, and the settings."""
    result = {
        "images": len(r.images),
        "left": r.job.left,
        "skipped": r.job.skipped,
        "longest_side_seen_by_the_networks": r.job.plan.longest,
        "classes": voc.CLASSES,
        "networks": {
            name: {**provenance.weights_of(name), **measure.report(m), "counts": measure.counted(m)}
            for name, m in r.totals.items()
        },
        "versions": provenance.versions(),
    }
    return json.dumps(result, indent=1)
