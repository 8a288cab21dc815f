"""The story in twelve steps: each a function from the scene to its slide."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from fcnviz import imagenet, metrics, paper, render, voc, weights
from fcnviz.heatmaps import Pictures, kernels
from fcnviz.render import Scale
from ui import cache, convolution, convolution_photo, heatmaps, masks, panels, published
from ui.figures import MARK, Box, Extent
from ui.lecture_scene import MissingError, Scene
from ui.lecture_slide import Bars, Figure, Layer, Picture, Slide, Table, coarse
from ui.numbers import delta

CONVOLUTION, HEATMAPS = "pages/convolutionalize.py", "pages/heatmaps.py"
#: Shorter sides of the input in the step about input sizes.
SHORTER = (224, 384, 640)
#: Labels, and (C, H, W) of the features, of the toy: the Convolutionalize page's own.
LABELS, FEATURES = 10, (16, 4, 4)
#: The weight that is marked, as that page starts: row and column of the dense matrix.
ROW, COLUMN = 3, 77
#: Opacity of the classifier's heatmap, as on its page.
_OVER = 0.72


# --- a classifier becomes a convolution


def classify(s: Scene) -> Slide:
    """The photo, the crop that is looked at, and five answers."""
    top, names = np.argsort(-s.chances)[:5], imagenet.names()
    picture = Picture(
        "Your photo" if s.photo.own else s.photo.title, s.extent, (s.base,),
        (convolution_photo.crop_box(s.photo.image),), caption="boxed: the part it sees, 224 × 224 px",
    )  # fmt: skip
    rows = tuple((names[i], float(s.chances[i])) for i in top)
    return Slide(
        "A classifier says what is in the photo: one answer for all of it, and no place.",
        "EfficientNet-Lite0 with ImageNet weights, 1,000 classes, run here on the central crop. Its first "
        f"answer is “{rows[0][0]}”, with probability {100 * rows[0][1]:.1f} %. The paper starts from such "
        "classifiers too: AlexNet, VGG16 and GoogLeNet (section 4.1).",
        Figure((picture, Bars("Top 5 of 1,000 classes", rows))),
        CONVOLUTION,
    )


def _toy(features: torch.Tensor) -> convolution.Toy:
    return convolution.layers(features, LABELS, bias=True)


def forgets(s: Scene) -> Slide:
    """The features shuffled, and the weights alike: the same scores."""
    c, h, w = FEATURES
    drawn = torch.from_numpy(convolution.drawn(h, w).astype(np.float32)).expand(1, c, h, w).contiguous()
    mixed, before, after = convolution.shuffle(_toy(drawn), 1)
    first, second = drawn[0, 0].numpy(), mixed[0, 0].numpy()
    scale, where = Scale.diverging(first), Extent.of((w, h))
    apart = delta((before - after).abs().max().item())
    return Slide(
        "Shuffle positions and weights alike, and the scores stay: a dense layer knows no place.",
        f"Section 3.1: dense layers have fixed sizes and throw away positions. Here a layer from ({h}, {w}, "
        f"{c}) to {LABELS} labels with random weights reads the map before and after one shuffle; computed "
        f"here, its {LABELS} scores differ by at most {apart}, which is rounding.",
        Figure((
            Picture("Features, one of 16 channels", where, (coarse(first, scale, where),),
                    caption="10 scores"),
            Picture("Shuffled, the weights too", where, (coarse(second, scale, where),),
                    caption=f"the same 10 scores: max |Δ| = {apart}"),
        )),
        CONVOLUTION,
        {"conv_map": convolution.MAPS[1]},
    )  # fmt: skip


def fold(s: Scene) -> Slide:
    """The dense matrix, and one row of it as the kernel that it is."""
    c, h, w = FEATURES
    toy = _toy(torch.zeros(1, *FEATURES))
    folded = toy.conv.weight.detach().numpy()  # (labels, C, h, w)
    count = toy.dense.weight.numel()
    return Slide(
        f"The same {count:,} weights, each row folded into a kernel: the dense layer is a convolution.",
        f"{h} · {w} · {c} · {LABELS} = {count:,} weights either way; the {LABELS} biases stay as they are. "
        "Nothing is copied: on the page both layers lie at one address. Section 3.1: dense layers are "
        "convolutions whose kernels cover their whole input. The weights here are random, untrained.",
        Figure((_folded(folded),)),
        CONVOLUTION,
    )


def _folded(weight: np.ndarray) -> Picture:
    """Matrix above, one row's tiles below, in a plane one unit wide per column."""
    labels, c, h, w = weight.shape
    columns, scale = c * h * w, Scale.diverging(weight)
    matrix, tall = Extent(0, 0, columns, 60), 60 / labels
    piece, gap = h * w, 1.0
    tiles = [Extent(i * piece + gap, 76, (i + 1) * piece - gap, 106) for i in range(c)]
    layers = [coarse(weight.reshape(labels, columns), scale, matrix)]
    layers += [coarse(weight[ROW, i], scale, tile) for i, tile in enumerate(tiles)]
    marked = COLUMN // piece
    row = Box(0, ROW * tall, columns, (ROW + 1) * tall, colour=MARK)
    lines = [(marked * piece, (ROW + 1) * tall, tiles[marked].left, 76.0)]
    lines += [((marked + 1) * piece, (ROW + 1) * tall, tiles[marked].right, 76.0)]
    tile = tiles[marked]
    return Picture(
        f"Dense: a matrix of {labels} × {columns} = {weight.size:,} weights",
        Extent(-0.5, -0.5, columns + 0.5, 106.5), tuple(layers),
        (row, Box(tile.left, tile.top, tile.right, tile.bottom)), tuple(lines),
        f"Row {ROW} as a kernel of {h} × {w} × {c}, a tile per channel; {labels} of them: {weight.size:,} "
        "weights",
    )  # fmt: skip


