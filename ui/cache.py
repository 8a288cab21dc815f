"""Streamlit's caches around fcnviz: each network is loaded once, and runs once per photo."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import inference, render, samples, weights
from fcnviz.fcn import FCN
from fcnviz.images import fit
from fcnviz.inference import Segmentation

_T = TypeVar("_T")
_Pair = tuple[Segmentation, Segmentation]
_GLIBC = platform.libc_ver()[0] == "glibc"


@st.cache_resource
def _worker() -> ThreadPoolExecutor:
    """The one thread that runs networks.

    Two at once on the same cores would take longer than one after the other, and every thread that runs one
    keeps buffers of its own: with Streamlit's thread for each script run, memory would grow with the visits.
    """
    return ThreadPoolExecutor(1, "inference")


def work(function: Callable[..., _T], *args: object) -> _T:
    """Run something on the thread that runs networks, and wait for it."""
    return _worker().submit(_trimmed, function, *args).result()


def pieces(steps: Iterator[_T]) -> Iterator[_T]:
    """A long job on that thread, step by step, so that others get their turn in between."""
    while (step := _worker().submit(next, steps, None).result()) is not None:
        yield step


@st.cache_resource(show_spinner="Loading the weights …", max_entries=8)
def model(name: str, device: str) -> FCN:
    """A network by its registry name, ready to run; shared by all visitors."""
    return weights.load(name, device)


@st.cache_data(show_spinner="Running the network …", max_entries=150)
def segment(digest: str, name: str, device: str, _image: Image.Image) -> Segmentation:
    """One network's answer for one photo.

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


@st.cache_data(show_spinner=False, max_entries=400)
def layer(digest: str, name: str, view: str, palette: str, keep: int | None, _result: Segmentation) -> bytes:
    """The PNG that one view of a result lays over the photo (see `render`)."""
    colours = render.PALETTES[palette]
    if view == "Confidence":
        return render.confidence_layer(_result.confidence / 255)
    if view == "Boundaries":
        return render.boundary_layer(_result.labels, colours, keep=keep)
    exact = view == "Labels"
    return render.layer(_result.labels, colours, keep=keep, opaque=exact, outline=not exact)


@st.cache_data(show_spinner=False, max_entries=64)
def photo_file(digest: str, _image: Image.Image) -> bytes:
    """The photo as it is sent to the browser: WebP, at most 90 kB where quality 40 allows it."""
    for quality in (85, 70, 55, 40):
        data = render.to_webp(np.asarray(_image), quality)
        if len(data) <= 90_000:
            break
    return data


@st.cache_data(show_spinner=False, max_entries=64)
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
