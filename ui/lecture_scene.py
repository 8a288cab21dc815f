"""What a lecture is about: the photo, the networks' answers, and the class that its heatmaps follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from fcnviz import imagenet, voc, weights
from fcnviz.heatmaps import Pictures
from ui import cache, convolution_photo, heatmaps, panels
from ui.figures import Extent
from ui.inputs import Networks, Photo
from ui.lecture_slide import Layer
from ui.panels import Result


class MissingError(Exception):
    """A step that these networks cannot show; the message is for the visitor."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that the slides are made of; computed when it is asked for.

    Attributes:
        photo: the photo.
        networks: which run.
        palette: name of the class colours.
        wanted: the class in the link, if any.
    """

    photo: Photo
    networks: Networks
    palette: str
    wanted: int | None = None

    # --- the classifier

    @property
    def device(self) -> str:
        """That the classifier runs on."""
        return str(weights.pick_device(self.networks.device))

    @cached_property
    def chances(self) -> np.ndarray:
        """Probabilities of the 1,000 classes for the centre crop."""
        return convolution_photo.softmax(
            convolution_photo.crop(self.photo.digest, self.device, self.photo.image)[0]
        )

    @property
    def best(self) -> tuple[int, str]:
        """The classifier's first class: index and name."""
        index = int(np.argsort(-self.chances)[0])
        return index, imagenet.names()[index]

    def windows(self, shorter: int) -> np.ndarray:
        """Probability of the first class in every window at this scale, (h, w)."""
        found = convolution_photo.whole(self.photo.digest, shorter, self.device, self.photo.image)
        return found[self.best[0]]

    # --- the segmenters

    @cached_property
    def results(self) -> list[Result]:
        """Of all networks that run.

        Raises:
            MissingError: none does.
        """
        found = panels.run(self.photo, self.networks)
        if not found:
            raise MissingError("No network runs: choose other weights under Photo.")
        return found

    @cached_property
    def index(self) -> int:
        """The class that all heatmaps show: the link's, else the most frequent but for background."""
        if self.wanted is not None:
            return self.wanted
        return next(c for c, _ in heatmaps.ranked(self.results[-1]) if c)

    @property
    def name(self) -> str:
        """Of that class."""
        return voc.CLASSES[self.index]

    def choice(self, stride: int) -> heatmaps.Choice:
        """What the Heatmaps page looks at, for the network that ends at this stride or the next finer one.

        Raises:
            MissingError: all networks here are coarser.
        """
        able = [r for r in self.results if r.stride <= stride]
        if not able:
            raise MissingError(f"This step needs an FCN-{stride}s, and there are only coarser networks.")
        return heatmaps.Choice(
            self.photo, self.results, able[0], self.networks.device, self.index, stride,
            probability=True, over=True, more=False, pixel=(0, 0),
        )  # fmt: skip

    def pictures(self, choice: heatmaps.Choice) -> Pictures:
        """The coarse map and its reconstructions, as the Heatmaps page has them."""
        return cast(Pictures, cache.pictures(choice.which, choice.result.segmentation.scores, choice.size))

    # --- pictures

    @property
    def extent(self) -> Extent:
        """The photo."""
        return Extent.of(self.photo.image.size)

    @property
    def base(self) -> Layer:
        """The photo, to lay something over."""
        return Layer(cache.photo_file(self.photo.digest, self.photo.image), self.extent)
