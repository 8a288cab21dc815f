"""Panels of the Heatmaps page: from the coarse scores to the labels, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fcnviz import heatmaps, render, voc
from fcnviz.fcn import STRIDES
from fcnviz.render import Scale
from ui import cache, figures, kernel_figures, link, scales, shown
from ui.figures import Box, Extent
from ui.inputs import Networks, Photo
from ui.panels import Result, grid_text

VALUES = ("Score", "Probability")
#: Opacity of a heatmap over the photo.
OVER = 0.65


@dataclass(frozen=True, eq=False)
class Choice:
    """What the page looks at.

    Attributes:
        photo: the photo.
        results: of all networks.
        result: of the chosen one.
        device: as chosen in the sidebar.
        index: the class.
        stride: of the score map, 32, 16 or 8.
        probability: softmax instead of raw scores.
        over: lay heatmaps over the photo.
        more: show nearest and fixed bilinear too.
        pixel: (x, y) of the pixel that is asked about.
    """

    photo: Photo
    results: list[Result]
    result: Result
    device: str
    index: int
    stride: int
    probability: bool
    over: bool
    more: bool
    pixel: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the photo."""
        return self.photo.image.height, self.photo.image.width

    @property
    def which(self) -> cache.Which:
        """What the cached pictures depend on."""
        r = self.result
        return cache.Which(self.photo.digest, r.name, self.device, self.stride, self.index, self.probability)

    @property
    def name(self) -> str:
        """Of the class."""
        return voc.CLASSES[self.index]

    @property
    def cells(self) -> heatmaps.Cells:
        """Where the cells of the chosen score map lie."""
        net = cache.model(self.result.name, self.device)
        return heatmaps.cells(net, self.result.segmentation.scores.at(self.stride), self.stride)


# --- what to look at


def choose(photo: Photo, results: list[Result], networks: Networks) -> Choice:
    """Draw the toolbar; everything in it is in the link."""
    with st.container(horizontal=True, gap="medium"):
        result = _net(results)
        index = _class(result)
        strides = [s for s in STRIDES if s >= result.stride]
        stage = st.segmented_control(
            "Score map of stride", [str(s) for s in strides], default="32", required=True, key="stage",
            bind="query-params", help="32: score_fr. 16 and 8: after adding score_pool4 and score_pool3.",
        )  # fmt: skip
        values = st.segmented_control(
            "Values", VALUES, default="Score", required=True, key="values", bind="query-params"
        )
    with st.container(horizontal=True, gap="medium"):
        over = st.toggle("Over the photo", key="over", bind="query-params")
        more = st.toggle("Nearest neighbour and fixed bilinear too", key="more", bind="query-params")
    return Choice(
        photo, results, result, networks.device, index, int(stage or 32), values == "Probability",
        over, more, _pixel(photo, result, index),
    )  # fmt: skip


def _net(results: list[Result]) -> Result:
    names = {f"{r.stride}s": r for r in results}
    finest = list(names)[-1]
    chosen = st.segmented_control(
        "FCN", list(names), default=finest, required=True, key="net", bind="query-params",
    )  # fmt: skip
    return names[chosen or finest]


def ranked(result: Result) -> list[tuple[int, float]]:
    """All classes with their share of the picture, the strongest first and background last of those shown.

    Classes that win no pixel follow by their best coarse probability.
    """
    shares = render.shares(result.labels, len(voc.CLASSES))
    best = result.segmentation.scores.finest.softmax(1)[0].amax((1, 2)).numpy()
    order = sorted(range(len(voc.CLASSES)), key=lambda c: (not shares[c], c == 0, -shares[c], -best[c]))
    return [(c, float(shares[c])) for c in order]


def _class(result: Result) -> int:
    """Draw the choice of class: the link's, else the strongest."""
    shares = dict(ranked(result))
    wanted, state = link.get("class"), st.session_state
    strongest = next(c for c in shares if c)
    state["shown_class"] = wanted if wanted in voc.CLASSES else voc.CLASSES[strongest]

    def label(name: str) -> str:
        share = shares[voc.CLASSES.index(name)]
        return f"{name} · {100 * share:.1f} %" if share else name

    def pick() -> None:
        link.put({"class": state["shown_class"]})

    options = [voc.CLASSES[c] for c in shares]
    name = st.selectbox(
        "Class · share of the pixels",
        options,
        key="shown_class",
        format_func=label,
        on_change=pick,
        width=190,
    )
    return voc.CLASSES.index(name)


def _pixel(photo: Photo, result: Result, index: int) -> tuple[int, int]:
    """The link's pixel, moved into the photo; else where the class is strongest on the finest grid."""
    try:
        wanted = tuple(int(link.get(k, "")) for k in ("x", "y"))
    except ValueError:
        scores = result.segmentation.scores.finest
        row, column = divmod(int(scores.softmax(1)[0, index].argmax()), scores.shape[-1])
        spot, cells = (column, row), (scores.shape[-1], scores.shape[-2])
        wanted = tuple(int((i + 0.5) * n / k) for i, n, k in zip(spot, photo.image.size, cells, strict=True))
    x, y = (min(max(v, 0), n - 1) for v, n in zip(wanted, photo.image.size, strict=True))
    return x, y


# --- 1 coarse → dense

_TITLES = {
    "bilinear": "Bilinear interpolation",
    "learned": "Deconvolution, own kernels",
    "nearest": "Nearest neighbour",
    "fixed": "Deconvolution, fixed bilinear",
}


