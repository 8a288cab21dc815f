"""The steps of the lecture: for each, a function that makes its slide from the scene."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from fcnviz import render, weights
from fcnviz.evaluation.single import WITHIN, Single
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.lessons.heatmaps.learned_kernels import learned_kernels
from fcnviz.render import Scale
from ui import paper
from ui.compare.results import METRICS, SINGLE, Result, alarms, legend, metrics_table
from ui.convolutionalize import photo, toy
from ui.convolutionalize.figures import HEATMAP_OPACITY
from ui.convolutionalize.toy import COLUMN, FEATURES, LABELS, ROW
from ui.evaluate import published
from ui.figures.grids import Layer, coarse
from ui.figures.marks import Box, Line
from ui.figures.numbers import delta, percent
from ui.figures.pictures import Extent
from ui.figures.theme import OPACITY, hex_colour
from ui.heatmaps.choice import Heatmap
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Bars, Figure, Picture, Slide, Table
from ui.page import masks
from ui.running import layers
from ui.running.networks import model

CONVOLUTION = "pages/convolutionalize.py"
HEATMAPS = "pages/heatmaps.py"
#: Colour of the outline of the part that is shown enlarged.
CLOSE = "#ffffff"
#: Shorter sides of the input in the step about input sizes.
_SHORTER = (224, photo.START_SHORTER, 640)


# --- a classifier becomes a convolution


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
        CONVOLUTION,
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
        CONVOLUTION,
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
        CONVOLUTION,
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
        Figure((picture,), _probability(s.subject[0], scale)),
        CONVOLUTION,
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


def _probability(name: str, scale: Scale) -> tuple[str, Scale, tuple[str, str]]:
    high = "1" if scale.high == 1 else f"{scale.high:.3f}"
    return f"probability of {name}", scale, ("0", high)


def any_size(s: Scene) -> Slide:
    """The heatmaps of the photo for three sizes of the input."""
    sides = [n for n in _SHORTER if _fits(s, n)]
    if not sides:
        raise MissingError("This photo is too elongated to show at several sizes: choose another.")
    pictures = tuple(_windows(s, n, title=True)[0] for n in sides)
    return Slide(
        "It takes any input size: a larger input gives more cells.",
        "Section 3.1: a net of convolutions and pooling takes any input size and gives an output of "
        f"corresponding size. Shorter sides here: {', '.join(map(str, sides))} px; a window is always 224 × "
        "224 of them, so in larger inputs it sees less of the photo. Beyond a window's edge the cell sees "
        "more photo, and the classifier alone zeros: they can differ. Each picture has its own colours.",
        Figure(pictures),
        CONVOLUTION,
        {"section": "Photo", "conv_shorter": str(sides[-1])},
    )


# --- from coarse to fine: one class, one scale, one place


def _heat(s: Scene, stride: int, way: str, sentence: str, notes: str) -> Slide:
    """Make a slide about one class; `way` is "coarse", or one of `reconstruct.WAYS`."""
    source = s.heatmap(stride)
    made, title = source.pictures, source.result.title
    (h, w), (width, height) = made.coarse.shape, s.photo.input.size
    caption = f"{title}: {w} × {h} cells"
    if way == "coarse":
        left, top, *_ = source.cells.edges(0, 0)
        *_, right, bottom = source.cells.edges(w - 1, h - 1)
        layer = coarse(made.coarse, made.scale, Extent(left, top, right, bottom), OPACITY)
    else:
        layer = Layer(made.pngs[way], s.extent, OPACITY)
        caption += f" → {width} × {height} px"
    figure = Figure(_with_closeup(s, (s.base, layer), caption), _probability(s.name, made.scale))
    notes += "" if source.result.stride == stride else f" {_ABLATION.format(title)}"
    query = {"section": "Dense", "class": s.name, "net": f"{source.result.stride}s", "stage": str(stride)}
    return Slide(sentence, notes, figure, HEATMAPS, {**query, "values": "Probability", "over": "true"})


def _with_closeup(s: Scene, stack: tuple[Layer, ...], caption: str) -> tuple[Picture, Picture]:
    """Draw the whole photo, and beside it the window in which the networks differ most."""
    return (
        Picture("", s.extent, stack, (Box.at(s.disputed, "dash", CLOSE),), caption=caption),
        Picture("", s.disputed, stack, caption="dashed part: where they differ most"),
    )


_ABLATION = "These weights hold no network that ends here: shown is {} with its later skips off, an ablation."


def _published(name: str) -> str:
    """Write the paper's mean IU of a network, with its source."""
    return (
        f"{paper.VOC2011_VAL[name][2]} % mean IU for {name} (the paper, table 2, VOC2011 validation, VGG16)"
    )


