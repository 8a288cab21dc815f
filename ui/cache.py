"""Streamlit's caches around fcnviz: each network is loaded once, and runs once per photo."""

from __future__ import annotations

import ctypes
import functools
import gc
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import heatmaps, inference, receptive, render, samples, weights
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.images import fit
from fcnviz.inference import Segmentation
from fcnviz.render import Scale
from fcnviz.settings import settings
from ui import waiting
from ui.queue import Queue

_T = TypeVar("_T")
_Pair = tuple[Segmentation, Segmentation]
_GLIBC = platform.libc_ver()[0] == "glibc"


#: What the digest of a visitor's own photo begins with.
OWN = "own-"


def of_photo(
    cached: Callable[..., Any] = st.cache_data,
    *,
    max_entries: int,
    own: int,
    show_spinner: str | bool = False,
) -> Callable[[Callable[..., _T]], Callable[..., _T]]:
    """A cache for what is made of a photo: of a sample for all visitors, of an upload for its session alone.

    A session's entries go when it ends, so nothing that was made of somebody's photo outlives the visit.

    Args:
        cached: `st.cache_data`, or `st.cache_resource` for what nobody changes: no copies.
        max_entries: that are kept for all visitors.
        own: that are kept for each session with a photo of its own.
        show_spinner: what to say meanwhile.
    """

    def decorate(function: Callable[..., _T]) -> Callable[..., _T]:
        options = {"show_spinner": show_spinner}
        shared = cached(max_entries=max_entries, **options)(function)
        private = cached(max_entries=own, scope="session", **options)(function)

        @functools.wraps(function)
        def either(photo: str | Which, *args: Any) -> _T:
            digest = photo if isinstance(photo, str) else photo.digest
            return (private if digest.startswith(OWN) else shared)(photo, *args)

        either.clear = shared.clear  # type: ignore[attr-defined]
        return either

    return decorate


@functools.cache
def queue() -> Queue:
    """The queue to the one thread that runs networks, whatever the device.

    Two at once on the same cores would take longer than one after the other, and every thread that runs one
    keeps buffers of its own: with Streamlit's thread for each script run, memory would grow with the visits.
    """
    return Queue()


def work(function: Callable[..., _T], *args: object) -> _T:
    """Run something on the thread that runs networks, and wait for it: what takes time or memory.

    Raises:
        Busy: too many people wait; the page says so.
    """
    return waiting.run(queue(), _trimmed, function, *args, limit=settings().waiting)


def on_worker(task: Callable[..., _T], *arguments: object) -> _T:
    """Run a short task there, before the long ones: some 50 ms, a few megabytes. It is never turned away."""
    return waiting.run(queue(), task, *arguments, urgent=True)


def piece(task: Callable[..., _T], *arguments: object) -> _T:
    """Run a part of a long job that has begun; others get their turn in between."""
    return waiting.run(queue(), _trimmed, task, *arguments)


def pieces(steps: Iterator[_T]) -> Iterator[_T]:
    """A long job on that thread, step by step; the first raises as `work` does."""
    step = work(next, steps, None)
    while step is not None:
        yield step
        step = piece(next, steps, None)


def turn() -> AbstractContextManager[None]:
    """Several runs of one visitor that are waited for only once: three networks for one photo."""
    return queue().turn(waiting.visitor())


def runner() -> Callable[..., Any]:
    """`piece`, for a thread of its own: it queues up beside its visitor's other tasks, and never draws."""
    line, who = queue(), (waiting.visitor(), "in the background")
    return lambda task, *arguments: line.enter(functools.partial(task, *arguments), who).result()


@st.cache_resource(show_spinner="Loading the weights …", max_entries=8)
def model(name: str, device: str) -> FCN:
    """A network by its registry name, ready to run; shared by all visitors."""
    net = weights.load(name, device, fold=True)
    piece(inference.settle, net, samples.small())
    gc.collect()
    gc.freeze()  # Streamlit collects after every run of a script: 0.2 s, if it looks at all of torch
    return net


@of_photo(st.cache_resource, show_spinner="Running the network …", max_entries=30, own=3)
def segment(digest: str, name: str, device: str, _image: Image.Image) -> Segmentation:
    """One network's answer for one photo: computed once, also if many ask at the same time.

    Args:
        digest: what identifies the photo's pixels.
        name: of the weights.
        device: as chosen in the sidebar.
        _image: the photo itself.
    """
    return work(inference.segment, model(name, device), _image)


def _trimmed(function: Callable[..., _T], *args: object) -> _T:
    result = function(*args)
    if _GLIBC:
        ctypes.CDLL(None).malloc_trim(0)  # hand freed activations back to the system
    return result


@of_photo(st.cache_resource, max_entries=400, own=12)
def layer(digest: str, name: str, view: str, palette: str, keep: int | None, _result: Segmentation) -> bytes:
    """The PNG that one view of a result lays over the photo (see `render`)."""
    colours = render.PALETTES[palette]
    if view == "Confidence":
        return render.confidence_layer(_result.confidence / 255)
    if view == "Boundaries":
        return render.boundary_layer(_result.labels, colours, keep=keep)
    exact = view == "Labels"
    return render.layer(_result.labels, colours, keep=keep, opaque=exact, outline=not exact)


