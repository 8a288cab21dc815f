"""The subject of a lecture: the photo, the networks' results, and the class of its heatmaps."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fcnviz import render, weights
from fcnviz.photos import voc
from ui.compare.results import Result, run_networks
from ui.convolutionalize import photo as convolution_photo
from ui.figures.grids import Layer
from ui.figures.pictures import Extent
from ui.heatmaps.choice import Heatmap, disputed_pixel, ranked
from ui.running import layers
from ui.state import Networks, Photo


class MissingError(Exception):
    """A step cannot be shown with these networks or this photo; the message is for the visitor."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that the slides are made of; results are computed at their first use.

    Attributes:
        photo: the photo.
        networks: the networks to run.
        palette: name of the class colours.
        wanted: index of the class in the link; None if there is none.
    """

    photo: Photo
    networks: Networks
    palette: str
    wanted: int | None = None

    # --- the classifier

    @property
    def device(self) -> str:
        """The device that the classifier runs on."""
        return str(weights.pick_device(self.networks.device))

    @cached_property
    def chances(self) -> np.ndarray:
        """Probabilities of the 1,000 ImageNet classes for the centre crop."""
        return convolution_photo.probabilities(convolution_photo.answer(self.photo, self.device))

    @property
    def subject(self) -> tuple[str, tuple[int, ...]]:
        """Name and classes of the heatmap: the group of the most probable class, or that class alone."""
        return convolution_photo.subject(int(self.chances.argmax()))

    def windows(self, shorter: int) -> np.ndarray:
        """Probabilities of the subject in all windows, (h, w), for an input of this shorter side in px."""
        maps = convolution_photo.whole(self.photo, shorter, self.device)
        return maps[list(self.subject[1])].sum(0)

    # --- the segmenters

    @cached_property
    def results(self) -> list[Result]:
        """Results of all networks.

        Raises:
            MissingError: no network can run.
        """
        return self._run(self.networks)

    @cached_property
    def finest(self) -> Result:
        """The result of the finest network, for which the others need not run.

        Raises:
            MissingError: it cannot run.
        """
        return self._run(replace(self.networks, names=self.networks.names[-1:]))[0]

    def _run(self, networks: Networks) -> list[Result]:
        found = run_networks(self.photo, networks)
        if not found:
            raise MissingError("No network runs: choose other weights under Photo.")
        return found

    @cached_property
    def index(self) -> int:
        """Index of the class of all heatmaps: the link's, else the most frequent one except background."""
        if self.wanted is not None:
            return self.wanted
        return next(c for c, _ in ranked(self.finest) if c)

    @property
    def name(self) -> str:
        """The name of that class."""
        return voc.CLASSES[self.index]

    @cached_property
    def pixel(self) -> tuple[int, int]:
        """The pixel, in px of the networks' input, that the networks disagree about most."""
        return disputed_pixel(self.photo, self.results, self.results[0], self.index)

    def heatmap(self, stride: int, probability: bool = True) -> Heatmap:
        """The score map of this stride as the Heatmaps page shows it, of the coarsest network that has it.

        Raises:
            MissingError: no network has it.
        """
        able = [r for r in self.results if r.stride <= stride]
        if not able:
            raise MissingError(f"This step needs an FCN-{stride}s, and there are only coarser networks.")
        return Heatmap(self.photo, able[0], self.index, stride, probability)

    # --- pictures

    @cached_property
    def disputed(self) -> Extent:
        """The window, a quarter of the photo on each side, in which the networks' labels differ most."""
        top, left, height, width = render.disagreement_window([r.labels for r in self.results])
        factor = self.photo.input.width / self.photo.image.width
        edges = (factor * edge - 0.5 for edge in (left, top, left + width, top + height))
        return Extent(*edges)

    @property
    def extent(self) -> Extent:
        """The rectangle of the photo, in px of the networks' input."""
        return Extent.of(self.photo.input.size)

    @property
    def screen(self) -> Layer:
        """The photo in its own pixels on screen, from which the classifier's crops are cut."""
        return Layer(layers.photo_file(self.photo), Extent.of(self.photo.image.size))

    @property
    def base(self) -> Layer:
        """The photo as the lowest layer of a picture."""
        return Layer(layers.photo_file(self.photo), self.extent)

    def spotlight(self, r: Result) -> tuple[Layer, Layer, Layer]:
        """The photo, what a network's spotlight leaves out of it, and the outlines."""
        rest, outline = layers.spotlight(self.photo, r.net.name, None, r.segmentation)
        return self.base, Layer(rest, self.extent, rest=True), Layer(outline, self.extent)