def too_coarse(s: Scene) -> Slide:
    """The probabilities on the coarse grid of stride 32."""
    sentence = f"Trained to segment, it answers for every class, here “{s.name}”, but once per 32 pixels "
    sentence += "only."
    notes = (
        "Section 4.1: the classifier's last layer becomes one of 21 scores, 20 classes of VOC and "
        "background, and is fine-tuned. Five halvings make its stride 32: finer detail has to be guessed. "
        f"In print: {_published('FCN-32s')}."
    )
    return _heat(s, 32, "coarse", sentence, notes)


def bilinear(s: Scene) -> Slide:
    """The same scores after bilinear interpolation."""
    sentence = "Bilinear interpolation makes the map smooth, but adds nothing that was not there before."
    notes = (
        "Section 3.3: each pixel is a weighted mean of its four nearest cells. The colours and the place are "
        "those of the step before, so that the two can be compared by going back and forth. Softmax is taken "
        "after upsampling, as the network does."
    )
    return _heat(s, 32, "bilinear", sentence, notes)


def deconvolution(s: Scene) -> Slide:
    """The same scores after the network's own deconvolution."""
    source = s.heatmap(32)
    made = source.pictures
    sentence = "A deconvolution can do the same as a layer of the net, and can learn a kernel of its own."
    notes = (
        "Section 3.3: upsampling is convolution with a fractional stride, that is, backwards convolution. "
        f"The paper fixes the last one to bilinear and learns the others; here {_kernel(s, source)}. On this "
        f"photo learning moves a probability by at most {made.learning.most:.3f}; the zeros beyond the "
        f"border by at most {made.border.most:.3f}."
    )
    return _heat(s, 32, "learned", sentence, notes)


def _kernel(s: Scene, source: Heatmap) -> str:
    """Say what became of the kernel of the network's last deconvolution."""
    last = learned_kernels(model(source.result.net), s.index)[-1]
    if last.frozen:
        return f"{last.layer} is bilinear, as it started"
    moved = f"{100 * last.change:.0f} % of its norm"
    return f"{last.layer} is learned, and its kernel for {s.name} moved by {moved}"


def add_pool4(s: Scene) -> Slide:
    """The heatmap after the first skip."""
    sentence = "pool4 is twice as fine: its scores are added to the deep ones, and the grid has stride 16."
    notes = (
        "Section 4.2: a 1 × 1 convolution scores pool4, the deep scores are upsampled by a factor of 2, and "
        f"the two are summed. This is FCN-16s, fine-tuned from FCN-32s. In print: {_published('FCN-16s')}."
    )
    return _heat(s, 16, "learned", sentence, notes)


def add_pool3(s: Scene) -> Slide:
    """The heatmap after the second skip."""
    sentence = "pool3 is finer still: its scores are added as well, and now the grid has a stride of 8."
    notes = (
        "Section 4.2: the same once more, with pool3, gives FCN-8s. The paper goes no further, as the gain "
        f"gets small: {_published('FCN-8s')}. Shown are its own logits after softmax."
    )
    return _heat(s, 8, "learned", sentence, notes)


# --- the answer, and how good it is


def side_by_side(s: Scene) -> Slide:
    """The label maps of all networks, side by side."""
    pictures = [_labelled(s, r) for r in s.results]
    close = [replace(picture, title="", shows=s.disputed, caption="", marks=()) for picture in pictures]
    shares = [
        f"{after.title} labels {100 * render.flipped_share(before.labels, after.labels):.1f} % of the pixels "
        f"differently from {before.title}"
        for before, after in itertools.pairwise(s.results)
    ]
    counted = f" On this photo {'; '.join(shares)} (counted here)." if shares else ""
    return Slide(
        "Deep layers say what, shallow layers say where: the three networks on one photo.",
        "Section 4.2 and its figure 4: all three networks on one photo, each pixel in the colour of its best "
        f"class.{counted}",
        Figure((*pictures, *close), legend=_classes(s), columns=len(pictures)),
        "pages/compare.py",
        {"section": "Skips"},
    )


def _classes(s: Scene) -> tuple[tuple[str, str], ...]:
    return tuple((e.name, e.colour) for e in legend(s.results, s.palette) if e.index)


def _labelled(s: Scene, r: Result) -> Picture:
    png = layers.layer(s.photo, r.net.name, "Spotlight", s.palette, None, r.segmentation)
    stack, window = (s.base, Layer(png, s.extent)), Box.at(s.disputed, "dash", CLOSE)
    return Picture(f"{r.title} · stride {r.stride}", s.extent, stack, (window,))


_ABOUT_METRICS = (
    "Section 5: pixel accuracy is the share of pixels labelled right; mean accuracy its mean over the "
    "classes; IU divides the overlap by the union, and its mean over the classes is what papers compare. "
)


