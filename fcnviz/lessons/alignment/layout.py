"""Every layer of an FCN for an image side of n pixels: its sizes, its place, and what its pixels see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcnviz import geometry
from fcnviz.geometry import Layer, Place
from fcnviz.lessons.alignment.sizes import Setup, Verdict, missing, smallest

#: The layers from the image to a map, each with the size of its input.
Route = tuple[tuple[Layer, int], ...]


@dataclass(frozen=True)
class Step:
    """One layer of a net on one image side.

    Attributes:
        name: the authors' name of the layer.
        kind: "image", "padding", "convolution", "pooling", "score", "deconvolution", "crop" or "sum".
        layer: as geometry describes it; None for the image and for sums.
        reads: names of the steps that it reads.
        before, after: sizes of its input and its output, in pixels.
        place: where its output lies over the image; in lite0, from the score layers on, the place that the
            crops assume.
        routes: the routes from the image to here: one, or several after a sum.
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
        """Append a layer.

        Raises:
            ValueError: the map is too small for the layer.
        """
        after = geometry.size([layer], self.after)
        routes = tuple((*route, (layer, self.after)) for route in self.routes)
        return Step(layer.name, kind, layer, (self.name,), self.after, after, self.place.after(layer), routes)

    def cut(self, name: str, offset: int, size: int) -> Step:
        """Crop to `size` pixels from `offset` on.

        Raises:
            ValueError: the map has not that many pixels.
        """
        rest = self.after - offset - size
        if offset < 0 or rest < 0:
            raise ValueError(f"{name} needs {size} px from {offset} on, but {self.name} has {self.after}")
        return self.then(Layer(name, 1, pad=-offset, pad_after=-rest), "crop")


# --- a net, step by step


def steps(setup: Setup, n: int) -> list[Step]:
    """Every layer for an image side of n pixels, and last the crop onto the image if the canvas covers it.

    Raises:
        ValueError: the image is too small for these settings; the message names the smallest one.
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
    for skip in geometry.skips(setup.stride):
        up = done[skip.upsampler] = score.then(geometry.deconvolution(skip.upsampler, 2), "deconvolution")
        finer = done[skip.scorer] = _score(done, setup, skip.tap, skip.scorer)
        pair = _matched(up, finer, setup.crops.skips[skip.stride])
        done.update({step.name: step for step in pair})
        score = done[skip.fused] = _sum(skip.fused, *pair)
    canvas = score.then(geometry.last_deconvolution(setup.stride), "deconvolution")
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
    """Crop the map that starts first onto the other one."""
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
        first, last: first and last pixel of its theoretical receptive field, which may leave the image.
        image: first and last pixel that it sees of the image itself; None if it sees only padding.
    """

    first: int
    last: int
    image: tuple[int, int] | None

    @property
    def field(self) -> int:
        """Width of the receptive field."""
        return self.last - self.first + 1


def sees(step: Step, index: int) -> Seen:
    """What output pixel `index` of a step sees; after a sum, along any of the routes."""
    spans = [geometry.sees([layer for layer, _ in route], index, index) for route in step.routes]
    inside = [span for route in step.routes if (span := _reached(route, index))]
    return Seen(
        min(first for first, _ in spans),
        max(last for _, last in spans),
        (min(first for first, _ in inside), max(last for _, last in inside)) if inside else None,
    )


def _reached(route: Route, index: int) -> tuple[int, int] | None:
    """Like `geometry.sees`, but pixels outside a map are padding and are not followed further."""
    first = last = index
    for layer, n in reversed(route):
        first, last = geometry.clip(layer.reads(first, last), n)
        if first > last:
            return None
    return first, last


def field(step: Step) -> int:
    """Receptive field of a step's output in input pixels; after a deconvolution, the widest one.

    The pixels that a coarse pixel is upsampled to differ in what they see, and then the pattern repeats.
    """
    factor = max(32 // max(int(step.place.stride), 1), 1)
    return max(sees(step, index).field for index in range(factor))
