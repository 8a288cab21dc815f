"""Pad and crop, the training, what came next, and what to take home."""

import numpy as np

from fcnviz import render, weights
from fcnviz.geometry import SCORE_MAPS
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup
from fcnviz.lessons.history import steps
from ui.alignment.controls import vgg16_answer
from ui.compare.results import run_networks
from ui.figures.grids import Layer
from ui.figures.marks import Box
from ui.figures.pictures import Extent
from ui.figures.theme import BLUE, FRAME
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import Bars, Figure, Lines, Picture, Slide
from ui.lecture.steps.parts import colour_bar, picture
from ui.state import Networks
from ui.training import cached, loss, runs

_PAPER = "https://arxiv.org/abs/1411.4038"
_CODE = "https://github.com/shelhamer/fcn.berkeleyvision.org"


# --- pad and crop


def align(s: Scene) -> Slide:
    """The paper's FCN-32s over the photo, to scale: its padding, its grid and its canvas."""
    setup = Setup()
    words, numbers = vgg16_answer(setup)
    crop, pad = setup.crops.final, setup.pad
    facts = Lines("", tuple((f"{label}:", value, "") for label, value in numbers))
    query = {"section": "Pad and crop"}
    notes = (
        f"{words.replace('**', '')} Asked again and again since 2015. The bundled networks pad in each layer."
    )
    question = (
        f"The paper's network pads the photo by {pad} px: how much of its canvas must be cut off again?"
    )
    return Slide(
        f"Why pad {pad}, crop {crop}? With {pad - crop} px the canvas would begin at the photo's edge.",
        notes,
        Figure((_to_scale(s, setup, canvas=True), facts)),
        "pages/alignment.py",
        query,
        (Slide(question, notes, Figure((_to_scale(s, setup, canvas=False),)), "pages/alignment.py", query),),
    )


def _to_scale(s: Scene, setup: Setup, *, canvas: bool) -> Picture:
    width, height = (layout.steps(setup, n) for n in s.photo.input.size)
    sides = {step.name: (step.after, other.after) for step, other in zip(width, height, strict=True)}
    (columns, rows), large = sides[SCORE_MAPS[32]], sides[setup.last]
    start, pad, crop = float(setup.place(2).offset), setup.pad, setup.crops.final
    grid, photo = Extent.cells((rows, columns), (start, start), 32), s.extent
    padded = Extent(-pad - 0.5, -pad - 0.5, photo.right + pad, photo.bottom + pad)
    upsampled = Extent(-crop - 0.5, -crop - 0.5, large[0] - crop - 0.5, large[1] - crop - 0.5)
    shown = Extent.around(padded, grid, upsampled)
    zeros = Layer(render.to_png(np.full((1, 1, 3), 128, np.uint8)), padded, 0.5)
    cells = Layer(render.to_png(np.zeros((rows, columns, 4), np.uint8)), grid, cells=(columns, rows))
    marks = (
        Box.at(padded, "dash", FRAME),
        Box.at(grid, "dot", BLUE),
        *([Box.at(upsampled)] if canvas else []),
    )
    caption = f"grey: {pad} px of zeros; dotted: {columns} × {rows} cells of 32 px"
    caption += f"; solid: the canvas, {large[0]} × {large[1]} px" if canvas else ""
    return Picture("VGG16, FCN-32s, to scale", shown, (zeros, s.base, cells), marks, caption)


# --- training


def train(s: Scene) -> Slide:
    """The loss of each pixel of the photo, and the three stages of the training."""
    found = run_networks(s.photo, Networks("lite0", weights.BUNDLED[:1], s.networks.device))
    if not found:
        raise MissingError("The bundled FCN-32s, whose loss this is, cannot run here.")
    drawn = cached.drawn(s.photo, found[0].net, cached.Draw(32, 0.25, 0), found[0].segmentation.scores)
    panel = loss.pictures(s.photo, drawn, None)[0]
    whose = (
        "of its own answer, as nobody drew the truth" if s.photo.own else "measured against our annotation"
    )
    lines = Lines(
        "Three stages", tuple((f"{i} {title}", text, "") for i, (title, text) in enumerate(runs.stages(), 1))
    )
    return Slide(
        "It learns from every pixel at once: the loss is their mean. Each stage starts from the one before.",
        "Section 3.4: the loss of a photo is a sum over its pixels, so one photo is a batch of overlapping "
        "patches. Section 4.2: FCN-32s first, then 16s from it, then 8s; each new score layer starts from "
        f"zero and each deconvolution from bilinear. The loss here is FCN-32s' on this photo, {whose}. The "
        "stages are read from the commands that are recorded with the weights.",
        Figure((picture(panel), lines), colour_bar(panel.bar)),
        "pages/training.py",
        {"section": "Loss"},
    )


# --- what came next


def came_next(s: Scene) -> Slide:  # noqa: ARG001 (all steps are made alike)
    """The weaknesses that later networks removed, and their test numbers in print."""
    after = [step for step in steps.STEPS if step.era != steps.ERAS[0]]
    rows = tuple((f"{step.year} {step.name}", step.weakness, "") for step in after)
    printed = [(step.name, step.figure.value) for step in steps.on_voc2012_test()]
    shares = tuple((name, float(value.split()[0]) / 100) for name, value in printed)
    bars = Bars(
        "Mean IU in print, VOC2012 test", shares, "one data set, but not one experiment: see History",
        texts=tuple(value for _, value in printed),
    )  # fmt: skip
    return Slide(
        "What came next: each network removed a weakness of the one before it.",
        "Numbers in print, each with its source in History; classifiers and training photos differ as well, "
        "so a bar is not the worth of one idea. Three of the ideas are computed there on the photo: "
        "dilation, concatenation, context by pooling.",
        Figure((Lines("The weakness that was removed", rows), bars)),
        "pages/history.py",
        {"section": "Time line"},
    )


def take_home(s: Scene) -> Slide:
    """What to remember, with where to read on."""
    r = s.finest
    rows = (
        ("A dense layer is a convolution:", "the classifier answers everywhere, at any size.", ""),
        ("A deconvolution is stamps that add up:", "coarse scores become pixels.", ""),
        ("Deep says what, shallow says where:", "skips add finer scores.", ""),
        ("The loss is a mean over pixels:", "it is trained end to end, in stages.", ""),
        ("The paper:", "Long, Shelhamer & Darrell, CVPR 2015,", _PAPER),
        ("The authors' code:", "", _CODE),
    )
    return Slide(
        "To take home: a classifier, read as convolutions, upsampled and refined, labels every pixel.",
        "Follow leads the hall to this lecture on their own phones, with their own photos; Save makes a "
        "file of it. Each chapter of the app takes one of these sentences apart.",
        Figure((Picture(f"{r.title} on this photo", s.extent, s.spotlight(r)), Lines("", rows))),
        "app.py",
    )