def heatmap(s: Scene) -> Slide:
    """The first class in every window of the photo."""
    shorter = next(n for n in (384, *SHORTER) if _fits(s, n))
    picture, scale = _windows(s, shorter)
    h, w = s.windows(shorter).shape
    crop, one, count = (paper.AMORTISATION[k] for k in ("crop", "one_pass", "windows"))
    return Slide(
        f"As a convolution it answers for every window of the photo: a heatmap of “{s.best[1]}”.",
        f"Section 3.1. The same weights, run once over the whole photo: {w} × {h} windows of 224 × 224 px, "
        f"32 px apart; boxed is the best one. The paper, with AlexNet: {crop} ms for one crop, {one:.0f} ms "
        f"for {count:.0f} windows in one pass, {count * crop / one:.1f} × as fast as crop by crop (their "
        "numbers, not measured here).",
        Figure((picture,), _probability(s.best[1], scale)),
        CONVOLUTION,
        {} if shorter == 384 else {"conv_shorter": str(shorter)},
    )


def _fits(s: Scene, shorter: int) -> bool:
    width, height = convolution_photo.scaled_size(s.photo, shorter)
    return width * height <= convolution_photo.MOST_PIXELS


def _windows(s: Scene, shorter: int, title: bool = False) -> tuple[Picture, Scale]:
    values, factor = s.windows(shorter), min(s.photo.image.size) / shorter
    start, step = convolution_photo.places(factor)
    h, w = values.shape
    left = start - step / 2
    where, scale = Extent(left, left, left + w * step, left + h * step), Scale(0.0, float(values.max()))
    layers = (s.base, replace(coarse(values, scale, where, _OVER), lines=False))
    width, height = convolution_photo.scaled_size(s.photo, shorter)
    box = convolution_photo.best_window(values, factor)
    caption = f"→ {w} × {h} cells"
    text = (f"{width} × {height} px", caption) if title else ("", f"{width} × {height} px {caption}")
    return Picture(text[0], s.extent, layers, (box,), caption=text[1]), scale


def _probability(name: str, scale: Scale) -> tuple[str, Scale, tuple[str, str]]:
    high = "1" if scale.high == 1 else f"{scale.high:.3f}"
    return f"probability of {name}", scale, ("0", high)


def any_size(s: Scene) -> Slide:
    """One photo as three sizes of input."""
    sides = [n for n in SHORTER if _fits(s, n)]
    if not sides:
        raise MissingError("This photo is too elongated to show at several sizes: choose another.")
    pictures = tuple(_windows(s, n, title=True)[0] for n in sides)
    return Slide(
        "It takes any input size: a larger input gives more cells, each still one window.",
        "Section 3.1: a net with only convolutions, pooling and the like takes an input of any size and "
        f"gives an output of corresponding size. Here the photo is given with a shorter side of "
        f"{', '.join(map(str, sides))} px; a window is always 224 × 224 of those px, so in larger inputs it "
        "sees less of the photo. Each picture has its own colours, from 0 to its highest value.",
        Figure(pictures),
        CONVOLUTION,
        {"conv_shorter": str(sides[-1])},
    )


