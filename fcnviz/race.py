"""Crop by crop against one pass: what it costs to classify every window of an image (CVPR 2015, section 3.1).

Both ways have the same weights. Crops go through the classifier in batches; the pass shares the features of
windows that overlap. A race runs in pieces of at most a second or so, so that it
can be watched, stopped, and take turns with others who need the device.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fcnviz.convolutionalize import convolutionalize, window_rows


@dataclass(frozen=True, eq=False)
class Runner:
    """One classifier, and its windows.

    Attributes:
        classifier: (N, C, window, window) → (N, classes).
        window: side in px.
        stride: of its convolutionalised self, in px.
        batch: how many crops go through it at once.
    """

    classifier: nn.Module
    window: int
    stride: int
    batch: int = 64

    def side(self, windows: int) -> int:
        """Side in px of the square image that has windows × windows windows."""
        return self.window + self.stride * (windows - 1)


@dataclass(frozen=True)
class Lap:
    """Both ways on one image.

    Attributes:
        windows: how many were classified.
        side: of the image, in px.
        crops, one_pass: seconds.
        crops_flops, pass_flops: a multiply-add counts as two.
        difference: largest |Δ| between the two outputs.
        agreement: share of windows with the same best class.
    """

    windows: int
    side: int
    crops: float
    one_pass: float
    crops_flops: int
    pass_flops: int
    difference: float
    agreement: float

    @property
    def ratio(self) -> float:
        """How many times as long crop by crop takes."""
        return self.crops / self.one_pass


@dataclass(frozen=True)
class Step:
    """Progress of a race: the share that is done, and the lap that has just ended, if one has."""

    share: float
    lap: Lap | None = None


def race(runner: Runner, images: Sequence[Tensor], repeats: int = 1) -> Iterator[Step]:
    """Run both ways on one image after another, in pieces.

    Each way warms up before it is timed, and the device is synchronised around every timing.

    Args:
        runner: whose classifier is in eval mode.
        images: (1, C, side, side) each, on the classifier's device.
        repeats: of each crop-by-crop round; the median counts. The single pass runs at least three times.
    """
    conv = convolutionalize(runner.classifier)
    counts = [(x.shape[-1] - runner.window) // runner.stride + 1 for x in images]
    total, done = sum(repeats * n * n + max(3, repeats) * n for n in counts), 0
    for image in images:
        for part in _lap(runner, conv, image, repeats):
            done += part if isinstance(part, int) else 0
            yield Step(done / total, part if isinstance(part, Lap) else None)


def _lap(runner: Runner, conv: nn.Module, image: Tensor, repeats: int) -> Iterator[int | Lap]:
    """Both ways on one image: how many windows wide each piece was, and at last what came out."""
    given = (runner.window, runner.stride, runner.batch)
    crops, rows = yield from _median(lambda: window_rows(runner.classifier, image, *given), repeats)
    one_pass, (scores,) = yield from _median(lambda: (conv(x)[0] for x in [image]), max(3, repeats))
    separate, count = torch.stack(rows, 1), scores[0].numel()
    yield Lap(
        windows=count,
        side=image.shape[-1],
        crops=crops,
        one_pass=one_pass,
        crops_flops=count * flops(runner.classifier, image[..., : runner.window, : runner.window]),
        pass_flops=flops(conv, image),
        difference=(separate - scores).abs().max().item(),
        agreement=(separate.argmax(0) == scores.argmax(0)).float().mean().item(),
    )


def _median(
    start: Callable[[], Iterator[Tensor]], repeats: int
) -> Generator[int, None, tuple[float, list[Tensor]]]:
    """Seconds that all pieces together take, and the pieces; yields the width of each.

    All pieces of a round are alike, so a round takes its median piece times their number: one that something
    else on the machine has held up does not count. Of the rounds, too, the median counts.
    """
    _timed(start())  # to warm up
    rounds: list[float] = []
    pieces: list[Tensor] = []
    for _ in range(repeats):
        todo, seconds, pieces = start(), [], []
        while (timed := _timed(todo)) is not None:
            seconds.append(timed[0])
            pieces.append(timed[1])
            yield timed[1].shape[-1]
        rounds.append(statistics.median(seconds) * len(pieces))
    return statistics.median(rounds), pieces


@torch.no_grad()
def _timed(pieces: Iterator[Tensor]) -> tuple[float, Tensor] | None:
    """Seconds for the next piece, and the piece; the device has finished before the clock is read."""
    _wait()
    start = time.perf_counter()
    piece = next(pieces, None)
    _wait()
    return None if piece is None else (time.perf_counter() - start, piece)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def flops(net: nn.Module, x: Tensor) -> int:
    """Floating-point operations of one pass, counted on a copy that has shapes but no numbers."""
    shape = copy.deepcopy(net).to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shape(torch.empty(x.shape, device="meta"))
    return counter.get_total_flops()
