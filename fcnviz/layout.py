"""Every layer of an FCN for one image side of n pixels: its sizes, its place, what its pixels see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcnviz import geometry
from fcnviz.alignment import Setup, Verdict, missing, smallest
from fcnviz.geometry import Layer, Place

#: The skips in the order they are added: stride, deconvolution, score layer, sum (the authors' names).
_SKIPS = ((16, "upscore2", "score_pool4", "fuse_pool4"), (8, "upscore_pool4", "score_pool3", "fuse_pool3"))

Route = tuple[tuple[Layer, int], ...]  # layers from the image to a map, each with the size of what it reads


@dataclass(frozen=True)
class Step:
    """One layer of a net on one image side.

    Attributes:
        name: of the layer, the authors'.
        kind: "image", "padding", "convolution", "pooling", "score", "deconvolution", "crop" or "sum".
        layer: as geometry describes it; None for the image and for sums.
        reads: names of the steps it reads.
        before, after: size of what it reads and of what it makes, in pixels.
        place: of its output over the image; in lite0 from the score layers on, the one that the crops assume.
        routes: the ways from the image to here: one, or several after a sum.
    """

    name: str
    kind: str
    layer: Layer | None
    reads: tuple[str, ...]
    before: int
    after: int
    place: Place
    routes: tuple[Route, ...]

    def then(self, layer: Layer, kind: str) -> Step:
        """The next step.

        Raises:
            ValueError: there is nothing left for the layer to work on.
        """
        after = geometry.size([layer], self.after)
        routes = tuple((*route, (layer, self.after)) for route in self.routes)
        return Step(layer.name, kind, layer, (self.name,), self.after, after, self.place.after(layer), routes)

    def cut(self, name: str, offset: int, size: int) -> Step:
        """`size` pixels from `offset` on.

        Raises:
            ValueError: there are not that many.
        """
        rest = self.after - offset - size
        if offset < 0 or rest < 0:
            raise ValueError(f"{name} needs {size} px from {offset} on, but {self.name} has {self.after}")
        return self.then(Layer(name, 1, pad=-offset, pad_after=-rest), "crop")


# --- a net, step by step


def steps(setup: Setup, n: int) -> list[Step]:
    """Every layer for an image side of n pixels, ending in the crop onto the image if there is one.

    Raises:
        ValueError: too small an image for these settings; the message names the smallest one.
    """
    try:
        return _steps(setup, n)
    except ValueError as error:
        least = smallest(setup, Verdict.UNCOVERED)
        raise ValueError(f"{n} px is too small, {error}. The smallest image side is {least} px.") from error


def _steps(setup: Setup, n: int) -> list[Step]:
    done = _trunk(setup, n)
    score = _score(done, setup, 2, "score_fr")
    done[score.name] = score
    for tap, (stride, up, name, total) in zip((1, 0), _SKIPS, strict=True):
        if stride >= setup.stride:
            offset = setup.crops.pool4 if tap else setup.crops.pool3
            done[up] = score.then(geometry.deconvolution(up, 2), "deconvolution")
            done[name] = _score(done, setup, tap, name)
            pair = _matched(done[up], done[name], offset or 0)
            done.update({step.name: step for step in pair})
            score = done[total] = _sum(total, *pair)
    canvas = score.then(geometry.deconvolution(setup.last, setup.stride), "deconvolution")
    found = [*done.values(), canvas]
    if missing(setup, n, canvas.after) == (0, 0):
        found.append(canvas.cut("score", setup.crops.final, n))
    return found


def _trunk(setup: Setup, n: int) -> dict[str, Step]:
    step = Step("image", "image", None, (), n, n, Place(), ((),))
    done = {step.name: step}
    if setup.multiple > 1:  # FCN pads to whole coarse cells, at right and bottom
        step = done["pad"] = step.then(Layer("pad", 1, pad_after=-n % setup.multiple), "padding")
    for layer in setup.chain:
        step = step.then(layer, "pooling" if layer.name.startswith("pool") else "convolution")
        done[step.name] = step
    return done


def _score(done: dict[str, Step], setup: Setup, tap: int, name: str) -> Step:
    features = done[setup.path(tap)[-1].name]
    return replace(features.then(Layer(name, 1), "score"), place=setup.place(tap))


def _matched(up: Step, skip: Step, offset: int) -> tuple[Step, Step]:
    """Cut the map that starts first onto the other one."""
    if offset >= 0:
        return up, skip.cut(f"{skip.name}c", offset, up.after)
    return up.cut(f"{up.name}c", -offset, skip.after), skip


def _sum(name: str, up: Step, skip: Step) -> Step:
    routes = up.routes + skip.routes
    return Step(name, "sum", None, (up.name, skip.name), up.after, up.after, up.place, routes)


# --- what a pixel sees


@dataclass(frozen=True)
class Seen:
    """The input pixels that one output pixel is computed from, on one side.

    Attributes:
        first, last: of its theoretical receptive field, which may reach beyond the image.
        image: first and last pixel of the image itself; None if it sees padding alone.
    """

    first: int
    last: int
    image: tuple[int, int] | None

    @property
    def field(self) -> int:
        """Width of the receptive field."""
        return self.last - self.first + 1


def sees(step: Step, index: int) -> Seen:
    """What output pixel `index` of a step sees; after a sum, by any of the ways."""
    spans = [geometry.sees([layer for layer, _ in route], index, index) for route in step.routes]
    inside = [span for route in step.routes if (span := _reached(route, index))]
    return Seen(
        min(first for first, _ in spans),
        max(last for _, last in spans),
        (min(first for first, _ in inside), max(last for _, last in inside)) if inside else None,
    )


def _reached(route: Route, index: int) -> tuple[int, int] | None:
    """As `geometry.sees`, but what lies outside a map is zeros and leads nowhere."""
    first = last = index
    for layer, n in reversed(route):
        first, last = layer.reads(first, last)
        first, last = max(first, 0), min(last, n - 1)
        if first > last:
            return None
    return first, last


def field(step: Step) -> int:
    """Receptive field of a step's output, in input pixels; the widest one after a deconvolution.

    Upsampled pixels differ in what they see, and repeat after as many as a coarse pixel was turned into.
    """
    factor = max(32 // max(int(step.place.stride), 1), 1)
    return max(sees(step, index).field for index in range(factor))
