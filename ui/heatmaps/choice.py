"""The toolbar of the Heatmaps page, and the score map that is chosen there."""

from dataclasses import dataclass

import streamlit as st

from fcnviz import render
from fcnviz.fcn import STRIDES
from fcnviz.lessons.heatmaps.cells import Cells, cells_of
from fcnviz.photos import voc
from ui.compare.results import Result
from ui.figures.numbers import percent
from ui.figures.reconstruction import Pictures
from ui.heatmaps import cached
from ui.page import link
from ui.running.networks import model
from ui.state import Photo

VALUES = ("Probability", "Score")
#: Ways of upsampling that are always shown, and those that are shown on demand (see `reconstruct.WAYS`).
SHOWN, MORE = ("bilinear", "learned"), ("nearest", "fixed")


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One class's score map of one network.

    Attributes:
        photo: the photo.
        result: the network's result.
        index: index of the class.
        stride: stride of the score map, 32, 16 or 8.
        probability: whether softmax probabilities are shown instead of scores.
    """

    photo: Photo
    result: Result
    index: int
    stride: int
    probability: bool

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of upsampling that are shown."""
        return SHOWN

    @property
    def key(self) -> cached.HeatmapKey:
        """The key of the cached pictures."""
        return cached.HeatmapKey(self.result.net, self.stride, self.index, self.probability)

    @property
    def name(self) -> str:
        """Name of the class."""
        return voc.CLASSES[self.index]

    @property
    def cells(self) -> Cells:
        """Places of the score map's cells over the photo."""
        coarse = self.result.segmentation.scores.at(self.stride)
        return cells_of(model(self.result.net), coarse, self.stride)

    @property
    def pictures(self) -> Pictures:
        """The coarse map and its reconstructions as pictures, in the ways that are shown."""
        return cached.pictures(self.photo, self.key, self.ways, self.result.segmentation.scores)


@dataclass(frozen=True, eq=False)
class Choice(Heatmap):
    """What is chosen on the page.

    Attributes:
        results: results of all networks.
        over: whether heatmaps are laid over the photo.
        more: whether nearest neighbour and fixed bilinear are shown too.
        pixel: (x, y) of the pixel that "Why this pixel?" explains.
    """

    results: list[Result]
    over: bool
    more: bool
    pixel: tuple[int, int]

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of upsampling that are shown."""
        return (*SHOWN, *MORE) if self.more else SHOWN


def choose(photo: Photo, results: list[Result]) -> Choice:
    """Draw the toolbar; the link holds all its values."""
    with st.container(horizontal=True, gap="medium"):
        result = _net(results)
        index = _class(result)
        strides = [s for s in STRIDES if s >= result.stride]
        own = str(result.stride)
        stage = st.segmented_control(
            "Score map of stride", [str(s) for s in strides], default=own, required=True, key="stage",
            bind="query-params", help="32: score_fr. 16 and 8: after adding score_pool4 and score_pool3.",
        )  # fmt: skip
        values = st.segmented_control(
            "Values", VALUES, default=VALUES[0], required=True, key="values", bind="query-params"
        )
    with st.container(horizontal=True, gap="medium"):
        over = st.toggle("Over the photo", True, key="over", bind="query-params")
        more = st.toggle("Nearest neighbour and fixed bilinear too", key="more", bind="query-params")
    probability, pixel = values != "Score", _pixel(photo, results, result, index)
    return Choice(photo, result, index, int(stage or own), probability, results, over, more, pixel)


def _net(results: list[Result]) -> Result:
    """Draw the choice of the network; another one opens on its own path, the map that it upsamples."""
    names, state = {f"{r.stride}s": r for r in results}, st.session_state

    def own_path() -> None:
        if state["net"] in names:
            state["stage"] = str(names[state["net"]].stride)

    coarsest = next(iter(names))
    chosen = st.segmented_control(
        "FCN",
        list(names),
        default=coarsest,
        required=True,
        key="net",
        bind="query-params",
        on_change=own_path,
    )
    return names[chosen or coarsest]


def ranked(result: Result) -> list[tuple[int, float]]:
    """List all classes with their share of the picture.

    First come the classes of at least one pixel, the most frequent first and background last; then the others
    by their highest coarse probability.
    """
    shares = render.shares(result.labels, len(voc.CLASSES))
    best = result.segmentation.scores.finest.softmax(1)[0].amax((1, 2)).numpy()
    order = sorted(range(len(voc.CLASSES)), key=lambda c: (not shares[c], c == 0, -shares[c], -best[c]))
    return [(c, float(shares[c])) for c in order]


def _class(result: Result) -> int:
    """Draw the choice of the class; at first it is the link's, else the most frequent one."""
    shares = dict(ranked(result))
    wanted, state = link.get("class"), st.session_state
    most_frequent = next(c for c in shares if c)
    state["shown_class"] = wanted if wanted in voc.CLASSES else voc.CLASSES[most_frequent]

    def label(name: str) -> str:
        share = shares[voc.CLASSES.index(name)]
        return f"{name} · {percent(share)}" if share else name

    def pick() -> None:
        link.put({"class": state["shown_class"]})

    title, names = "Class · share of the pixels", [voc.CLASSES[c] for c in shares]
    name = st.selectbox(title, names, key="shown_class", format_func=label, on_change=pick, width=190)
    return voc.CLASSES.index(name)


def _pixel(photo: Photo, results: list[Result], result: Result, index: int) -> tuple[int, int]:
    """Read the link's pixel, moved into the photo; else find where the networks disagree most."""
    try:
        wanted = int(link.get("x", "")), int(link.get("y", ""))
    except ValueError:
        wanted = disputed_pixel(photo, results, result, index)
    x, y = (min(max(v, 0), n - 1) for v, n in zip(wanted, photo.input.size, strict=True))
    return x, y


def disputed_pixel(photo: Photo, results: list[Result], result: Result, index: int) -> tuple[int, int]:
    """Find the pixel, in px of the networks' input, where the networks disagree most.

    Where they agree everywhere, it is the class's maximum on the finest grid of `result`.
    """
    labels = [r.labels for r in results]
    found = cached.disputed(photo, tuple(r.net for r in results), labels)
    grid = labels[0].shape[::-1]
    if found is None:
        scores = result.segmentation.scores.finest
        row, column = divmod(int(scores.softmax(1)[0, index].argmax()), scores.shape[-1])
        found, grid = (column, row), (scores.shape[-1], scores.shape[-2])
    x, y = (int((i + 0.5) * n / k) for i, n, k in zip(found, photo.input.size, grid, strict=True))
    return x, y
