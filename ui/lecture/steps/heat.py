"""What a cell of the coarse grid sees, and how the grid becomes a map of every pixel."""

from dataclasses import replace

import numpy as np

from fcnviz import render
from fcnviz.lessons.heatmaps import receptive
from fcnviz.lessons.heatmaps.learned_kernels import learned_kernels
from ui.figures.grids import Layer, coarse
from ui.figures.marks import Box
from ui.figures.numbers import percent
from ui.figures.pictures import Extent
from ui.figures.theme import OPACITY
from ui.heatmaps import cached
from ui.heatmaps.choice import Heatmap
from ui.heatmaps.pixel import field_panel, half_mass_side
from ui.lecture.scene import Scene
from ui.lecture.slide import Figure, Picture, Slide
from ui.lecture.steps.parts import CLOSE, classes, picture, printed, probability, with_closeup
from ui.running.networks import model

PAGE = "pages/heatmaps.py"
_ABLATION = (
    " These weights hold no network that ends here: shown is {} with its later skips off, an ablation."
)


def _query(s: Scene, source: Heatmap, section: str = "Dense") -> dict[str, str]:
    """Write the link parameters that show this map on its page."""
    net, stage = f"{source.result.stride}s", str(source.stride)
    return {"section": section, "class": s.name, "net": net, "stage": stage, "over": "true"}


def _about(source: Heatmap) -> str:
    """Say so if a finer network stands in for the one that ends at this stride."""
    return "" if source.result.stride == source.stride else _ABLATION.format(source.result.title)


def cell(s: Scene) -> Slide:
    """The probabilities on the coarse grid of stride 32, and what one of its cells sees."""
    source = s.heatmap(32)
    made, cells, net = source.pictures, source.cells, source.result
    (h, w), at = made.coarse.shape, source.cells.at(*s.pixel)
    where = Extent.cells(made.coarse.shape, cells.start, cells.stride)
    grid = coarse(made.coarse, made.scale, where, OPACITY)
    field = receptive.receptive_field(model(net.net), 32, at, s.photo.input_shape)
    mass = cached.effective_field(s.photo, source.key, at)
    width = field.right - field.left + 1
    half = half_mass_side(source, mass, at)
    sees = picture(field_panel(source, at, field, mass), "What the boxed cell sees")
    sees = replace(sees, caption=f"can see {width} px (dashed); half of its gradient lies within {half} px")
    column, row = s.pixel
    return Slide(
        f"Trained to segment, it answers for every class, here “{s.name}”, but once per 32 px only.",
        "Section 4.1: the classifier's last layer becomes one of 21 scores, 20 classes of VOC and "
        "background, and is fine-tuned. Five halvings make its stride 32: finer detail has to be guessed. "
        "The theoretical receptive field is derived layer by layer; the effective one is the gradient of "
        "the cell's score by the photo (bright; one backward pass, here). In print: "
        f"{printed('FCN-32s')}.{_about(source)}",
        Figure(
            (
                Picture(
                    f"{net.title}: {w} × {h} cells",
                    s.extent,
                    (s.base, grid),
                    (Box(*cells.edges(*at)),),
                ),
                sees,
            ),
            probability(s.name, made.scale),
        ),
        PAGE,
        _query(s, source, "Pixel") | {"x": str(column), "y": str(row), "effective": "true"},
    )


def bilinear(s: Scene) -> Slide:
    """The same scores after bilinear interpolation."""
    source = s.heatmap(32)
    made = source.pictures
    (h, w), (width, height) = made.coarse.shape, s.photo.input.size
    layer = Layer(made.pngs["bilinear"], s.extent, OPACITY)
    caption = f"{w} × {h} cells → {width} × {height} px"
    return Slide(
        "Bilinear interpolation makes the map smooth, but adds nothing that was not there before.",
        "Section 3.3: each pixel is a weighted mean of its four nearest cells. Softmax is taken after "
        f"upsampling, as the network does.{_about(source)}",
        Figure(with_closeup(s, (s.base, layer), caption), probability(s.name, made.scale)),
        PAGE,
        _query(s, source),
    )


def learned(s: Scene) -> Slide:
    """The labels after interpolation and after the network's own deconvolution, where they differ most."""
    source = s.heatmap(32)
    net, scores = source.result, source.result.segmentation.scores
    labels = cached.all_classes(s.photo, net.net, 32, scores).labels
    before, after = labels["bilinear"], labels["learned"]
    border, learning, both = cached.label_differences(s.photo, net.net, 32, scores)
    window, colours = _window(before, after), render.PALETTES[s.palette]
    differ = Layer(render.change_layer(before, after), s.extent)
    drawn = [Layer(render.layer(found, colours, outline=True), s.extent) for found in (before, after)]
    changed = Picture(
        "Labels that differ", s.extent, (s.base, differ), (Box.at(window, "dash", CLOSE),),
        caption=f"{percent(both, 2)} of all pixels",
    )  # fmt: skip
    names = ("By interpolation", "By its own deconvolution")
    close = [Picture(name, window, (s.base, one), caption="") for name, one in zip(names, drawn, strict=True)]
    return Slide(
        f"A learned kernel labels {percent(both, 2)} of the pixels differently from interpolation.",
        "Section 3.3: upsampling is backwards convolution, so its kernel can be learned. The paper fixes the "
        f"last one to bilinear and learns the others; here {_kernel(s, source)}. The zeros beyond the border "
        f"alone change {percent(border, 2)} of the labels, learning alone {percent(learning, 2)}; a label "
        f"that changes need not become right.{_about(source)}",
        Figure((changed, *close), legend=classes([net], s.palette)),
        PAGE,
        _query(s, source),
    )


def _window(before: np.ndarray, after: np.ndarray) -> Extent:
    """The window in which two label maps of the networks' input differ most."""
    top, left, height, width = render.disagreement_window([before, after])
    return Extent(left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5)


def _kernel(s: Scene, source: Heatmap) -> str:
    """Say what became of the kernel of the network's last deconvolution."""
    last = learned_kernels(model(source.result.net), s.index)[-1]
    if last.frozen:
        return f"{last.layer} is bilinear, as it started"
    moved = f"{100 * last.change:.0f} % of its norm"
    return f"{last.layer} is learned, and its kernel for {s.name} moved by {moved}"