def over_many(s: Scene) -> Slide:  # noqa: ARG001 (as every step)
    """Recorded metrics of the bundled networks; without them, the paper's."""
    rows, caption = published.recorded(), "EfficientNet-Lite0, trained by this project; not this photo"
    about = next((w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics), None)
    if about:
        title = f"VOC2012 {about['split']}, {about['photos']:,} photos, measured by this project"
    else:
        title, caption = "The paper: VOC2011 validation, 736 photos", "CVPR 2015, table 2, VGG16"
        rows = paper.voc2011_val()
    return Slide(
        "How good is it? Four ways to compare labels with the truth, here over many photos.",
        f"{_ABOUT_METRICS}Recorded, not of this photo: {title}. Numbers of other data sets or networks "
        "cannot be compared with them.",
        Figure((_metrics_table(title, rows, caption),)),
        "pages/evaluate.py",
        {"section": "VOC"},
    )


def how_good(s: Scene) -> Slide:
    """The scores of this photo; of a photo whose truth nobody drew, where its networks differ."""
    truth = masks.bundled(s.photo)
    if truth is None:
        return _without_truth(s)
    rows = {r.title: r.scored(truth.labels) for r in s.results}
    mask = render.label_png(truth.labels, render.PALETTES[s.palette])
    picture = Picture("Ground truth", s.extent, (Layer(mask, s.extent),), caption=truth.origin)
    return Slide(
        "And on this photo? The labels against the truth, pixel by pixel, and near the outline alone.",
        "Pixel accuracy is the share of pixels labelled right. IU divides overlap by union; here its mean "
        f"runs over the classes in the truth. Within {WITHIN} px of a true boundary one sees how fine the "
        f"outline is. One photo is an anecdote: on VOC2011 validation the paper has {_published('FCN-8s')}.",
        Figure((picture, _single_table("This photo alone, measured here", rows))),
        "pages/compare.py",
        {"section": "Ground truth"},
    )


#: Notes on pictures of changed labels.
_DIFFER = (
    "Where they differ, at least one of them is wrong; where they agree, all can be. Coloured is the new "
    "label, white what became background, grey what stayed. The finer network has a skip more, and was "
    "trained further: both are in the difference. "
)


def _without_truth(s: Scene) -> Slide:
    """The pixels whose label a finer network changes, with their share; of one network alone, its labels."""
    changes = tuple(_changed(s, before, after) for before, after in itertools.pairwise(s.results))
    white = ("now background", hex_colour(np.array(render.FLIP_TO_BACKGROUND, np.uint8)))
    shown = "where the networks differ" if changes else f"the labels of {s.results[0].title}"
    return Slide(
        f"And on this photo? Nobody drew its truth, so no score: only {shown}.",
        "The metrics divide by what is true, and of this photo only its pixels are known. "
        f"{_DIFFER if changes else ''}With a label map of your own, Compare scores the photo.",
        Figure(
            changes or tuple(_labelled(s, r) for r in s.results),
            legend=(*_classes(s), *([white] if changes else [])),
        ),
        "pages/compare.py",
        {"section": "Skips"} if changes else {},
    )


def _changed(s: Scene, before: Result, after: Result) -> Picture:
    names, pair = (before.net.name, after.net.name), (before.labels, after.labels)
    layer = Layer(layers.flips(s.photo, names, s.palette, pair), s.extent)
    caption = f"{percent(render.flipped_share(*pair))} of the labels differ"
    return Picture(f"{before.title} → {after.title}", s.extent, (layer,), caption=caption)


def _metrics_table(title: str, rows: Mapping[str, tuple[float, ...]], caption: str = "") -> Table:
    text = {str(name): [str(v) for v in row] for name, row in metrics_table(rows).T.items()}
    return Table(title, METRICS, rows, text, caption)


def _single_table(title: str, rows: Mapping[str, Single]) -> Table:
    values = {name: scores.three for name, scores in rows.items()}
    text = {name: [percent(v) for v in row] for name, row in values.items()}
    false = [f"{name}: {alarms(scores)}" for name, scores in rows.items()]
    return Table(title, SINGLE, values, text, f"False alarms: {'; '.join(false)}")


#: Function of each step by name, in order.
STEPS: dict[str, Callable[[Scene], Slide]] = {
    "Classify": classify,
    "Forgets where": forgets,
    "Dense = convolution": fold,
    "A heatmap": heatmap,
    "Any input size": any_size,
    "Too coarse": too_coarse,
    "Bilinear": bilinear,
    "Deconvolution": deconvolution,
    "Add pool4": add_pool4,
    "Add pool3": add_pool3,
    "32s, 16s, 8s": side_by_side,
    "Over many photos": over_many,
    "This photo": how_good,
}
NAMES = tuple(STEPS)


def make_slide(scene: Scene, step: int) -> Slide:
    """Make a slide; if it cannot be shown, it has no figure, and its sentence says why.

    Args:
        scene: the subject of the lecture.
        step: number of the slide, from 1.
    """
    try:
        return STEPS[NAMES[step - 1]](scene)
    except MissingError as why:
        return Slide(str(why), "", None, "pages/compare.py")
