"""The network and the class whose scores the page takes apart."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from fcnviz import weights
from fcnviz.lessons.heatmaps.cells import stage_start
from fcnviz.photos import voc
from ui.compare.results import Result, run_networks, strongest
from ui.figures.grids import Layer
from ui.figures.pictures import Extent
from ui.page import controls
from ui.page.frame import Inputs
from ui.running import layers
from ui.running.networks import model
from ui.state import Networks, Photo


@dataclass(frozen=True, eq=False)
class Choice:
    """One class's coarse scores.

    Attributes:
        photo: the photo.
        result: FCN-32s on lite0.
        index: index of the class.
    """

    photo: Photo
    result: Result
    index: int

    @property
    def name(self) -> str:
        """Name of the class."""
        return voc.CLASSES[self.index]

    @property
    def coarse(self) -> np.ndarray:
        """Its scores of stride 32, (h, w)."""
        return self.result.segmentation.scores.s32[0, self.index].numpy()

    @property
    def below(self) -> Layer:
        """The photo, to lie below its maps."""
        return Layer(layers.small_photo(self.photo), Extent.of(self.photo.input.size))

    @property
    def start(self) -> tuple[float, float]:
        """(x, y) of the centre of cell 0 in pixels of the photo."""
        first = stage_start(model(self.result.net), 32)
        return first, first


def choose(page: Inputs) -> Choice | None:
    """Run FCN-32s, and draw the choice of the class, at first the strongest; None if it cannot run."""
    networks = Networks("lite0", weights.BUNDLED[:1], page.networks.device)
    results = run_networks(page.photo, networks)
    if not results:
        return None
    scores = results[0].segmentation.scores.s32[0].numpy()
    linked, state = controls.isolated(), st.session_state
    state["history_class"] = voc.CLASSES[strongest(scores) if linked is None else linked]

    def pick() -> None:
        controls.isolate(voc.CLASSES.index(state["history_class"]))

    name = st.selectbox("Class", voc.CLASSES, key="history_class", on_change=pick, width=190)
    return Choice(page.photo, results[0], voc.CLASSES.index(name))
