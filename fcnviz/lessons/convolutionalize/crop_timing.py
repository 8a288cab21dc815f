"""Time the classification of every window of an image: crop by crop and in one pass (CVPR 2015, 3.1).

Both ways have the same weights. Crops go through the classifier in batches; the single pass computes the
features that overlapping windows share only once. The timing is an iterator of pieces of about a second, so
that it can be watched and stopped, and others can use the device in between.
"""

import copy
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fcnviz.convolutionalize import convolutionalize, window_rows
from fcnviz.lessons.convolutionalize.gap import gap


@dataclass(frozen=True, eq=False)
class SlidingClassifier:
    """A classifier and the windows that it slides over.

    Attributes:
        classifier: (N, C, window, window) → (N, classes).
        window: side of a window in px.
        stride: px from one window to the next, when convolutionalised.
        batch: number of crops that go through it at once.
    """

    classifier: nn.Module
    window: int
    stride: int
    batch: int = 64

    def side(self, windows: int) -> int:
        """Compute the side in px of the square image that has windows × windows windows."""
        return self.window + self.stride * (windows - 1)


@dataclass(frozen=True)
class Timing:
    """The time and the outputs of both ways on one image.

    Attributes:
        windows: number of windows.
        side: side of the image in px.
        crops, one_pass: seconds that each way took.
        crops_flops, pass_flops: operations of each way; a multiply-add counts as two.
        difference: largest |Δ| between a probability of the two outputs.
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
        """Time of crop by crop over that of one pass."""
        return self.crops / self.one_pass


@dataclass(frozen=True)
class Progress:
    """The share of the work that is done, and the image's timing if one has just been finished."""

    share: float
    timing: Timing | None = None


def compare(net: SlidingClassifier, images: Sequence[Tensor], repeats: int = 1) -> Iterator[Progress]:
    """Time both ways on one image after another, piece by piece.

    Each way warms up before it is timed, and the device is synchronised around every timing.

    Args:
        net: its classifier is in eval mode.
        images: (1, C, side, side) each, on the classifier's device.
        repeats: how often each way runs; the median counts. The single pass runs at least three times.
    """
    conv = convolutionalize(net.classifier)
    counts = [(x.shape[-1] - net.window) // net.stride + 1 for x in images]
    total, done = sum(repeats * n * n + max(3, repeats) * n for n in counts), 0
    for image in images:
        for part in _one_image(net, conv, image, repeats):
            done += part if isinstance(part, int) else 0
            yield Progress(done / total, part if isinstance(part, Timing) else None)


def _one_image(
    net: SlidingClassifier, conv: nn.Module, image: Tensor, repeats: int
) -> Iterator[int | Timing]:
    """Time both ways on one image; yields each piece's width in windows, then the timing."""

    def crop_by_crop() -> Iterator[Tensor]:
        return window_rows(net.classifier, image, net.window, net.stride, net.batch)

    def in_one_pass() -> Iterator[Tensor]:
        yield conv(image)[0]

    crops, rows = yield from _median(crop_by_crop, repeats)
    one_pass, (scores,) = yield from _median(in_one_pass, max(3, repeats))
    separate, count = torch.stack(rows, 1), scores[0].numel()
    found = gap(scores.softmax(0), separate.softmax(0))
    yield Timing(
        windows=count,
        side=image.shape[-1],
        crops=crops,
        one_pass=one_pass,
        crops_flops=count * flops(net.classifier, image[..., : net.window, : net.window]),
        pass_flops=flops(conv, image),
        difference=found.difference,
        agreement=found.agreement,
    )


def _median(
    start: Callable[[], Iterator[Tensor]], repeats: int
) -> Generator[int, None, tuple[float, list[Tensor]]]:
    """Measure the seconds that all pieces take together, and keep the pieces; yields the width of each.

    All pieces of a round cost the same, so a round counts as its median piece times their number: a piece
    that was slow because of something else on the machine has no influence. Of all rounds, the median counts.
    """
    _timed(start())  # warm-up
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
    """Return the seconds for the next piece, and the piece; synchronises before it reads the clock."""
    _synchronise()
    start = time.perf_counter()
    piece = next(pieces, None)
    _synchronise()
    return None if piece is None else (time.perf_counter() - start, piece)


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def flops(net: nn.Module, x: Tensor) -> int:
    """Count the floating-point operations of one pass, on a copy that has shapes but no numbers.

    What a network computes only once for an image size is not counted.
    """
    copied, empty = copy.deepcopy(net).to("meta"), torch.empty(x.shape, device="meta")
    with torch.no_grad():
        copied(empty)
        with FlopCounterMode(display=False) as counter:
            copied(empty)
    return counter.get_total_flops()
