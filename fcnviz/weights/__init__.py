"""Trained weights: what there is, where it is from, and how it gets into a network.

Weights have one of three origins, and a page always says which one it shows:

- *bundled*: this project's lite0 nets, in `weights/` with `manifest.json`, checked by their sha256;
- *published*: the authors' VGG16 nets (`published.json`), recognised by their md5 under any file name;
- *unverified*: any other file in `weights/` whose tensors have the names and shapes of one of our nets.

Files are never trusted (see `checkpoints`); any problem with a file becomes a `WeightsError`.
"""

from fcnviz.weights.checkpoints import WeightsError
from fcnviz.weights.device import devices, pick_device
from fcnviz.weights.download import get
from fcnviz.weights.loading import load, missing
from fcnviz.weights.registry import (
    BUNDLED,
    DIGITS,
    FOLDER,
    VGG16,
    Weights,
    available,
    find,
    folder,
    list_weights,
    problems,
)

__all__ = [
    "BUNDLED",
    "DIGITS",
    "FOLDER",
    "VGG16",
    "Weights",
    "WeightsError",
    "available",
    "devices",
    "find",
    "folder",
    "get",
    "list_weights",
    "load",
    "missing",
    "pick_device",
    "problems",
]
