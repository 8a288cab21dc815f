"""Panel: a cat that the visitor moves over a photo. The classifier's answer has no place, the map does."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from fcnviz import render, weights
from fcnviz.lessons.convolutionalize import cutout, imagenet
from fcnviz.photos import voc
from fcnviz.photos.images import fit
from fcnviz.photos.samples import SAMPLES
from fcnviz.render import Scale
from ui.components.grids import grids
from ui.components.movable import Frame, Scenery, Spot
from ui.components.movable import movable as draggable
from ui.convolutionalize import figures
from ui.convolutionalize.photo import START_SHORTER, crop_box, lite0, places, prepared, probabilities, scores
from ui.export import shown
from ui.figures.grids import Bar, Layer, Panel, Values, coarse
from ui.figures.marks import Cross, Ring
from ui.figures.numbers import percent
from ui.figures.pictures import Extent
from ui.running import samples, waiting, worker
from ui.state import Networks

#: The sample that the object is cut out of, its class in VOC, and its group in ImageNet.
OBJECT, LABEL, GROUP = "cat", voc.CLASSES.index("cat"), "any cat"
#: Longest side of the photo below it, in px.
LONGEST = 500


@dataclass(frozen=True)
class Scene:
    """A cut-out on a photo.

    Attributes:
        background: name of the sample below it.
        x, y: place of its centre, in percent of the photo's width and height.
        size: its width in percent of the photo's.
    """

    background: str
    x: int
    y: int
    size: int

    def picture(self) -> Image.Image:
        """Paste the cut-out onto the photo."""
        below = self.below()
        return cutout.paste(below, _object(), self.centre(below.size), round(below.width * self.size / 100))

    def below(self) -> Image.Image:
        """The photo alone."""
        return fit(samples.sample(self.background), LONGEST)

    def centre(self, size: tuple[int, int]) -> tuple[int, int]:
        """The cut-out's centre in px of a photo of this size."""
        return round(size[0] * self.x / 100), round(size[1] * self.y / 100)


@st.cache_resource(show_spinner=False)
def _object() -> Image.Image:
    return cutout.cut_out(samples.sample(OBJECT), samples.annotation(OBJECT) == LABEL)


@st.cache_data(max_entries=64, show_spinner="Running the classifier …")
def answers(scene: Scene, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Compute the probabilities of the centre crop, (1000,), and the group's in every window, (h, w)."""
    dense, conv = lite0(device)
    picture = scene.picture()
    crop = prepared(imagenet.centre(picture), device)
    whole = prepared(imagenet.scaled(picture, START_SHORTER), device)
    with worker.one_turn():
        one, maps = worker.run(scores, dense, crop), worker.run(scores, conv, whole)
    return probabilities(one), probabilities(maps)[list(imagenet.GROUPS[GROUP])].sum(0)


@waiting.panel
def movable(networks: Networks) -> None:
    """Draw the photo with its movable cat, the classifier's answer for it, and the heatmap."""
    scene = _choose()
    device = str(weights.pick_device(networks.device))
    one, heat = answers(scene, device)
    picture = scene.picture()
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Drag the cat**, or click where it shall be")
        _place(scene)
        _dense(one)
    with right:
        st.markdown(f"**The same weights as a convolution**: the map of “{GROUP}”")
        _map(picture, scene, heat)


def _choose() -> Scene:
    names = [name for name in SAMPLES if name != OBJECT]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        background = st.selectbox(
            "Lay the cat on", names, names.index("coffee"), key="mv_photo", bind="query-params", width=200,
            format_func=lambda name: SAMPLES[name].title,
        )  # fmt: skip
        x = st.slider("Across, %", 0, 100, 75, key="mv_x", bind="query-params", width=170)
        y = st.slider("Down, %", 0, 100, 55, key="mv_y", bind="query-params", width=170)
        size = st.slider("Width, %", 20, 70, 45, 5, key="mv_size", bind="query-params", width=150)
    return Scene(background, x, y, size)


def _place(scene: Scene) -> None:
    """Draw the photo and the cat, which can be moved; the classifier's crop is boxed."""
    below = scene.below()
    box, (wide, high) = crop_box(below), below.size
    frame = Frame(
        100 * box.left / wide, 100 * box.top / high, 100 * box.width / wide, 100 * box.height / high
    )
    photo, cat = (render.to_webp(np.asarray(image)) for image in (below, _object()))
    draggable(
        Scenery(photo, cat, "The cat", Spot(scene.x, scene.y, scene.size), frame),
        key="mv_drag",
        on_move=lambda x, y: st.session_state.update(mv_x=x, mv_y=y),
    )


def _dense(one: np.ndarray) -> None:
    """Tabulate the classifier's best classes for the crop."""
    top, names = np.argsort(-one)[:3], imagenet.names()
    group = one[list(imagenet.GROUPS[GROUP])].sum()
    rows = {names[i]: percent(one[i]) for i in top} | {f"{GROUP}, summed": percent(group)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["Classifier, dense: the boxed crop"])
    shown.table(table, "mv_classes")
    st.caption("However the cat moves, these are numbers of the whole crop: none of them says *where*.")


def _map(picture: Image.Image, scene: Scene, heat: np.ndarray) -> None:
    factor = min(picture.size) / START_SHORTER
    start, step = places(factor)
    row, column = (int(i) for i in np.unravel_index(heat.argmax(), heat.shape))
    peak, centre = (start + step * column, start + step * row), scene.centre(picture.size)
    where, scale = Extent.cells(heat.shape, (start, start), step), Scale(0.0, 1.0)
    layer = coarse(heat, scale, where, figures.HEATMAP_OPACITY, Values(heat, "probability"), False)
    shows = Extent.of(picture.size)
    panel = Panel(
        shows=shows,
        layers=(Layer(render.to_webp(np.asarray(picture)), shows), layer),
        caption="Cross: the cat's centre. Ring: the map's peak. Colours: at the windows' centres.",
        marks=(Cross(*centre), Ring(*peak)),
        bar=Bar("Probability", scale, 0),
        tall=480,
    )
    grids(panel, "mv_map")
    away = float(np.hypot(peak[0] - centre[0], peak[1] - centre[1]))
    st.markdown(
        f"Cat at x {centre[0]}, y {centre[1]}; peak **{heat.max():.2f}** at x {peak[0]:.0f}, y "
        f"{peak[1]:.0f}: "
        f"**{away:.0f} px** away. Cells lie {step:.0f} px apart, and none is nearer than "
        f"{start:.0f} px to the left or upper edge."
    )
