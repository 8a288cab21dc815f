"""Photos and results encoded for the browser; layers are laid over the photo there."""

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.inference import Segmentation
from fcnviz.photos.images import fit
from fcnviz.render import Scale
from ui.components.viewer import Outline
from ui.figures.outline import outline_uri
from ui.running.photo_cache import of_photo
from ui.state import Photo

#: Colours of the winning class's softmax probability.
CONFIDENCE = Scale(0, 1, render.CONFIDENCE_CMAP)


@of_photo(st.cache_resource, max_entries=64, own=3)
def photo_file(photo: Photo) -> bytes:
    """Encode the photo as JPEG, of at most 90 kB unless the lowest quality, 40, needs more."""
    for quality in (85, 70, 55, 40):
        data = render.to_jpeg(np.asarray(photo.image), quality)
        if len(data) <= 90_000:
            break
    return data


@of_photo(st.cache_resource, max_entries=64, own=3)
def small_photo(photo: Photo) -> bytes:
    """Encode the photo as JPEG of at most 400 px, for figures that lay something over it."""
    return render.to_jpeg(np.asarray(fit(photo.image, 400)), 75)


@of_photo(st.cache_resource, max_entries=400, own=12)
def layer(photo: Photo, name: str, view: str, palette: str, keep: int | None, _result: Segmentation) -> bytes:
    """Draw one view of a network's result, but the spotlight, as a PNG to lay over the photo."""
    colours = render.PALETTES[palette]
    if view == "Confidence":
        return render.heatmap_png(_result.confidence / 255, CONFIDENCE)
    if view == "Boundaries":
        return render.boundary_layer(_result.labels, colours, keep=keep)
    exact = view == "Labels"
    return render.layer(_result.labels, colours, keep=keep, opaque=exact, outline=not exact)


@of_photo(st.cache_resource, max_entries=128, own=6)
def spotlight(photo: Photo, name: str, keep: int | None, _result: Segmentation) -> tuple[bytes, bytes]:
    """Draw a network's spotlight, and its outlines alone (see `render.spotlight`)."""
    return render.spotlight(_result.labels, keep=keep)


@of_photo(st.cache_resource, max_entries=64, own=3)
def true_outline(photo: Photo, keep: int | None, _truth: np.ndarray) -> Outline:
    """Draw the outline of a photo's ground truth, which of a sample there is one."""
    return Outline(outline_uri(_truth, keep), render.true_outline(_truth, keep=keep))


@of_photo(st.cache_resource, max_entries=128, own=8)
def flips(photo: Photo, names: tuple[str, ...], palette: str, _pair: tuple[np.ndarray, np.ndarray]) -> bytes:
    """Draw the pixels whose label differs between two label maps as a PNG (see `render.flips`).

    Args:
        photo: the photo.
        names: names that distinguish this pair of label maps from others of the same photo.
        palette: name of the class colours.
        _pair: the label maps before and after, (H, W) uint8 each.
    """
    return render.flips(np.asarray(photo.image), *_pair, render.PALETTES[palette])
