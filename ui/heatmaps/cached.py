"""What the panels of Heatmaps show, in caches: made once for each photo, network and choice."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from fcnviz import render
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.lessons.heatmaps import certainty, receptive, reconstruct, sums
from fcnviz.lessons.heatmaps.border import Border, compare
from fcnviz.photos import voc
from fcnviz.photos.images import fit
from fcnviz.render import Scale
from ui.figures.reconstruction import Pictures, paint
from ui.running import worker
from ui.running.networks import model
from ui.running.photo_cache import of_photo
from ui.state import Net, Photo

#: Colours of the entropy of the softmax over all classes, in bits.
ENTROPY = Scale(0, float(np.log2(len(voc.CLASSES))), "magma")


@dataclass(frozen=True)
class HeatmapKey:
    """What the pictures of a heatmap depend on, beside the photo.

    Attributes:
        net: the network.
        stride: stride of the score map.
        index: index of the class.
        probability: whether softmax probabilities are shown instead of scores.
    """

    net: Net
    stride: int
    index: int
    probability: bool


@of_photo(st.cache_resource, max_entries=64, own=3)
def below(photo: Photo) -> bytes:
    """Encode the photo as a small WebP: it is sent three times, and a map covers most of it."""
    return render.to_webp(np.asarray(fit(photo.image, 320)), 65)


@of_photo(max_entries=64, own=4)
def pictures(photo: Photo, key: HeatmapKey, ways: tuple[str, ...], _scores: ScoreMaps) -> Pictures:
    """Paint one class's coarse map, its reconstructions in some ways, and their differences."""
    log_sums = all_classes(photo, key.net, key.stride, _scores).log_sums if key.probability else None
    of_class = (_scores.at(key.stride), key.stride, photo.input_shape, key.index, log_sums)
    made = worker.run_short(reconstruct.reconstruct, model(key.net), *of_class)
    return paint(made, key.probability, ways)


@of_photo(st.cache_resource, max_entries=12, own=1)
def all_classes(photo: Photo, net: Net, stride: int, _scores: ScoreMaps) -> reconstruct.AllClasses:
    """Upsample all classes of a map: another class then costs little (see `reconstruct.all_classes`)."""
    coarse = _scores.at(stride)
    return worker.run_short(reconstruct.all_classes, model(net), coarse, stride, photo.input_shape)


@of_photo(max_entries=64, own=4)
def label_differences(photo: Photo, net: Net, stride: int, _scores: ScoreMaps) -> tuple[float, float, float]:
    """Measure the shares of labels that differ between ways to upsample a network's map of this stride.

    Returns:
        the shares for fixed deconvolution and interpolation (the border), for the network's own and the fixed
        deconvolution (learning), and for the network's own and interpolation (both).
    """
    found = all_classes(photo, net, stride, _scores).labels
    pairs = (("bilinear", "fixed"), ("fixed", "learned"), ("bilinear", "learned"))
    border, learning, both = (render.flipped_share(found[a], found[b]) for a, b in pairs)
    return border, learning, both


@of_photo(st.cache_resource, max_entries=32, own=2)
def border(photo: Photo, key: HeatmapKey, _scores: ScoreMaps) -> tuple[Border, bytes]:
    """Compare bilinear deconvolution with interpolation on one class's map; → and their difference as PNG."""
    found = worker.run_short(compare, _scores.at(key.stride)[0, key.index], key.stride)
    return found, render.heatmap_png(found.difference, Scale.diverging(found.difference))


@of_photo(max_entries=64, own=4)
def disputed(photo: Photo, nets: tuple[Net, ...], _labels: list[np.ndarray]) -> tuple[int, int] | None:
    """Find the (x, y) of the pixel that networks disagree about most (see `render.most_disputed`)."""
    return render.most_disputed(_labels)


@of_photo(max_entries=90, own=6)
def labels_up_to(photo: Photo, net: Net, stride: int, _scores: ScoreMaps) -> np.ndarray:
    """Find the labels of a network that adds its skips only down to `stride` (see `sums.labels_up_to`)."""
    sizes = photo.input_shape, photo.shape
    return worker.run_short(sums.labels_up_to, model(net), _scores, stride, *sizes)


@of_photo(st.cache_resource, max_entries=90, own=6)
def ablation_layer(photo: Photo, name: str, stride: int, palette: str, _labels: np.ndarray) -> bytes:
    """Draw the labels of `labels_up_to` as a PNG to lay over the photo."""
    return render.layer(_labels, render.PALETTES[palette], outline=True)


@of_photo(st.cache_resource, max_entries=64, own=3)
def entropy_layer(photo: Photo, net: Net, _scores: ScoreMaps) -> bytes:
    """Draw the entropy of a network's softmax as a PNG."""
    bits = worker.run_short(_entropy, model(net), _scores, photo.input_shape)
    return render.heatmap_png(bits, ENTROPY)


def _entropy(net: FCN, scores: ScoreMaps, size: tuple[int, int]) -> np.ndarray:
    return certainty.entropy(reconstruct.dense(net, scores.finest, net.stride, size, "learned"))


@of_photo(show_spinner="One forward and one backward pass …", max_entries=16, own=2)
def effective_field(photo: Photo, key: HeatmapKey, cell: tuple[int, int]) -> np.ndarray:
    """Measure how much each pixel moves a cell's score (see `receptive.effective_field`)."""
    return worker.run(receptive.effective_field, model(key.net), photo.input, key.stride, key.index, cell)


@of_photo(st.cache_resource, max_entries=16, own=2)
def mass_layer(photo: Photo, key: HeatmapKey, cell: tuple[int, int], _mass: np.ndarray) -> bytes:
    """Draw the square root of an effective field as a PNG to lay over the photo."""
    root = np.sqrt(_mass)
    return render.heatmap_png(root, Scale(0, float(root.max()), "magma"))
