"""From the classifier's one answer to a heatmap: a dense layer is a convolution."""

import numpy as np
import torch

from fcnviz import weights
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.lessons.convolutionalize.digits import scatter
from fcnviz.photos import voc
from fcnviz.render import Scale
from ui import paper
from ui.compare.results import legend
from ui.convolutionalize import digits, figures, photo, toy
from ui.convolutionalize.figures import HEATMAP_OPACITY
from ui.convolutionalize.toy import COLUMN, FEATURES, LABELS, ROW
from ui.figures.grids import Layer, coarse
from ui.figures.marks import Box, Line
from ui.figures.numbers import delta, percent
from ui.figures.pictures import Extent
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Bars, Figure, Picture, Slide
from ui.lecture.steps.parts import probability
from ui.running import layers

PAGE = "pages/convolutionalize.py"
#: Shorter sides of the input in the step about input sizes.
_SHORTER = (224, photo.START_SHORTER, 640)


def task(s: Scene) -> Slide:
    """The photo, and the label of each of its pixels."""
    r, (width, height) = s.finest, s.photo.image.size
    labels = layers.layer(s.photo, r.net.name, "Labels", s.palette, None, r.segmentation)
    found = legend([r], s.palette)
    return Slide(
        f"The task: each of {width * height:,} pixels gets one of {len(voc.CLASSES)} classes.",
        "Semantic segmentation (the paper's title, and its section 1): what is there, and where, for every "
        f"pixel. Right are the labels of {r.title}, the finest network of this lecture, as it answers by "
        "itself: how it comes to do that is the story. It is EfficientNet-Lite0, trained by this project on "
        "Pascal VOC; the paper has VGG16.",
        Figure(
            (
                Picture("Your photo" if s.photo.own else s.photo.title, s.extent, (s.base,)),
                Picture(f"The labels of {r.title}", s.extent, (Layer(labels, s.extent),)),
            ),
            legend=tuple((f"{e.name} {percent(e.shares[0])}", e.colour) for e in found),
        ),
        "pages/compare.py",
        {"view": "Labels"},
    )


def classify(s: Scene) -> Slide:
    """The photo, the crop that the classifier sees, and its top five classes."""
    top, names = np.argsort(-s.chances)[:5], imagenet.names()
    title, caption = (
        "Your photo" if s.photo.own else s.photo.title,
        "boxed: the part that it sees, as 224 × 224 px",
    )
    picture = Picture(title, s.screen.where, (s.screen,), (photo.crop_box(s.photo.image),), caption=caption)
    rows = tuple((names[i], float(s.chances[i])) for i in top)
    return Slide(
        "A classifier gives one answer, for one part of the photo, and no place.",
        "EfficientNet-Lite0 with ImageNet weights, 1,000 classes, run here on the central crop. Its first "
        f"answer is “{rows[0][0]}”, with probability {100 * rows[0][1]:.1f} %. The paper starts from such "
        "classifiers too: AlexNet, VGG16 and GoogLeNet (section 4.1).",
        Figure((picture, Bars("Top 5 of 1,000 classes", rows))),
        PAGE,
        {"section": "Photo"},
    )


def flatten(s: Scene) -> Slide:  # noqa: ARG001 (all steps are made alike)
    """A feature map, the same map shuffled, and a picture that the dense network refuses."""
    c, h, w = FEATURES
    drawn = torch.from_numpy(toy.drawn(h, w).astype(np.float32)).expand(1, c, h, w).contiguous()
    mixed, before, after = toy.shuffle(toy.layers(drawn, LABELS, bias=True), toy.SHUFFLE)
    moved, apart = (delta((before - other).abs().max().item()) for other in after)
    first, second = drawn[0, 0].numpy(), mixed[0, 0].numpy()
    scale, where = Scale.diverging(first), Extent.of((w, h))
    a = _canvas()
    canvas, refusal = figures.digit_canvas(a.pixels), digits.asked(a)[1]
    pictures = (
        Picture(
            "A map, one of 16 channels", where, (coarse(first, scale, where),),
            caption=f"flattened: {LABELS} numbers, and no place for where",
        ),
        Picture(
            "Shuffled, weights too", where, (coarse(second, scale, where),),
            caption=f"the same {LABELS} numbers: max |Δ| = {apart}",
        ),
        Picture(
            "A larger picture is refused", canvas.where, (canvas,),
            caption=f"{refusal}",
        ),
    )  # fmt: skip
    return Slide(
        f"Flattened, a map gives {LABELS} numbers without a place, and only one size of it fits.",
        "Section 3.1: dense layers have fixed sizes and throw away positions. Not that they are blind to "
        "places: the layer has a weight for each, and if the map alone is shuffled, its scores move by up to "
        f"{moved}. But shuffle map and weights alike and nothing changes, so it has no notion of neighbours "
        "(nor has a kernel as large as the map: it is the answer's place that gets lost), and its answer has "
        f"no room for a place. Right: the error of PyTorch when the bundled digits network, trained on "
        f"{digits.SIDE} × {digits.SIDE} px, is handed a larger picture.",
        Figure(pictures),
        PAGE,
        {"section": "Numbers", "conv_map": toy.MAPS[1]},
    )


