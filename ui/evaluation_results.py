"""What an evaluation found: metrics, classes, confusions, images, boundaries; and the files to take away."""

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

from fcnviz import evaluate, metrics, render, trimap, voc, weights
from fcnviz.evaluate import Measured
from ui import evaluation_figures, origins, panels, shown
from ui.job import Job, Outcome

#: How many images are shown at either end.
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Results:
    """What is done of an evaluation.

    Attributes:
        job: the evaluation.
        images: what is kept of each pair.
        titles: of the networks, by registry name, coarse to fine.
        totals: sums over the images, by registry name.
    """

    job: Job
    images: dict[str, Outcome]
    titles: dict[str, str]
    totals: dict[str, Measured]

    @classmethod
    def of(cls, job: Job) -> Results:
        """What is done by now."""
        images = job.good
        titles = {name: panels.title(weights.find(name)) for name in job.plan.models}
        totals = {name: evaluate.total(image.measured[name] for image in images.values()) for name in titles}
        return cls(job, images, titles, totals)

    def single(self, name: str) -> dict[str, Measured]:
        """One network's counts of each image."""
        return {image: outcome.measured[name] for image, outcome in self.images.items()}

    @property
    def extent(self) -> str:
        """How many images these numbers are from."""
        count = f"{len(self.images):,} image{'s' * (len(self.images) != 1)}"
        return count if not self.job.left else f"{count} so far, of {len(self.job.plan.pairs):,} pairs"


def four(r: Results) -> None:
    """The four metrics of each network."""
    rows = {t: panels.four(metrics.scores(r.totals[name].confusion)) for name, t in r.titles.items()}
    shown.table(panels.percent(rows), "four_metrics")
    for name in r.titles:
        shown.fact("networks", name, origins.network(name))
    st.caption(
        f"Measured here on {r.extent}, from the sum of their confusion matrices, as in the paper. Photos "
        f"over {r.job.plan.longest} px are reduced for the networks; labels are compared at the mask's size. "
        "Void (255) does not count."
    )


def classes(r: Results) -> None:
    """IU of each class."""
    rows = {t: metrics.scores(r.totals[name].confusion).class_iu for name, t in r.titles.items()}
    figure = evaluation_figures.class_bars(rows, voc.CLASSES, evaluation_figures.by_iu(rows))
    shown.chart(figure, "class_bars")
    st.caption("Classes that are neither in the truth nor among the labels are left out.")


def choose(r: Results) -> tuple[str, bool]:
    """Draw the choice for the panels that show one network; → its registry name, cells in per cent."""
    with st.container(horizontal=True, gap="medium"):
        name = _network(r)
        cells = st.segmented_control(
            "Cells", ("Percent of row", "Pixels"), default="Percent of row", required=True, key="e_cells",
            bind="query-params",
        )  # fmt: skip
    return name, cells != "Pixels"


def _network(r: Results) -> str:
    names = {title: name for name, title in r.titles.items()}
    finest = list(names)[-1]
    chosen = st.segmented_control(
        "Network", list(names), default=finest, required=True, key="e_net", bind="query-params"
    )
    return names[chosen or finest]


def confusion(r: Results, name: str, percent: bool) -> None:
    """What is taken for what."""
    matrix = r.totals[name].confusion
    shown.chart(evaluation_figures.confusion(matrix, voc.CLASSES, percent), "confusion")
    scale = "Brighter: a larger share of the row." if percent else "Brighter: more pixels, logarithmic."
    st.caption(f"Rows: the truth. Columns: {r.titles[name]}. {scale} Empty: none.")


# --- images


def images(r: Results, name: str, palette: str) -> None:
    """The images at either end, or those where the finest network gains most over the coarsest."""
    coarse, fine = next(iter(r.titles)), list(r.titles)[-1]
    gain = f"{r.titles[fine]} beats {r.titles[coarse]} most"
    options = ["Worst", "Best"] + [gain] * (coarse != fine)
    order = st.segmented_control(
        "Images", options, default="Worst", required=True, key="e_images", bind="query-params"
    )
    if order == gain:
        ranking = evaluate.gains(r.single(coarse), r.single(fine))
    else:
        best = evaluate.ranked(r.single(name))
        ranking = best if order == "Best" else best[::-1]
    for image, value in ranking[:SHOWN]:
        what = f"{100 * value:+.1f} points of mean IU" if order == gain else f"mean IU {100 * value:.1f} %"
        st.markdown(f"**{image.replace('*', '')}** · {what.replace('-', '−')}")
        _row(r, image, palette)
    st.caption("Mean IU of the one image, over the classes that occur in it.")