# --- from coarse to fine: one class, one scale, one place


def _heat(s: Scene, stride: int, way: str, words: tuple[str, str]) -> Slide:
    """A slide of the comparison: `way` is "coarse", or one of `heatmaps.WAYS`."""
    choice = s.choice(stride)
    made, (sentence, notes) = s.pictures(choice), words
    picture = _coarse_picture(s, choice, made) if way == "coarse" else _dense_picture(s, choice, made, way)
    extra = "" if choice.result.stride == stride else f" {_ABLATION.format(choice.result.title)}"
    query = {"net": f"{choice.result.stride}s", "stage": str(stride), "values": "Probability", "over": "true"}
    return Slide(
        sentence, notes + extra, Figure((picture,), _probability(s.name, made.scale)), HEATMAPS,
        {**query, "class": s.name},
    )  # fmt: skip


_ABLATION = "These weights hold no network that ends here: shown is {} with its later skips off, an ablation."


def _coarse_picture(s: Scene, choice: heatmaps.Choice, made: Pictures) -> Picture:
    values, cells = made.coarse, choice.cells
    h, w = values.shape
    first, last = cells.edges(0, 0), cells.edges(w - 1, h - 1)
    layer = coarse(values, made.scale, Extent(*first[:2], *last[2:]), heatmaps.OVER)
    return Picture("", s.extent, (s.base, layer), caption=f"{choice.result.title}: {w} × {h} cells")


def _dense_picture(s: Scene, choice: heatmaps.Choice, made: Pictures, way: str) -> Picture:
    (h, w), (width, height) = made.coarse.shape, s.photo.image.size
    layer = Layer(made.pngs[way], s.extent, heatmaps.OVER)
    caption = f"{choice.result.title}: {w} × {h} cells → {width} × {height} px"
    return Picture("", s.extent, (s.base, layer), caption=caption)


def _print(name: str) -> str:
    return (
        f"{paper.VOC2011_VAL[name][2]} % mean IU for {name} (the paper, table 2, VOC2011 validation, VGG16)"
    )


def too_coarse(s: Scene) -> Slide:
    """The scores of stride 32, as they are."""
    return _heat(s, 32, "coarse", (
        f"Trained to segment, it answers for every class, here “{s.name}”, but once per 32 pixels only.",
        "Section 4.1: the classifier's last layer becomes one of 21 scores, 20 classes of VOC and "
        f"background, and is fine-tuned. Five halvings make its stride 32: what is smaller is lost. In "
        f"print: {_print('FCN-32s')}.",
    ))  # fmt: skip


def bilinear(s: Scene) -> Slide:
    """The same scores, interpolated."""
    return _heat(s, 32, "bilinear", (
        "Bilinear interpolation makes the map smooth, but adds nothing that was not there before.",
        "Section 3.3: each pixel is a weighted mean of its four nearest cells. The colours and the place are "
        "those of the step before, so that the two can be compared by going back and forth. Softmax is taken "
        "after upsampling, as the network does.",
    ))  # fmt: skip


def deconvolution(s: Scene) -> Slide:
    """The same scores through the network's own deconvolution."""
    choice = s.choice(32)
    most = s.pictures(choice).spread.high
    return _heat(s, 32, "learned", (
        "A deconvolution can do the same as a layer of the net, and can learn a kernel of its own.",
        "Section 3.3: upsampling is convolution with a fractional stride, that is, backwards convolution. "
        f"The paper fixes the last one to bilinear and learns the others; here {_kernel(s, choice)}. On this "
        f"photo it differs from bilinear interpolation by at most {most:.3f} in probability.",
    ))  # fmt: skip


def _kernel(s: Scene, choice: heatmaps.Choice) -> str:
    net = cache.model(choice.result.name, choice.device)
    last = kernels(net, s.index)[-1]
    if last.frozen:
        return f"{last.layer} is bilinear, as it started"
    moved = f"{100 * last.change:.0f} % of its norm"
    return f"{last.layer} is learned, and its kernel for {s.name} moved by {moved}"


def add_pool4(s: Scene) -> Slide:
    """After the first skip."""
    return _heat(s, 16, "learned", (
        "pool4 is twice as fine: its scores are added to the deep ones, and the grid has stride 16.",
        "Section 4.2: a 1 × 1 convolution scores pool4, the deep scores are upsampled twice, and the two are "
        f"summed. This is FCN-16s, fine-tuned from FCN-32s. In print: {_print('FCN-16s')}.",
    ))  # fmt: skip