def _canvas() -> digits.Answers:
    """The picture of digits that the page starts with, and the answers for it."""
    try:
        net = digits.bundled()
    except weights.WeightsError as error:
        raise MissingError(f"{error}.") from error
    return digits.answers(net, scatter(digits.CANVAS, digits.COUNT, digits.PICTURE))


def fold(s: Scene) -> Slide:  # noqa: ARG001 (all steps are made alike)
    """The matrix of a dense layer, and one of its rows as a kernel."""
    c, h, w = FEATURES
    both = toy.layers(torch.zeros(1, *FEATURES), LABELS, bias=True)
    folded = both.conv.weight.detach().numpy()  # (labels, C, h, w)
    count, query = both.dense.weight.numel(), {"section": "Numbers"}
    question = f"A dense layer turns {h} × {w} × {c} numbers into {LABELS}. How many weights has it, and how "
    question += "many has the convolution that gives the same?"
    return Slide(
        f"The same {count:,} weights, each row folded into a kernel: the dense layer is a convolution.",
        f"{h} · {w} · {c} · {LABELS} = {count:,} weights either way; the {LABELS} biases stay as they are. "
        "Nothing is copied: on the page both layers lie at one address. Section 3.1: dense layers are "
        "convolutions whose kernels cover their whole input. The weights here are random, untrained.",
        Figure((_folded(folded),)),
        PAGE,
        query,
        (Slide(question, "Let the hall guess first.", Figure((_matrix(folded),)), PAGE, query),),
    )


def _matrix(weight: np.ndarray) -> Picture:
    """Draw the dense layer's matrix, and not how many weights it has."""
    labels, where = len(weight), Extent(0, 0, weight[0].size, 60)
    layer = coarse(weight.reshape(labels, -1), Scale.diverging(weight), where)
    return Picture(f"Dense: a matrix, one row for each of the {labels} answers", where, (layer,))


def _folded(weight: np.ndarray) -> Picture:
    """Draw the matrix, and below it one of its rows as tiles; the unit is the width of a column."""
    labels, c, h, w = weight.shape
    columns, scale = c * h * w, Scale.diverging(weight)
    matrix, tall = Extent(0, 0, columns, 60), 60 / labels
    piece, gap = h * w, 1.0
    tiles = [Box(i * piece + gap, 76, (i + 1) * piece - gap, 106) for i in range(c)]
    parts = [coarse(weight.reshape(labels, columns), scale, matrix)]
    parts += [coarse(weight[ROW, i], scale, tile) for i, tile in enumerate(tiles)]
    marked, below = COLUMN // piece, (ROW + 1) * tall
    tile = tiles[marked]
    corners = ((marked * piece, tile.left), ((marked + 1) * piece, tile.right))
    leaders = (Line(((above, below), (corner, tile.top)), "dot") for above, corner in corners)
    marks = (Box(0, ROW * tall, columns, below), tile, *leaders)
    title = f"Dense: a matrix of {labels} × {columns} = {weight.size:,} weights"
    caption = f"Row {ROW} as a kernel of {h} × {w} × {c}, a tile per channel; {labels} of them: "
    caption += f"{weight.size:,} weights"
    return Picture(title, Extent(-0.5, -0.5, columns + 0.5, 106.5), tuple(parts), marks, caption)


