"""From the classifier's one answer to a heatmap: a dense layer is a convolution."""

import numpy as np
import torch

from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.render import Scale
from ui import paper
from ui.convolutionalize import photo, toy
from ui.convolutionalize.figures import HEATMAP_OPACITY
from ui.convolutionalize.toy import COLUMN, FEATURES, LABELS, ROW
from ui.figures.grids import coarse
from ui.figures.marks import Box, Line
from ui.figures.numbers import delta
from ui.figures.pictures import Extent
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Bars, Figure, Picture, Slide
from ui.lecture.steps.parts import probability

PAGE = "pages/convolutionalize.py"
#: Shorter sides of the input in the step about input sizes.
_SHORTER = (224, photo.START_SHORTER, 640)


def classify(s: Scene) -> Slide:
    """The photo, the crop that the classifier sees, and its top five classes."""
    top, names = np.argsort(-s.chances)[:5], imagenet.names()
    title, caption = "Your photo" if s.photo.own else s.photo.title, "boxed: the part it sees, 224 × 224 px"
    picture = Picture(title, s.screen.where, (s.screen,), (photo.crop_box(s.photo.image),), caption=caption)
    rows = tuple((names[i], float(s.chances[i])) for i in top)
    return Slide(
        "A classifier says what is in the photo: one answer for all of it, and no place.",
        "EfficientNet-Lite0 with ImageNet weights, 1,000 classes, run here on the central crop. Its first "
        f"answer is “{rows[0][0]}”, with probability {100 * rows[0][1]:.1f} %. The paper starts from such "
        "classifiers too: AlexNet, VGG16 and GoogLeNet (section 4.1).",
        Figure((picture, Bars("Top 5 of 1,000 classes", rows))),
        PAGE,
        {"section": "Photo"},
    )


def forgets(s: Scene) -> Slide:  # noqa: ARG001 (all steps are made alike)
    """A feature map, and the same map shuffled, with what that does to the scores."""
    c, h, w = FEATURES
    drawn = torch.from_numpy(toy.drawn(h, w).astype(np.float32)).expand(1, c, h, w).contiguous()
    mixed, before, after = toy.shuffle(toy.layers(drawn, LABELS, bias=True), toy.SHUFFLE)
    first, second = drawn[0, 0].numpy(), mixed[0, 0].numpy()
    scale, where = Scale.diverging(first), Extent.of((w, h))
    moved, apart = (delta((before - other).abs().max().item()) for other in after)
    features, shuffled = ((coarse(channel, scale, where),) for channel in (first, second))
    same = f"scores: max |Δ| = {moved}"
    pictures = (
        Picture(f"Features, one of {c} channels", where, features, caption=f"{LABELS} scores"),
        Picture("Its positions shuffled", where, shuffled, caption=same),
    )
    return Slide(
        f"A dense layer has a weight for each place, but its {LABELS} answers have no room for where.",
        f"Section 3.1: dense layers have fixed sizes and throw away positions. A layer from ({h}, {w}, {c}) "
        f"to {LABELS} labels, with random weights, reads the map before and after one shuffle: its scores "
        f"move by up to {moved}, and with its weights shuffled alike, which is another layer, by {apart}: "
        "rounding. What forgets place altogether is EfficientNet-Lite0's average over the map.",
        Figure(pictures),
        PAGE,
        {"section": "Numbers", "conv_map": toy.MAPS[1]},
    )


def fold(s: Scene) -> Slide:  # noqa: ARG001 (all steps are made alike)
    """The matrix of a dense layer, and one of its rows as a kernel."""
    c, h, w = FEATURES
    both = toy.layers(torch.zeros(1, *FEATURES), LABELS, bias=True)
    folded = both.conv.weight.detach().numpy()  # (labels, C, h, w)
    count = both.dense.weight.numel()
    return Slide(
        f"The same {count:,} weights, each row folded into a kernel: the dense layer is a convolution.",
        f"{h} · {w} · {c} · {LABELS} = {count:,} weights either way; the {LABELS} biases stay as they are. "
        "Nothing is copied: on the page both layers lie at one address. Section 3.1: dense layers are "
        "convolutions whose kernels cover their whole input. The weights here are random, untrained.",
        Figure((_folded(folded),)),
        PAGE,
        {"section": "Numbers"},
    )


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


def heatmap(s: Scene) -> Slide:
    """The probability of the classifier's answer, or of its group, in every window of the photo."""
    shorter = next(n for n in (photo.START_SHORTER, *_SHORTER) if _fits(s, n))
    picture, scale = _windows(s, shorter)
    h, w = s.windows(shorter).shape
    crop, one, count = (paper.AMORTISATION[k] for k in ("crop", "one_pass", "windows"))
    return Slide(
        f"As a convolution it answers for every window of the photo: a heatmap of “{s.subject[0]}”.",
        f"Section 3.1. The same weights, run once over the whole photo: {w} × {h} windows of 224 × 224 px, "
        f"32 px apart; boxed is the best one. The paper, with AlexNet: {crop} ms for one crop, {one:.0f} ms "
        f"for {count:.0f} windows in one pass, {count * crop / one:.1f} × as fast as crop by crop (their "
        "numbers, not measured here).",
        Figure((picture,), probability(s.subject[0], scale)),
        PAGE,
        {"section": "Photo"} | ({} if shorter == photo.START_SHORTER else {"conv_shorter": str(shorter)}),
    )


def _fits(s: Scene, shorter: int) -> bool:
    width, height = photo.scaled_size(s.photo, shorter)
    return width * height <= photo.MOST_PIXELS


def _windows(s: Scene, shorter: int, title: bool = False) -> tuple[Picture, Scale]:
    values, factor = s.windows(shorter), min(s.photo.image.size) / shorter
    start, step = photo.places(factor)
    h, w = values.shape
    left = start - step / 2
    where, scale = Extent(left, left, left + w * step, left + h * step), Scale(0.0, float(values.max()))
    stack = (s.screen, coarse(values, scale, where, HEATMAP_OPACITY, lines=False))
    width, height = photo.scaled_size(s.photo, shorter)
    box = photo.best_window(values, factor)
    caption = f"→ {w} × {h} cells, highest {values.max():.3f}"
    text = (f"{width} × {height} px", caption) if title else ("", f"{width} × {height} px {caption}")
    return Picture(text[0], s.screen.where, stack, (box,), caption=text[1]), scale


def any_size(s: Scene) -> Slide:
    """The heatmaps of the photo for three sizes of the input."""
    sides = [n for n in _SHORTER if _fits(s, n)]
    if not sides:
        raise MissingError("This photo is too elongated to show at several sizes: choose another.")
    pictures = tuple(_windows(s, n, title=True)[0] for n in sides)
    return Slide(
        "It takes any input size: a larger input gives more cells.",
        "Section 3.1: a network of convolutions and pooling takes any input size and gives an output of "
        f"corresponding size. Shorter sides here: {', '.join(map(str, sides))} px; a window is always 224 × "
        "224 of them, so in larger inputs it sees less of the photo. Beyond a window's edge the cell sees "
        "more photo, and the classifier alone zeros: they can differ. Each picture has its own colours.",
        Figure(pictures),
        PAGE,
        {"section": "Photo", "conv_shorter": str(sides[-1])},
    )