def _row(r: Results, image: str, palette: str) -> None:
    outcome = r.images[image]
    captions = {"photo": "Photo", "truth": "Truth"}
    for name, title in r.titles.items():
        captions[name] = f"{title} · {100 * outcome.measured[name].mean_iu:.1f} %"
    with st.container(horizontal=True, gap="small"):
        for which, caption in captions.items():
            pixels = _pixels(outcome, which, palette)
            width = min(170, round(170 * pixels.shape[1] / pixels.shape[0]))
            exact = functools.partial(_exact, outcome, which, palette)
            file = render.to_webp(pixels, 80)
            shown.picture(file, f"{image} {which}", exact=exact, caption=caption, width=width, alt=caption)


def _pixels(outcome: Outcome, which: str, palette: str) -> np.ndarray:
    """A picture of a pair, (H, W, 3) uint8: its photo, its truth, or what a network makes of it."""
    photo = np.asarray(Image.open(io.BytesIO(outcome.photo)).convert("RGB"))
    if which == "photo":
        return photo
    labels, colours = np.asarray(Image.open(io.BytesIO(outcome.labels[which]))), render.PALETTES[palette]
    return (
        render.colorize(labels, colours) if which == "truth" else render.overlay(photo, labels, colours, 0.65)
    )


def _exact(outcome: Outcome, which: str, palette: str) -> bytes:
    return render.to_png(_pixels(outcome, which, palette))


# --- boundaries


def boundaries(r: Results) -> None:
    """Accuracy near true boundaries against the distance: where the skips help."""
    rows = {title: trimap.accuracy(r.totals[name].near) for name, title in r.titles.items()}
    shown.chart(evaluation_figures.trimap(rows), "trimap")
    first, last = next(iter(rows)), list(rows)[-1]
    if first != last:
        near, far = (100 * (rows[last][d] - rows[first][d]) for d in (0, trimap.WIDEST - 1))
        pixels = next(iter(r.totals.values())).near[1]  # of the truth: the same for all networks
        touching, counted = pixels[0], pixels.sum()
        gain = f"{near:+.1f} points at d = 1, {far:+.1f} at d = {trimap.WIDEST}".replace("-", "−")
        st.caption(f"{last} against {first}: {gain}. {touching:,} of {counted:,} pixels touch a boundary.")


# --- files


def downloads(r: Results) -> None:
    """CSV of every image, JSON of everything."""
    with st.container(horizontal=True):
        _download("Images (CSV)", "evaluation.csv", functools.partial(table, r))
        _download("Everything (JSON)", "evaluation.json", functools.partial(record, r))


def _download(label: str, file: str, make: Callable[[], str]) -> None:
    icon = ":material/download:"
    st.download_button(label, make, file, key=f"download_{file}", on_click="ignore", icon=icon)


def table(r: Results) -> str:
    """A row an image: its size, and each network's four metrics in 0…1."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["image", "width", "height", *(f"{n} {key}" for n in r.titles for key in evaluate.FOUR)])
    for image, outcome in r.images.items():
        reports = [evaluate.report(outcome.measured[name]) for name in r.titles]
        writer.writerow([image, *outcome.size, *(report[key] for report in reports for key in evaluate.FOUR)])
    return text.getvalue()


def record(r: Results) -> str:
    """All numbers and counts, what was skipped, and how it was done."""
    result = {
        "images": len(r.images),
        "left": r.job.left,
        "skipped": r.job.skipped,
        "longest_side_seen_by_the_networks": r.job.plan.longest,
        "classes": voc.CLASSES,
        "networks": {
            name: {**origins.weights_of(name), **evaluate.report(m), "counts": evaluate.counted(m)}
            for name, m in r.totals.items()
        },
        "versions": origins.versions(),
    }
    return json.dumps(result, indent=1)