@of_photo(st.cache_resource, max_entries=64, own=3)
def photo_file(digest: str, _image: Image.Image) -> bytes:
    """The photo as it is sent to the browser: WebP, at most 90 kB where quality 40 allows it."""
    for quality in (85, 70, 55, 40):
        data = render.to_webp(np.asarray(_image), quality)
        if len(data) <= 90_000:
            break
    return data


@of_photo(st.cache_resource, max_entries=64, own=3)
def small_photo(digest: str, _image: Image.Image) -> bytes:
    """The photo for figures that lay something over it: WebP, 400 px."""
    return render.to_webp(np.asarray(fit(_image, 400)), 75)


@of_photo(st.cache_resource, max_entries=64, own=4)
def flips(digest: str, names: tuple[str, str], palette: str, _image: Image.Image, _pair: _Pair) -> bytes:
    """PNG of the pixels that two networks, coarse and fine, label differently (see `render.flips`)."""
    before, after = _pair
    colours = render.PALETTES[palette]
    return render.to_png(render.flips(np.asarray(_image), before.labels, after.labels, colours))


@st.cache_data(show_spinner=False)
def annotation(name: str) -> np.ndarray:
    """Our ground truth for a bundled photo, at its native size."""
    return samples.annotation(name)


@st.cache_data(show_spinner=False)
def sample(name: str) -> Image.Image:
    """A bundled photo at its native size."""
    return samples.load(name)


@st.cache_data(show_spinner=False)
def thumbnail(name: str) -> bytes:
    """A bundled photo as a small square WebP."""
    image = sample(name)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return render.to_webp(np.asarray(fit(image.crop((left, top, left + side, top + side)), 160)))


# --- heatmaps


@dataclass(frozen=True)
class Which:
    """Which heatmap: everything that its pictures depend on, but for the scores themselves.

    Attributes:
        digest: of the photo.
        name: of the weights.
        device: as chosen in the sidebar.
        stride: of the score map.
        index: the class.
        probability: softmax probability instead of raw score.
    """

    digest: str
    name: str
    device: str
    stride: int
    index: int
    probability: bool


@of_photo(max_entries=64, own=4)
def pictures(which: Which, _scores: ScoreMaps, _size: tuple[int, int]) -> heatmaps.Pictures:
    """The pictures of one class's coarse map and its reconstructions.

    Args:
        which: what is shown.
        _scores: of that network for that photo.
        _size: (H, W) of the photo.
    """
    net, stride = model(which.name, which.device), which.stride
    made = on_worker(
        heatmaps.reconstruct, net, _scores.at(stride), stride, _size, which.index, which.probability
    )
    return heatmaps.paint(made, which.probability)


@of_photo(max_entries=90, own=6)
def labels_up_to(
    digest: str, name: str, device: str, stride: int, _scores: ScoreMaps, _size: tuple[int, int]
) -> np.ndarray:
    """Labels of a network that adds its skips down to `stride` only (see `heatmaps.labels_up_to`)."""
    return on_worker(heatmaps.labels_up_to, model(name, device), _scores, stride, _size)


@of_photo(st.cache_resource, max_entries=90, own=6)
def ablation_layer(digest: str, name: str, stride: int, palette: str, _labels: np.ndarray) -> bytes:
    """The PNG of `labels_up_to` to lay over the photo."""
    return render.layer(_labels, render.PALETTES[palette], outline=True)


@of_photo(st.cache_resource, max_entries=64, own=4)
def flipped(
    digest: str,
    name: str,
    stride: int,
    palette: str,
    _image: Image.Image,
    _pair: tuple[np.ndarray, np.ndarray],
) -> bytes:
    """PNG of the pixels that the skip of `stride` flips within one network (see `render.flips`)."""
    return render.to_png(render.flips(np.asarray(_image), *_pair, render.PALETTES[palette]))


@of_photo(st.cache_resource, max_entries=64, own=3)
def entropy_layer(digest: str, name: str, device: str, _scores: ScoreMaps, _size: tuple[int, int]) -> bytes:
    """PNG of the entropy of a network's softmax, from 0 to log2 of the number of classes."""
    bits = on_worker(_entropy, model(name, device), _scores, _size)
    return render.heatmap_png(bits, Scale(0.0, float(np.log2(_scores.s32.shape[1])), "magma"))


def _entropy(net: FCN, scores: ScoreMaps, size: tuple[int, int]) -> np.ndarray:
    return heatmaps.entropy(heatmaps.dense(net, scores.finest, net.stride, size, "learned"))


@of_photo(show_spinner="One forward and one backward pass …", max_entries=16, own=2)
def effective_field(which: Which, cell: tuple[int, int], _image: Image.Image) -> np.ndarray:
    """How much each pixel moves a cell's score (see `receptive.effective_field`)."""
    net = model(which.name, which.device)
    return work(receptive.effective_field, net, _image, which.stride, which.index, cell)