def dense(c: Choice) -> None:
    """The coarse grid, its reconstructions and their difference, on one shared scale."""
    made = cache.pictures(c.which, c.result.segmentation.scores, c.size)
    columns = st.columns(4)
    with columns[0]:
        _coarse(c, made)
    for column, way in zip(columns[1:3], ("bilinear", "learned"), strict=True):
        with column:
            _full(c, way, made.pngs[way])
    with columns[3]:
        _difference(c, made)
    if c.more:
        for column, way in zip(st.columns(4), ("nearest", "fixed"), strict=False):
            with column:
                _full(c, way, made.pngs[way])
    unit = "Probability" if c.probability else "Score"
    with st.container(horizontal=True, gap="large"):
        scales.bar(made.scale, f"{unit} of {c.name}", digits=2)
        scales.bar(made.spread, "Difference", digits=2)
    st.caption(_about_path(c))


def _coarse(c: Choice, made: heatmaps.Pictures) -> None:
    cells = c.cells
    unit = "probability" if c.probability else "score"
    figure = figures.grid(made.coarse, made.scale, start=cells.start, step=cells.stride, unit=unit)
    if c.over:
        figures.add_image(figure, _thumbnail(c.photo), Extent.of(c.photo.image.size))
        figure.data[0].opacity = OVER
    w, h = c.photo.image.size
    frame = Box(-0.5, -0.5, w - 0.5, h - 0.5, "dot", figures.FRAME)
    figures.add_boxes(figure, [frame, Box(*cells.edges(*cells.at(*c.pixel)))])
    _show(figure, "Coarse, as it is", f"coarse_{c.stride}", c.photo)
    st.caption(grid_text(made.coarse.shape, c.stride))


def _full(c: Choice, way: str, png: bytes) -> None:
    figure = figures.picture(_layers(c, png), c.photo.image.size)
    figures.add_cross(figure, *c.pixel)
    _show(figure, _TITLES[way], f"dense_{way}", c.photo)
    w, h = c.photo.image.size
    st.caption(f"→ {w} × {h}")


def _difference(c: Choice, made: heatmaps.Pictures) -> None:
    figure = figures.picture(_layers(c, made.difference), c.photo.image.size)
    figures.add_ring(figure, *made.where)
    _show(figure, "Deconvolution − bilinear", "difference", c.photo)
    x, y = made.where
    st.caption(f"max |Δ| {made.spread.high:.3f} at {x}, {y} (ring)")


def _show(figure: figures.go.Figure, title: str, key: str, photo: Photo) -> None:
    """A titled figure, as high as a quarter of the page asks for."""
    st.markdown(f"**{title}**")
    figure.update_layout(height=figures.fitting(*photo.image.size))
    shown.chart(figure, key)


def _layers(c: Choice, png: bytes) -> list[tuple[bytes, float]]:
    return [(_thumbnail(c.photo), 1.0), (png, OVER)] if c.over else [(png, 1.0)]


def _thumbnail(photo: Photo) -> bytes:
    return cache.small_photo(photo.digest, photo.image)


def _about_path(c: Choice) -> str:
    if c.stride == c.result.stride:
        return (
            f"This is the map that {c.result.title} upsamples: the deconvolution is its last layer, and its "
            "output the logits. Probabilities are taken after upsampling, as the network does."
        )
    return (
        f"{c.result.title} goes on to add skips to this map. Here it goes through the network's own "
        "deconvolutions without them: an ablation. Choose the finest map to see the network's logits."
    )


# --- 2 the border


def border(c: Choice) -> None:
    """Fixed bilinear deconvolution against interpolation: equal, but for s/2 pixels."""
    s = c.stride
    coarse = c.result.segmentation.scores.at(s)[0, c.index]
    found = cache.on_worker(heatmaps.border, coarse, s)
    canvas, sums = st.columns([3, 2], gap="medium")
    with canvas:
        st.markdown("**Bilinear deconvolution − `F.interpolate`**")
        shown.chart(_border_figure(c, found), "border")
        h, w = found.difference.shape
        st.caption(
            f"The whole canvas, {w} × {h} px: {w // s} × {h // s} cells of {s} px. Dashed: s/2 = {s // 2} px "
            "from its edge. Dotted: the photo."
        )
        scales.bar(Scale.diverging(found.difference), "Difference in score", digits=2)
    with sums:
        st.markdown("**Sum of the kernel's weights near an edge**")
        profile = heatmaps.weight_sums(s)
        shown.chart(kernel_figures.weight_sums(profile), "weight_sums")
        st.caption(
            f"Beyond the edge there are no cells: at the first pixel the weights that count sum to "
            f"{profile[0]:.3f} and not to 1, so scores are pulled towards 0."
        )
        inside, outside = st.columns(2)
        inside.metric("Interior: max |Δ|", f"{found.inside:.6f}", help="What is left is float32 rounding.")
        outside.metric("Border: max |Δ|", f"{found.outside:.2f}")


def _border_figure(c: Choice, found: heatmaps.Border) -> figures.go.Figure:
    """In pixels of the photo: the canvas begins half a cell before cell 0's centre."""
    s, cells = c.stride, c.cells
    h, w = found.difference.shape
    left, top = (start - s / 2 for start in cells.start)
    canvas = Extent(left, top, left + w, top + h)
    figure = figures.picture([], c.photo.image.size, canvas)
    png = render.heatmap_png(found.difference, Scale.diverging(found.difference))
    figures.add_image(figure, png, canvas)
    inner = Box(left + s / 2, top + s / 2, canvas.right - s / 2, canvas.bottom - s / 2, "dash", "#1a1f26")
    width, height = c.photo.image.size
    photo = Box(-0.5, -0.5, width - 0.5, height - 0.5, "dot", figures.MARK)
    figures.add_boxes(figure, [inner, photo])
    figure.update_layout(height=figures.fitting(w, h, 560))
    return figure
