"""Questions to think about before a chapter is read. Every answer is computed, none is written down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import torch
from torch import nn

from fcnviz import geometry, metrics
from fcnviz.convolutionalize import linear_to_conv
from fcnviz.lessons.alignment import sizes
from fcnviz.lessons.alignment.sizes import Setup
from fcnviz.lessons.history import pyramid
from fcnviz.lessons.upsampling import transposed


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        text: the question.
        answer: the right answer, as it is written.
        why: one or two sentences that explain it, to be read afterwards.
        choices: the answers offered; without any, the answer is a whole number to be typed in.
    """

    text: str
    answer: str
    why: str
    choices: tuple[str, ...] = ()

    def right(self, given: object) -> bool:
        """Whether a given answer is the right one."""
        return str(given) == self.answer


def weights() -> Question:
    """Ask for the number of weights of a dense layer."""
    height, width, channels, labels = 5, 5, 32, 8
    dense = nn.Linear(height * width * channels, labels, bias=False)
    kernel = linear_to_conv(dense, (channels, height, width)).weight
    return Question(
        f"A dense layer reads a map of {height} × {width} cells with {channels} channels and gives {labels} "
        "labels. How many weights does it have, without biases?",
        str(dense.weight.numel()),
        f"{height} · {width} · {channels} · {labels} = {dense.weight.numel():,}. As a convolution it has "
        f"{labels} kernels of {height} × {width} × {channels}: the same {kernel.numel():,} weights.",
    )


def slid() -> Question:
    """Ask for the size of what a slid dense layer answers."""
    kernel, columns, rows = 5, 12, 9
    layer = geometry.Layer("dense layer", kernel)
    wide, high = layer.size(columns), layer.size(rows)
    return Question(
        f"As a convolution, it slides over a map of {columns} × {rows} cells, one cell at a time, without "
        "padding. How many answers does it give?",
        str(wide * high),
        f"{columns} − {kernel} + 1 = {wide} across and {rows} − {kernel} + 1 = {high} down: "
        f"a map of {wide} × {high} answers, where the dense layer gave one.",
    )