def add_pool3(s: Scene) -> Slide:
    """After the second skip."""
    return _heat(s, 8, "learned", (
        "pool3 is finer still: its scores are added as well, and now the grid has a stride of 8.",
        "Section 4.2: the same once more, with pool3, gives FCN-8s. The paper goes no further, as the gain "
        f"gets small: {_print('FCN-8s')}. Shown are its own logits after softmax.",
    ))  # fmt: skip


# --- the answer, and how good it is


def side_by_side(s: Scene) -> Slide:
    """The labels of all networks."""
    pictures = tuple(_labelled(s, r) for r in s.results)
    shares = [
        f"{after.title} labels {100 * render.flipped_share(before.labels, after.labels):.1f} % of the pixels "
        f"otherwise than {before.title}"
        for before, after in itertools.pairwise(s.results)
    ]
    counted = f" On this photo {'; '.join(shares)} (counted here)." if shares else ""
    legend = tuple((e.name, e.colour) for e in panels.legend(s.results, s.palette) if e.index)
    return Slide(
        "Deep layers say what, shallow layers say where: the three networks on one photo.",
        "Section 4.2 and its figure 4: all three networks on one photo, each pixel in the colour of its best "
        f"class.{counted}",
        Figure(pictures, legend=legend),
        "pages/compare.py",
    )


def _labelled(s: Scene, r: panels.Result) -> Picture:
    png = cache.layer(s.photo.digest, r.name, "Overlay", s.palette, None, r.segmentation)
    return Picture(r.title, s.extent, (s.base, Layer(png, s.extent, 0.65)), caption=f"stride {r.stride}")


_METRICS = (
    "Section 5: pixel accuracy is the share of pixels labelled right; mean accuracy its mean over the "
    "classes; IU divides the overlap by the union, and its mean over the classes is what papers compare. "
)


def four_metrics(s: Scene) -> Slide:
    """The four metrics on this photo's truth; without one, on VOC, and it says whose."""
    truth = masks.bundled(s.photo)
    if truth is None:
        return _on_voc()
    rows = {
        r.title: panels.four(metrics.scores(metrics.confusion(r.labels, truth.labels, len(voc.CLASSES))))
        for r in s.results
    }
    mask = render.label_png(truth.labels, render.PALETTES[s.palette])
    picture = Picture("Ground truth", s.extent, (Layer(mask, s.extent),), caption=truth.origin)
    return Slide(
        "How good is it? Four ways to compare the labels with the truth, pixel by pixel.",
        f"{_METRICS}Measured here, on this photo alone: an anecdote. On VOC2011 validation the paper has "
        f"{_print('FCN-8s')}.",
        Figure((picture, _metrics_table("This photo alone, measured here", rows))),
        "pages/compare.py",
    )


def _metrics_table(title: str, rows: dict[str, tuple[float, ...]], caption: str = "") -> Table:
    text = {name: [str(v) for v in row] for name, row in panels.percent(rows).T.items()}
    return Table(title, panels.METRICS, rows, text, caption)


def _on_voc() -> Slide:
    rows, caption = published.recorded(), "EfficientNet-Lite0, trained by this project; not this photo"
    about = next((w.metrics for w in map(weights.find, weights.BUNDLED) if w.metrics), None)
    if about:
        title = f"VOC2012 {about['split']}, {about['photos']:,} photos, measured by this project"
    else:
        title, caption = "The paper: VOC2011 validation, 736 photos", "CVPR 2015, table 2, VGG16"
        rows = {name: tuple(v / 100 for v in row) for name, row in paper.VOC2011_VAL.items()}
    return Slide(
        "How good is it? Four ways to compare labels with the truth, here over many photos.",
        f"{_METRICS}Nobody drew the truth of this photo, so these are the recorded numbers: {title}. "
        "Numbers of other data sets or networks cannot be compared with them.",
        Figure((_metrics_table(title, rows, caption),)),
        "pages/evaluate.py",
    )


#: The steps in their order, by name.
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
    "Four metrics": four_metrics,
}
NAMES = tuple(STEPS)


def slide(scene: Scene, step: int) -> Slide:
    """Slide 1 … 12; one that cannot be shown here has no figure and says why.

    Args:
        scene: what it is about.
        step: its number.
    """
    try:
        return STEPS[NAMES[step - 1]](scene)
    except MissingError as why:
        return Slide(str(why), "", None, "pages/compare.py")
