"""The three networks' answers, and how good they are."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fcnviz import render, weights
from fcnviz.evaluation.single import WITHIN, Single
from ui import paper
from ui.compare.results import METRICS, SINGLE, Result, alarms, legend, metrics_table
from ui.evaluate import published
from ui.figures.grids import Layer
from ui.figures.marks import Box
from ui.figures.numbers import percent
from ui.figures.theme import hex_colour
from ui.lecture.scene import Scene
from ui.lecture.slide import Figure, Picture, Slide, Table
from ui.lecture.steps.parts import CLOSE, printed
from ui.page import masks
from ui.running import layers


def side_by_side(s: Scene) -> Slide:
    """The label maps of all networks, side by side."""
    pictures = [_labelled(s, r) for r in s.results]
    close = [replace(picture, title="", shows=s.disputed, caption="", marks=()) for picture in pictures]
    shares = [
        f"{after.title} labels {100 * render.flipped_share(before.labels, after.labels):.1f} % of the pixels "
        f"differently from {before.title}"
        for before, after in itertools.pairwise(s.results)
    ]
    counted = f" On this photo {'; '.join(shares)} (counted here)." if shares else ""
    return Slide(
        "Deep layers say what, shallow layers say where: the three networks on one photo.",
        "Section 4.2 and its figure 4: all three networks on one photo, each pixel in the colour of its best "
        f"class.{counted}",
        Figure((*pictures, *close), legend=_classes(s), columns=len(pictures)),
        "pages/compare.py",
        {"section": "Skips"},
    )


def _classes(s: Scene) -> tuple[tuple[str, str], ...]:
    return tuple((e.name, e.colour) for e in legend(s.results, s.palette) if e.index)


def _labelled(s: Scene, r: Result) -> Picture:
    png = layers.layer(s.photo, r.net.name, "Spotlight", s.palette, None, r.segmentation)
    stack, window = (s.base, Layer(png, s.extent)), Box.at(s.disputed, "dash", CLOSE)
    return Picture(f"{r.title} · stride {r.stride}", s.extent, stack, (window,))


_ABOUT_METRICS = (
    "Section 5: pixel accuracy is the share of pixels labelled right; mean accuracy its mean over the "
    "classes; IU divides the overlap by the union, and its mean over the classes is what papers compare. "
)


def over_many(s: Scene) -> Slide:  # noqa: ARG001 (as every step)
    """Recorded metrics of the bundled networks; without them, the paper's."""
    rows, caption = published.recorded(), "EfficientNet-Lite0, trained by this project; not this photo"
    about = next((w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics), None)
    if about:
        title = f"VOC2012 {about['split']}, {about['photos']:,} photos, measured by this project"
    else:
        title, caption = "The paper: VOC2011 validation, 736 photos", "CVPR 2015, table 2, VGG16"
        rows = paper.voc2011_val()
    return Slide(
        "How good is it? Four ways to compare labels with the truth, here over many photos.",
        f"{_ABOUT_METRICS}Recorded, not of this photo: {title}. Numbers of other data sets or networks "
        "cannot be compared with them.",
        Figure((_metrics_table(title, rows, caption),)),
        "pages/evaluate.py",
        {"section": "VOC"},
    )


def how_good(s: Scene) -> Slide:
    """The scores of this photo; of a photo whose truth nobody drew, where its networks differ."""
    truth = masks.bundled(s.photo)
    if truth is None:
        return _without_truth(s)
    rows = {r.title: r.scored(truth.labels) for r in s.results}
    mask = render.label_png(truth.labels, render.PALETTES[s.palette])
    picture = Picture("Ground truth", s.extent, (Layer(mask, s.extent),), caption=truth.origin)
    return Slide(
        "And on this photo? The labels against the truth, pixel by pixel, and near the outline alone.",
        "Pixel accuracy is the share of pixels labelled right. IU divides overlap by union; here its mean "
        f"runs over the classes in the truth. Within {WITHIN} px of a true boundary one sees how fine the "
        f"outline is. One photo is an anecdote: on VOC2011 validation the paper has {printed('FCN-8s')}.",
        Figure((picture, _single_table("This photo alone, measured here", rows))),
        "pages/compare.py",
        {"section": "Ground truth"},
    )


#: Notes on pictures of changed labels.
_DIFFER = (
    "Where they differ, at least one of them is wrong; where they agree, all can be. Coloured is the new "
    "label, white what became background, grey what stayed. The finer network has a skip more, and was "
    "trained further: both are in the difference. "
)


def _without_truth(s: Scene) -> Slide:
    """The pixels whose label a finer network changes, with their share; of one network alone, its labels."""
    changes = tuple(_changed(s, before, after) for before, after in itertools.pairwise(s.results))
    white = ("now background", hex_colour(np.array(render.FLIP_TO_BACKGROUND, np.uint8)))
    shown = "where the networks differ" if changes else f"the labels of {s.results[0].title}"
    return Slide(
        f"And on this photo? Nobody drew its truth, so no score: only {shown}.",
        "The metrics divide by what is true, and of this photo only its pixels are known. "
        f"{_DIFFER if changes else ''}With a label map of your own, Compare scores the photo.",
        Figure(
            changes or tuple(_labelled(s, r) for r in s.results),
            legend=(*_classes(s), *([white] if changes else [])),
        ),
        "pages/compare.py",
        {"section": "Skips"} if changes else {},
    )


def _changed(s: Scene, before: Result, after: Result) -> Picture:
    names, pair = (before.net.name, after.net.name), (before.labels, after.labels)
    layer = Layer(layers.flips(s.photo, names, s.palette, pair), s.extent)
    caption = f"{percent(render.flipped_share(*pair))} of the labels differ"
    return Picture(f"{before.title} → {after.title}", s.extent, (layer,), caption=caption)


def _metrics_table(title: str, rows: Mapping[str, tuple[float, ...]], caption: str = "") -> Table:
    text = {str(name): [str(v) for v in row] for name, row in metrics_table(rows).T.items()}
    return Table(title, METRICS, rows, text, caption)


def _single_table(title: str, rows: Mapping[str, Single]) -> Table:
    values = {name: scores.three for name, scores in rows.items()}
    text = {name: [percent(v) for v in row] for name, row in values.items()}
    false = [f"{name}: {alarms(scores)}" for name, scores in rows.items()]
    return Table(title, SINGLE, values, text, f"False alarms: {'; '.join(false)}")