def cells() -> Question:
    """Ask for the coarse grid of the paper's network."""
    side, setup = 224, Setup("vgg16", 32)
    count = geometry.size(setup.path(2), side)
    padded = side + 2 * setup.pad
    return Question(
        f"The paper's FCN-32s on VGG16 reads a photo of {side} × {side} px. How many cells does one side of "
        "its coarse grid have?",
        str(count),
        f"{side} / 32 is {side // 32}, but conv1_1 pads the photo by {setup.pad} px on each side to "
        f"{padded} px. Five halvings that round up leave {-(-padded // 32)}, and fc6's window of 7 leaves "
        f"{count}.",
        tuple(str(n) for n in sorted({side // 32, count, -(-padded // 32)})),
    )


def ablation() -> Question:
    """Ask what an FCN-8s without its skips is."""
    return Question(
        "FCN-8s with both skips switched off: is that FCN-32s?",
        "no",
        "Its deep layers were trained on together with the skips, and rely on them. It is an ablation: it "
        "shows what the skips do inside this network, not what a network without them would have learned.",
        ("yes", "no"),
    )


def stamped() -> Question:
    """Ask for one value of a transposed convolution."""
    given, kernel, stride, at = (1, 2, 3), (1, 2, 2, 1), 2, 4
    x, k = (torch.tensor(v, dtype=torch.float64) for v in (given, kernel))
    sums = transposed.terms(x, k, stride, 0, (at,))
    value = int(transposed.by_stamping(x, k, stride, 0)[at])
    products = " + ".join(f"{term.value:g} · {term.weight:g}" for term in sums)
    return Question(
        f"Each value of the input {_listed(given)} stamps the kernel {_listed(kernel)}, times itself, onto "
        f"the output, {stride} places further each time. What is out[{at}]? (The first place is out[0].)",
        str(value),
        f"{len(sums)} stamps reach it: {products} = {value}.",
    )


def even() -> Question:
    """Ask for a kernel that overlaps evenly."""
    offered = ((3, 2), (4, 2), (5, 3), (5, 2))
    names = {f"kernel {k}, stride {s}": _uneven(k, s) for k, s in offered}
    (right,) = (name for name, uneven in names.items() if not uneven)
    return Question(
        "A kernel of ones is used to upsample. For which size and stride is each place inside the output "
        "reached by equally many stamps?",
        right,
        "The stride has to divide the kernel's size. That is needed, but not enough: with unequal weights an "
        "even overlap can still leave a pattern.",
        tuple(names),
    )


def _uneven(kernel: int, stride: int) -> bool:
    inside = transposed.overlaps((12,), (kernel,), stride, 0)[kernel:-kernel]
    return bool((inside != inside[0]).any())


def grids() -> Question:
    """Ask how much finer the grid of FCN-8s is."""
    finest, coarsest = min(geometry.STRIDES), max(geometry.STRIDES)
    many = (coarsest // finest) ** 2
    return Question(
        "How many cells of FCN-8s' finest grid lie in one cell of FCN-32s' grid?",
        str(many),
        f"Strides of {coarsest} and {finest}: {coarsest // finest} cells across and as many down, {many} in "
        "all. So pool3 can say where inside a coarse cell the outline runs.",
    )


def summed() -> Question:
    """Ask which class wins at a place after a skip is added."""
    classes = ("background", "cat", "dog")
    coarse, skip = np.array([0.5, 2.0, 1.5]), np.array([0.1, -0.3, 0.4])
    before, after = (classes[int(scores.argmax())] for scores in (coarse, coarse + skip))
    return Question(
        f"At one place, the upsampled scores of {_listed(classes)} are {_listed(coarse)}. The skip gives "
        f"{_listed(skip)}, and is added. Which label has the place now?",
        after,
        f"The sums are {_listed((coarse + skip).round(1))}: the label was {before}, and is {after} now. So a "
        "skip changes labels where the coarse scores are close.",
        classes,
    )


def least_padding() -> Question:
    """Ask for the padding that makes the smallest image work."""
    pad = sizes.least_pad(Setup("vgg16", 32))
    return Question(
        "FCN-32s on VGG16 pads by 100 px. With how many px at least would it work on an image of any size, "
        "from a single pixel on?",
        str(pad),
        f"From {pad} px on, fc6's window of 7 cells fits on the map that five poolings leave of any image, "
        "and what is upsampled covers all of it.",
    )


def crop() -> Question:
    """Ask for the crop of another padding."""
    now, other = Setup("vgg16", 32), replace(Setup("vgg16", 32), pad=90)
    a, b = now.crops.final, other.crops.final
    return Question(
        f"With a padding of {now.pad} px FCN-32s crops {a} px off what it has upsampled. How many with a "
        f"padding of {other.pad} px?",
        str(b),
        f"The grid starts {now.pad - other.pad} px further inside, so {now.pad - other.pad} px less are cut "
        f"off: {a} − {now.pad - other.pad} = {b}.",
    )


def patches() -> Question:
    """Ask how many patches a photo is worth."""
    width, height = 320, 224
    across, down = (geometry.size(Setup("lite0", 32).path(2), side) for side in (width, height))
    return Question(
        f"A photo of {width} × {height} px goes through FCN-32s on lite0, whose cells are 32 px apart. Its "
        "loss trains the trunk as a batch of patches would, one for each cell's receptive field. How many?",
        str(across * down),
        f"{across} × {down} cells are {across * down} patches. They overlap, and one pass computes what they "
        "share only once.",
    )


def divided() -> Question:
    """Ask what makes the gradient of a sampled loss right on average."""
    kept = Fraction(1, 5)
    return Question(
        f"Each cell's loss is kept with probability {kept}, else dropped. By how much must the gradient of "
        "what is kept be multiplied, to be the full gradient on average?",
        str(1 / kept),
        f"A cell then counts {1 / kept} times, but only in {kept} of all draws: once on average.",
    )


def last_layer() -> Question:
    """Ask how few weights the last layer has."""
    channels, classes = 4096, 21
    count = nn.Conv2d(channels, classes, 1, bias=False).weight.numel()
    return Question(
        f"The paper's FCN-32s-fixed trains its score layer alone, a 1 × 1 convolution from {channels:,} "
        f"channels to {classes} classes. How many weights are trained, without biases?",
        str(count),
        f"{channels:,} · {classes} = {count:,}, of the network's 134 million. The other layers still know "
        "only ImageNet, and mean IU is far lower: see Choices.",
    )


def all_background() -> Question:
    """Ask for the mean IU of a network that sees nothing."""
    confusion = np.array([[73, 0, 0], [15, 0, 0], [12, 0, 0]])
    found = metrics.scores(confusion)
    share, mean = 100 * found.pixel_accuracy, 100 * found.mean_iu
    return Question(
        f"{share:.0f} % of a photo is background, the rest a cat and a dog. A network calls every pixel "
        "background. What is its mean IU, over the three classes?",
        f"{mean:.1f} %",
        f"Its pixel accuracy is {share:.0f} %, but the IU of cat and dog is 0: the mean of {share:.0f} %, 0 "
        f"and 0 is {mean:.1f} %. The sandbox has a preset like it.",
        tuple(f"{value:.1f} %" for value in sorted((share, mean, share / 2))),
    )


def overlap() -> Question:
    """Ask for the IU of a class."""
    cat, labelled, right, pixels = 100, 150, 75, 400
    confusion = np.array([[pixels - cat - labelled + right, labelled - right], [cat - right, right]])
    iu, share = (float(100 * v) for v in (metrics.scores(confusion).class_iu[1], right / cat))
    return Question(
        f"A cat covers {cat} px. A network labels {labelled} px as cat, and {right} of them are the cat's. "
        "What is the IU of cat?",
        f"{iu:.1f} %",
        f"{right} px are both, and {cat} + {labelled} − {right} = {cat + labelled - right} px are either: "
        f"{right} / {cat + labelled - right} = {iu:.1f} %. {share:.0f} % of the cat are found: that is its "
        "accuracy, which does not see what is labelled too much.",
        tuple(f"{value:.1f} %" for value in sorted((iu, 100 * right / labelled, share))),
    )


def dilated() -> Question:
    """Ask how far a dilated kernel reaches."""
    kernel, dilation = 3, 2
    one = torch.zeros(1, 1, 15).index_fill(2, torch.tensor(7), 1)
    reached = nn.functional.conv1d(one, torch.ones(1, 1, kernel), dilation=dilation)[0, 0].nonzero()
    across = int(reached.max() - reached.min()) + 1
    return Question(
        f"A kernel of {kernel} × {kernel} weights is dilated by {dilation}: its weights are moved apart. How "
        "many cells across does it reach?",
        str(across),
        f"({kernel} − 1) · {dilation} + 1 = {across}, with {kernel * kernel} weights as before. So it sees "
        "more without a stride, and the map keeps its cells.",
    )


def averages() -> Question:
    """Ask how many averages PSPNet's pyramid takes."""
    counts = [n * n for n in pyramid.GRIDS]
    *first, last = (f"{n} × {n}" for n in pyramid.GRIDS)
    return Question(
        f"PSPNet's idea: average a map over {', '.join(first)} and {last} parts. How many averages does each "
        "channel give?",
        str(sum(counts)),
        f"{' + '.join(map(str, counts))} = {sum(counts)}. The first of them is one number for the whole "
        "photo: context that no receptive field has to reach.",
    )


def joined() -> Question:
    """Ask what a skip costs that adds scores."""
    features, classes = 512, 21
    added = nn.Conv2d(features, classes, 1, bias=False).weight.numel()
    joined = nn.Conv2d(2 * features, features, 3, bias=False).weight.numel()
    return Question(
        f"FCN scores pool4's {features} channels with a 1 × 1 convolution to {classes} classes, and adds the "
        "scores. How many weights does that take, without biases?",
        str(added),
        f"{features} · {classes} = {added:,}. A join as in U-Net, a 3 × 3 convolution from {features} + "
        f"{features} concatenated channels to {features}, takes {joined:,}.",
    )


_CHAPTERS: dict[str, tuple[Callable[[], Question], ...]] = {
    "Convolutionalize": (weights, slid),
    "Heatmaps": (cells, ablation),
    "Upsampling": (stamped, even),
    "Compare": (grids, summed),
    "Alignment": (least_padding, crop),
    "Training": (patches, divided, last_layer),
    "Evaluate": (all_background, overlap),
    "History": (dilated, joined, averages),
}


@cache
def of(chapter: str) -> tuple[Question, ...]:
    """Make the questions of a chapter, by its name; none for a page that has none."""
    return tuple(make() for make in _CHAPTERS.get(chapter, ()))


def _listed(values: Iterable[object]) -> str:
    return f"({', '.join(map(str, values))})".replace("-", "−")
