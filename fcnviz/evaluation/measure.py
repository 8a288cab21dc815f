"""Measure a network on a data set: the paper's metrics, without augmentation.

Photos may be reduced for the network; labels are always compared at the photos' own size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from fcnviz import inference, metrics
from fcnviz.evaluation import trimap
from fcnviz.evaluation.pairs import Pair
from fcnviz.evaluation.parallel import World
from fcnviz.fcn import FCN
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.images import ImageError
from fcnviz.photos.voc import CLASSES

FOUR = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")


@dataclass(frozen=True, eq=False)
class Measured:
    """A network's counts on one image, or their sum over images.

    Attributes:
        confusion: (C, C) integers, rows = true class.
        near: (2, D) integers near boundaries, see `trimap.counts`.
    """

    confusion: np.ndarray
    near: np.ndarray

    @classmethod
    def zeros(cls, classes: int = len(CLASSES)) -> Measured:
        """Return the counts of no pixel."""
        return cls(np.zeros((classes, classes), np.int64), np.zeros((2, trimap.WIDEST + 1), np.int64))

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.confusion + other.confusion, self.near + other.near)

    @property
    def mean_iu(self) -> float:
        """Mean IU of these pixels; NaN without counted pixels."""
        return metrics.scores(self.confusion).mean_iu


@dataclass(frozen=True, eq=False)
class Tried:
    """What came of one pair.

    Attributes:
        name: of the pair.
        measured: the network's counts; None if the pair was skipped.
        said: sentences for the user: why it was skipped, or what its readers had to decide.
    """

    name: str
    measured: Measured | None
    said: tuple[str, ...]


def total(parts: Iterable[Measured]) -> Measured:
    """Sum the counts of images."""
    return sum(parts, Measured.zeros())


def measure(
    labels: np.ndarray, truth: np.ndarray, classes: int = len(CLASSES), ring: np.ndarray | None = None
) -> Measured:
    """Count one image: its confusion matrix, and correct pixels by distance from a true boundary.

    Args:
        labels: (H, W) integers, the predicted classes.
        truth: (H, W) integers, the true classes; `VOID` pixels are ignored.
        classes: C, background included.
        ring: the truth's `trimap.distances`, if already known.

    Raises:
        ValueError: the sizes differ, or a value is no class.
    """
    return Measured(metrics.confusion(labels, truth, classes), trimap.counts(labels, truth, ring))


def predict(model: FCN, photo: Image.Image, longest: int | None = None) -> np.ndarray:
    """Predict a photo's labels, (H, W) uint8, at the photo's own size; `longest` as for `inference.run`."""
    return inference.run(model, photo, longest).labels


def read_pairs(folder: VocFolder) -> Iterator[tuple[Image.Image, np.ndarray]]:
    """Read a split's photos with their masks, one after another.

    Raises:
        ImageError: a photo or a mask cannot be used; the message names the file.
    """
    for i in range(len(folder)):
        yield folder.photo(i), folder.mask(i)


def per_photo(model: FCN, data: Iterable[tuple[Image.Image, np.ndarray]]) -> Iterator[Measured]:
    """Measure a network on each photo, one after another."""
    for photo, truth in data:
        yield measure(predict(model, photo), truth, model.num_classes)


def per_pair(model: FCN, pairs: Iterable[Pair], longest: int | None = None) -> Iterator[Tried]:
    """Measure a network on each pair, one after another; a pair that cannot be read ends nothing.

    Args:
        model: a network in eval mode.
        pairs: photos and masks.
        longest: see `inference.run`.
    """
    for pair in pairs:
        try:
            read = pair.open()
        except ImageError as error:
            yield Tried(pair.name, None, (str(error),))
        else:
            found = measure(predict(model, read.photo, longest), read.labels, model.num_classes)
            yield Tried(pair.name, found, read.notes)


def gather(mine: Sequence[Measured | None], count: int, world: World) -> list[Measured | None]:
    """Gather every image's counts from all processes, in the images' order; exact, as all are integers.

    Args:
        mine: the counts of this process's shard, in order; None for an image that was skipped.
        count: number of images of all processes.
        world: the processes; every one must call it.
    """
    one = next(filter(None, mine), Measured.zeros())
    confusions = np.zeros((count, *one.confusion.shape), np.int64)
    near = np.zeros((count, *one.near.shape), np.int64)
    measured = np.zeros(count, np.int64)
    for i, m in zip(world.shard(count), mine, strict=True):
        if m:
            confusions[i], near[i], measured[i] = m.confusion, m.near, 1
    parts = zip(world.sum(confusions), world.sum(near), world.sum(measured), strict=True)
    return [Measured(c, n) if there else None for c, n, there in parts]


# --- plain numbers


def report(measured: Measured) -> dict[str, Any]:
    """Convert to plain numbers: the four metrics, each class's IU (None where absent), boundary accuracy."""
    s = metrics.scores(measured.confusion)
    class_iu = dict(zip(CLASSES, map(_number, s.class_iu), strict=True))
    within = {str(d + 1): _number(v) for d, v in enumerate(trimap.accuracy(measured.near))}
    return {key: _number(getattr(s, key)) for key in FOUR} | {"class_iu": class_iu, "within": within}


def counted(measured: Measured) -> dict[str, Any]:
    """Convert the counts behind `report` to plain integers."""
    return {"confusion": measured.confusion.tolist(), "near": measured.near.tolist()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
