"""The sample photos; each is read once."""

import functools

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import render
from fcnviz.photos import samples
from fcnviz.photos.images import SCREEN, fit
from ui.state import Photo


@st.cache_data(show_spinner=False)
def annotation(name: str, *, border: bool = True) -> np.ndarray:
    """Our ground truth for a sample photo, (H, W) uint8 at its native size, with or without a void border."""
    return samples.annotation(name, border=border)


@st.cache_data(show_spinner=False)
def sample(name: str) -> Image.Image:
    """Load a sample photo at its native size."""
    return samples.load(name)


@st.cache_resource(show_spinner=False, max_entries=30)
def photo(name: str, longest: int) -> Photo:
    """Load a sample photo, for networks whose input has a longest side of at most `longest` pixels."""
    full, about = sample(name), samples.SAMPLES[name]
    return Photo(name, about.title, about.credit, fit(full, max(SCREEN, longest)), full.size, longest)


#: Side of a thumbnail, in px.
_THUMBNAIL = 160


@functools.cache
def thumbnail(name: str) -> bytes:
    """Make the thumbnail of a sample photo."""
    return thumbnail_of(sample(name))


def thumbnail_of(image: Image.Image) -> bytes:
    """Cut the central square of a photo and reduce it to a WebP of at most 160 × 160 px."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    small = image.reduce(max(1, side // _THUMBNAIL), (left, top, left + side, top + side))
    return render.to_webp(np.asarray(fit(small, _THUMBNAIL)))