def slide(s: Scene) -> Slide:
    """Digits and the photo, each with the answers of all windows, and how far they are from the windows'."""
    a, shorter = _canvas(), _fitting(s)
    (h, w), middle = a.best.shape, (digits.SIDE - 1) / 2
    where = Extent.cells(a.best.shape, (middle, middle))
    shows = Extent.of(a.pixels.shape[::-1])
    best = figures.best_digits(a.best, where)
    heat, scale = _windows(s, shorter)
    found = photo.measured(s.photo, shorter, s.device)
    columns, rows = found.windows
    crop, one, count = (paper.AMORTISATION[k] for k in ("crop", "one_pass", "windows"))
    pictures = (
        Picture(
            "Digits, and the best one of each window", shows, (figures.digit_canvas(a.pixels), best),
            figures.digit_names(a.best, where),
            f"{w} × {h} windows, each also run alone: max |Δ| = {delta(digits.difference(a))}",
        ),
        Picture(
            f"“{s.subject[0]}” in each window of the photo", heat.shows, heat.layers, heat.marks,
            f"{columns} × {rows} windows also run alone: {percent(found.agreement, 0)} the same best class, "
            f"a probability off by up to {found.difference:.2f}",
        ),
    )  # fmt: skip
    return Slide(
        "As a convolution it slides: one answer per window, exact on digits, nearly so on a photo.",
        "Section 3.1. The digits network pads nothing, so a cell is its window's answer, but for rounding. "
        "EfficientNet-Lite0 pads with zeros: a window alone has them at its edge, a window in the photo has "
        f"more photo there. {w} × {h} and {columns} × {rows} windows, in one pass each. The paper, with "
        f"AlexNet: {crop} ms for one crop, {one:.0f} ms for {count:.0f} windows in one pass, "
        f"{count * crop / one:.1f} × as fast as crop by crop (their numbers, not measured here).",
        Figure(pictures, probability(s.subject[0], scale), _named(a.best)),
        PAGE,
        {"section": "Photo", "conv_gap": "true"} | _scale(shorter),
    )


def _named(best: np.ndarray) -> tuple[tuple[str, str], ...]:
    """The digits that are found, with their colours."""
    return tuple((str(digit), figures.TEN[digit]) for digit in np.unique(best) if digit >= 0)


def _fitting(s: Scene) -> int:
    """The scale of the page, or another one if the photo is too elongated for it."""
    return next(n for n in (photo.START_SHORTER, *_SHORTER) if _fits(s, n))


def _scale(shorter: int) -> dict[str, str]:
    return {} if shorter == photo.START_SHORTER else {"conv_shorter": str(shorter)}


def _fits(s: Scene, shorter: int) -> bool:
    width, height = photo.scaled_size(s.photo, shorter)
    return width * height <= photo.MOST_PIXELS


def _windows(s: Scene, shorter: int, scale: Scale | None = None) -> tuple[Picture, Scale]:
    """Draw the map of the subject over the photo; return the picture, and the colours that it has."""
    values, factor = s.windows(shorter), min(s.photo.image.size) / shorter
    start, step = photo.places(factor)
    h, w = values.shape
    where = Extent.cells(values.shape, (start, start), step)
    scale = scale or Scale(0.0, float(values.max()))
    stack = (s.screen, coarse(values, scale, where, HEATMAP_OPACITY, lines=False))
    width, height = photo.scaled_size(s.photo, shorter)
    caption = f"{w} × {h} cells, highest {values.max():.3f}"
    box = photo.best_window(values, factor)
    return Picture(f"{width} × {height} px", s.screen.where, stack, (box,), caption), scale


def any_size(s: Scene) -> Slide:
    """The heatmaps of the photo for three sizes of the input, in the same colours."""
    sides = [n for n in _SHORTER if _fits(s, n)]
    if not sides:
        raise MissingError("This photo is too elongated to show at several sizes: choose another.")
    scale = Scale(0.0, max(float(s.windows(n).max()) for n in sides))
    return Slide(
        "It takes any input size: a larger input gives more cells.",
        "Section 3.1: a network of convolutions and pooling takes any input size and gives an output of "
        f"corresponding size. Shorter sides here: {', '.join(map(str, sides))} px; a window is always 224 × "
        "224 of them, so in larger inputs it sees less of the photo, and may answer otherwise: the boxed "
        "window is the best one. All pictures have the same colours.",
        Figure(tuple(_windows(s, n, scale)[0] for n in sides), probability(s.subject[0], scale)),
        PAGE,
        {"section": "Photo", "conv_shorter": str(sides[-1])},
    )
