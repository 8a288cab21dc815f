"""What the panel on the loss shows, in caches: a pass for each photo, and a backward pass for each draw."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st

from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.lessons.training import sampling
from fcnviz.lessons.training.sampling import Distance, Forward, Loss, Trial
from fcnviz.photos.images import resize_labels
from ui.page import masks
from ui.running import worker
from ui.running.networks import model
from ui.running.photo_cache import of_photo
from ui.state import Net, Photo

#: Side of a square of pixels that is kept or dropped, by what it is called.
SIDES = {"Cells of 32 px": 32, "Single pixels": 1}
#: Shares that the panel draws many times, and how often it draws each.
SHARES, DRAWS = (0.01, 0.05, 0.1, 0.25, 0.5), 8


@dataclass(frozen=True)
class Draw:
    """One draw: the side of the squares, the probability of each to be kept, and which draw it is."""

    side: int
    share: float
    seed: int

    def kept(self, size: tuple[int, int]) -> np.ndarray:
        """The pixels that are kept of a photo of (H, W) pixels, as bool."""
        return sampling.draw(size, self.share, self.side, np.random.default_rng(self.seed))


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is kept in a draw.

    Attributes:
        pixels: (H, W), each pixel's loss; 0 where it is void.
        kept: (H, W) bool.
        mean, estimate: the loss, and what the kept pixels say that it is.
    """

    pixels: np.ndarray
    kept: np.ndarray
    mean: float
    estimate: float


@dataclass(frozen=True, eq=False)
class Compared:
    """The gradients of all pixels and of those kept, (C, K + 1) each, and how far the second is off."""

    full: np.ndarray
    kept: np.ndarray
    far: Distance


@of_photo(st.cache_resource, max_entries=24, own=3)
def drawn(photo: Photo, net: Net, draw: Draw, _scores: ScoreMaps) -> Drawn:
    """Drop a random share of the photo's loss."""
    return worker.run(_drawn, model(net), Forward(_scores.s32), photo.input_shape, labels(photo), draw)


@of_photo(st.cache_resource, show_spinner="Running the network …", max_entries=16, own=2)
def seen(photo: Photo, net: Net) -> Forward:
    """Run the network once for the gradients of all draws."""
    return worker.run(sampling.forward, model(net), photo.input)


@of_photo(st.cache_resource, max_entries=24, own=3)
def compared(photo: Photo, net: Net, draw: Draw) -> Compared:
    """Compare the gradient of a draw with that of all pixels."""
    return worker.run(_compared, model(net), seen(photo, net), photo.input_shape, labels(photo), draw)


@of_photo(show_spinner="Drawing many times …", max_entries=16, own=2)
def many(photo: Photo, net: Net) -> list[Trial]:
    """Draw many times for each share, with cells and with pixels."""
    return list(worker.run_steps(_many(model(net), seen(photo, net), photo.input_shape, labels(photo))))


def labels(photo: Photo) -> np.ndarray | None:
    """Return our annotation of a sample, of the size that the network sees; None for a photo without one."""
    truth = masks.bundled(photo)
    return None if truth is None else resize_labels(truth.labels, photo.input.size)


def _many(net: FCN, seen: Forward, size: tuple[int, int], true: np.ndarray | None) -> Iterator[Trial]:
    yield from sampling.trials(Loss(net, seen, size, true), list(SIDES.values()), SHARES, DRAWS)


def _drawn(net: FCN, seen: Forward, size: tuple[int, int], true: np.ndarray | None, draw: Draw) -> Drawn:
    loss, kept = Loss(net, seen, size, true), draw.kept(size)
    return Drawn(loss.pixels, kept, loss.mean, loss.of(kept, draw.share))


def _compared(
    net: FCN, seen: Forward, size: tuple[int, int], true: np.ndarray | None, draw: Draw
) -> Compared:
    loss = Loss(net, seen, size, true)
    full, kept = loss.gradient(), loss.gradient(draw.kept(size), draw.share)
    return Compared(full, kept, sampling.distance(kept, full))
