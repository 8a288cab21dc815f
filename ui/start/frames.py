"""The steps of Start: the photo, the classifier's answer, the coarse grid, and the three networks' labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import streamlit as st

from fcnviz import render, weights
from fcnviz.evaluation.single import WITHIN
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.lessons.heatmaps import blocks
from fcnviz.lessons.heatmaps.cells import Cells, cells_of
from fcnviz.photos import voc
from ui.compare.results import Result
from ui.components.stepper import Frame, Tag
from ui.convolutionalize import photo as classifier
from ui.figures.numbers import percent
from ui.page import masks
from ui.running import layers
from ui.running.networks import model
from ui.running.photo_cache import of_photo
from ui.state import Networks, Photo

#: Parts of the diagram that the classifier has too.
TRUNK = ("photo", "pool3", "pool4", "fc7")
#: Parts that the network of each stride adds, and what its step is called.
_ADDED = {
    32: ("score_fr", "upscore"),
    16: ("score_pool4", "upscore2", "fuse_pool4", "upscore16"),
    8: ("score_pool3", "upscore_pool4", "fuse_pool3", "upscore8"),
}
_NAMES = {32: "32s", 16: "+ pool4", 8: "+ pool3"}


def frames(photo: Photo, networks: Networks, results: Sequence[Result]) -> list[Frame]:
    """Make all steps; of networks that cannot run, there is none."""
    answer = classifier.answer(photo, str(weights.pick_device(networks.device)))
    return _frames(photo, tuple(result.net.name for result in results), answer, results)


@of_photo(st.cache_resource, max_entries=16, own=2)
def _frames(
    photo: Photo, names: tuple[str, ...], _answer: np.ndarray, _results: Sequence[Result]
) -> list[Frame]:
    width, height = photo.image.size
    about = "Semantic segmentation asks of each of its pixels: which of 21 classes?"
    first = Frame("photo", "Photo", f"Photo, {width} × {height} px.", about, ("photo",))
    coarsest = _results[0]
    grid, cells = _blocks(photo, coarsest)
    made = [first, _classified(photo, _answer), _coarse(photo, grid, cells), _dense(photo, coarsest, grid)]
    return made + [_skipped(photo, before, after) for before, after in pairwise(_results)]


def _classified(photo: Photo, answer: np.ndarray) -> Frame:
    """Show the one answer of an ImageNet classifier, for the crop that it sees."""
    chances = classifier.probabilities(answer)
    best = int(chances.argmax())
    said = f"{imagenet.names()[best]} · {percent(float(chances[best]))}"
    left, top, side = imagenet.window(photo.image.size)
    inside = np.zeros(photo.shape, np.uint8)
    inside[round(top) : round(top + side), round(left) : round(left + side)] = 1
    layer, outline = render.spotlight(inside)
    middle = (left + side / 2) / photo.image.width, (top + side / 2) / photo.image.height
    text = "One of 1,000 ImageNet classes for the whole crop: it says what, and not where."
    title = "The classifier gives one answer."
    return Frame("classifier", "Classify", title, text, TRUNK, layer, outline, tags=(Tag(said, *middle),))


def _blocks(photo: Photo, result: Result) -> tuple[np.ndarray, Cells]:
    """Find the class of each cell of the coarsest map, as flat blocks on the photo; → and the cells."""
    coarse = result.segmentation.scores.s32
    cells = cells_of(model(result.net), coarse, 32)
    found = coarse[0].argmax(0).byte().numpy()
    return blocks.spread(found, cells, photo.shape, photo.input_shape), cells


def _coarse(photo: Photo, labels: np.ndarray, cells: Cells) -> Frame:
    """Show the best class of each cell of the stride-32 map."""
    rows, columns = (tuple(blocks.edges(cells, axis, photo.input_shape[axis])) for axis in (0, 1))
    height, width = cells.shape
    layer, outline = render.spotlight(labels)
    text = "As a convolution, the last layer answers once every 32 px of its input: what, and roughly where."
    title = f"A coarse grid: {width} × {height} answers."
    return Frame(
        "grid", "Grid", title, text, (*TRUNK, "score_fr"), layer, outline,
        tags=_tags(labels), columns=columns, rows=rows,
    )  # fmt: skip


def _dense(photo: Photo, result: Result, coarse: np.ndarray) -> Frame:
    """Show the labels of the coarsest network: its grid, upsampled."""
    text = "A deconvolution brings the grid back to every pixel. Detail finer than a cell is not in it."
    name, title = f"{result.stride}s", f"Upsampled × {result.stride}: {result.title}."
    return _labelled(photo, result, coarse, Frame(name, name, title, text, _lit(result.stride)))


def _skipped(photo: Photo, before: Result, after: Result) -> Frame:
    """Show the labels of a network with one more skip than the one before it."""
    pool = {16: "pool4", 8: "pool3"}.get(after.stride, "a finer layer")
    share = render.flipped_share(before.labels, after.labels)
    text = (
        f"The scores of a finer layer, {pool}, are added, and the network is trained further: "
        f"{percent(share)} of the labels differ from {before.title}."
    )
    name, title = _NAMES.get(after.stride, after.title), f"With {pool}: {after.title}."
    frame = Frame(f"{after.stride}s", name, title, text, _lit(after.stride))
    return _labelled(photo, after, before.labels, frame)


def _lit(stride: int) -> tuple[str, ...]:
    return _ADDED.get(stride, ())


def _labelled(photo: Photo, result: Result, before: np.ndarray, frame: Frame) -> Frame:
    """Add a network's labels, what differs from the step before, and how right they are near the outline."""
    layer, outline = layers.spotlight(photo, result.net.name, None, result.segmentation)
    changed, text = render.change_layer(before, result.labels), frame.text
    if truth := masks.bundled(photo):
        near = result.scored(truth.labels).near
        text += f" Within {WITHIN} px of a true boundary, {percent(near)} of the pixels are right."
    return replace(frame, text=text, layer=layer, outline=outline, changed=changed, tags=_tags(result.labels))


def _tags(labels: np.ndarray) -> tuple[Tag, ...]:
    """Write the name of each class on the picture."""
    height, width = labels.shape
    spots = render.label_spots(labels, 0.01).items()
    return tuple(Tag(voc.CLASSES[c], (x + 0.5) / width, (y + 0.5) / height) for c, (x, y) in spots)
