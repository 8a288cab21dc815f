"""The three networks' answers, and how good they are."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fcnviz import render
from fcnviz.evaluation.single import WITHIN
from fcnviz.photos import voc
from ui.compare.results import Result, alarms
from ui.evaluate import published
from ui.figures.grids import Layer
from ui.figures.marks import Box
from ui.figures.numbers import percent
from ui.figures.theme import OPACITY
from ui.heatmaps import cached, certainty
from ui.lecture.scene import Scene
from ui.lecture.slide import Bars, Figure, Picture, Slide
from ui.lecture.steps.parts import CLOSE, printed
from ui.page import masks
from ui.running import layers


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
        "Section 4.2 and its figure 4: all three networks on one photo, what is labelled keeps its colours. "
        f"Below, the dashed window.{counted}",
        Figure((*pictures, *close), columns=len(pictures)),
        "pages/compare.py",
        {"section": "Skips"},
    )


def _labelled(s: Scene, r: Result) -> Picture:
    window = Box.at(s.disputed, "dash", CLOSE)
    return Picture(f"{r.title} · stride {r.stride}", s.extent, s.spotlight(r), (window,))


def how_good(s: Scene) -> Slide:
    """The recorded scores over many photos, with intervals, then those of this photo."""
    where = published.photos()
    about = where.partition(" of ")[0]
    many = {key: published.interval(key) for key in (f"within_{WITHIN}", "mean_iu")}
    near = _listed(value for value, *_ in many[f"within_{WITHIN}"].values())
    titles = f"Within {WITHIN} px", "Mean IU"
    recorded = tuple(
        _with_spans(f"{title}, {about}", rows) for title, rows in zip(titles, many.values(), strict=True)
    )
    here, said = _here(s)
    first = f"How good? Within {WITHIN} px of an outline, {near} are right over {where}"
    notes = (
        "Section 5. IU divides overlap by union, and its mean over the classes is what papers compare. "
        f"Within {WITHIN} px of a true boundary one sees how fine the outline is. Recorded by this project "
        "for EfficientNet-Lite0, with 95 % bootstrap intervals; of one photo there is none: it is an "
        f"anecdote. In print: {printed('FCN-8s')}. Numbers of other data sets or networks cannot be "
        "compared with them."
    )
    page, query = "pages/compare.py", {"section": "Ground truth"}
    before = Slide(f"{first}.", notes, Figure(recorded), "pages/evaluate.py", {"section": "VOC"})
    return Slide(f"{first}; {said}.", notes, Figure((*recorded, here)), page, query, (before,))


def _listed(shares: Iterable[float]) -> str:
    """Write some shares one after the other."""
    return f"{', '.join(f'{100 * share:.1f}' for share in shares)} %"


def _with_spans(title: str, rows: Mapping[str, tuple[float, ...]]) -> Bars:
    spans = tuple((low, high) for _, low, high in rows.values())
    return Bars(
        title, tuple((name.removeprefix("FCN-"), value) for name, (value, *_) in rows.items()), spans=spans
    )


def _here(s: Scene) -> tuple[Bars | Picture, str]:
    """The scores of this photo, or without its truth, where its networks differ; and that in words."""
    truth = masks.bundled(s.photo)
    if truth is None:
        last = _changed(s, *s.results[-2:]) if len(s.results) > 1 else _labelled(s, s.finest)
        return last, "of this photo nobody drew the truth"
    scores = {r.title: r.scored(truth.labels) for r in s.results}
    iu = ", ".join(f"{100 * one.mean_iu:.1f}" for one in scores.values())
    false = "; ".join(f"{name} {alarms(one)}" for name, one in scores.items())
    caption = f"IU of the truth's classes: {iu} %. False alarms: {false}"
    rows = tuple((name.removeprefix("FCN-"), one.near) for name, one in scores.items())
    return Bars(f"Within {WITHIN} px, this photo", rows, caption), f"here {_listed(v for _, v in rows)}"


def _changed(s: Scene, before: Result, after: Result) -> Picture:
    names, pair = (before.net.name, after.net.name), (before.labels, after.labels)
    layer = Layer(layers.flips(s.photo, names, s.palette, pair), s.extent)
    caption = f"{percent(render.flipped_share(*pair))} of the labels differ; white: now background"
    return Picture(f"{before.title} → {after.title}", s.extent, (layer,), caption=caption)


def fails(s: Scene) -> Slide:
    """Where the finest network is unsure, where it is wrong, and which classes are worst over many photos."""
    r, truth = s.finest, masks.bundled(s.photo)
    sure = certainty.sure_pixels(r.segmentation, certainty.LEAST)
    unsure, bits = percent(float((~sure).mean())), cached.entropy_layer(s.photo, r.net, r.segmentation.scores)
    maps = [
        Picture("How unsure it is", s.extent, (s.base, Layer(bits, s.extent, OPACITY)), caption="entropy")
    ]  # fmt: skip
    sentence = f"Where may it fail? {unsure} of the pixels are less than {certainty.LEAST} % sure"
    if truth is not None:
        wrong = Layer(render.change_layer(truth.labels, r.labels), s.extent)
        share = percent(render.flipped_share(truth.labels, r.labels))
        maps.append(Picture("Where it is wrong", s.extent, (s.base, wrong), caption=f"{share} of the pixels"))
        right = certainty.right_shares(r.labels, truth, sure)
        if len(right) == 2:
            of_these, others = percent(right["greyed out"]), percent(right["sure"])
            sentence += f": of these {of_these} are right, of the others {others}"
    worst = sorted((list(published.interval(f"iu_{c}").values())[-1], c) for c in voc.CLASSES)[:_WORST]
    title = f"Worst IU, {published.photos().partition(' of ')[2]}"
    bars = replace(
        _with_spans(title, {c: v for v, c in worst}), texts=tuple(percent(value) for (value, *_), _ in worst)
    )
    return Slide(
        f"{sentence}.",
        "Entropy: of the softmax over all classes, in bits. A wrong label can be a sure one. The worst "
        "classes are those of the bundled FCN-8s, as recorded, with 95 % bootstrap intervals: see Evaluate, "
        "By class.",
        Figure((*maps, bars)),
        "pages/heatmaps.py",
        {"section": "Certainty", "net": f"{r.stride}s"},
    )


#: Number of the worst classes that are named.
_WORST = 5
