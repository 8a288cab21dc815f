"""The paper's four metrics on a data set, at the photos' own size, one scale, no augmentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from fcnviz import images, metrics, trimap
from fcnviz.fcn import FCN
from fcnviz.inference import decide, forward
from fcnviz.parallel import ALONE, World
from fcnviz.voc import CLASSES, VocFolder

FOUR = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")


@dataclass(frozen=True, eq=False)
class Measured:
    """What one network, or a sum over images, got right; all counts, so that they add up.

    Attributes:
        confusion: (C, C) integers, rows = truth.
        near: (2, D) integers, as `trimap.counts`.
    """

    confusion: np.ndarray
    near: np.ndarray

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.confusion + other.confusion, self.near + other.near)

    @property
    def mean_iu(self) -> float:
        """Mean IU of these pixels; NaN if none counts."""
        return metrics.scores(self.confusion).mean_iu


def nothing(classes: int = len(CLASSES)) -> Measured:
    """No pixel counted yet."""
    return Measured(np.zeros((classes, classes), np.int64), np.zeros((2, trimap.WIDEST + 1), np.int64))


def total(parts: Iterable[Measured]) -> Measured:
    """The sum over images."""
    return sum(parts, nothing())


def measure(
    labels: np.ndarray, truth: np.ndarray, classes: int = len(CLASSES), ring: np.ndarray | None = None
) -> Measured:
    """Count one image: its confusion matrix and how right it is near boundaries.

    Args:
        labels: (H, W) integers, the network's.
        truth: (H, W) integers, `VOID` where nothing counts.
        classes: C, background included.
        ring: the truth's `trimap.distances`, if they are known already.

    Raises:
        ValueError: the sizes differ, or a value is no class.
    """
    return Measured(metrics.confusion(labels, truth, classes), trimap.counts(labels, truth, ring))


def predict(model: FCN, photo: Image.Image, longest: int = 0) -> np.ndarray:
    """A network's labels for a photo, at the photo's own size.

    Args:
        model: in eval mode.
        photo: RGB.
        longest: the network sees larger photos reduced to this longest side, and its labels are brought back
            by nearest neighbour (0: it sees every photo as it is).

    Returns:
        (H, W) uint8.
    """
    seen = images.fit(photo, longest) if longest else photo
    _, labels = decide(forward(model, seen)[1])
    if seen.size == photo.size:
        return labels
    return np.asarray(Image.fromarray(labels).resize(photo.size, Image.Resampling.NEAREST))


def pairs(
    folder: VocFolder, limit: int = 0, world: World | None = None
) -> Iterable[tuple[Image.Image, np.ndarray]]:
    """Photos with their masks, one after another.

    Args:
        folder: the split.
        limit: stop after that many (0: all).
        world: give out only this process's share of them.
    """
    for i in (world or ALONE).share(min(len(folder), limit or len(folder))):
        yield folder.photo(i), folder.mask(i)


def each(model: FCN, data: Iterable[tuple[Image.Image, np.ndarray]]) -> Iterator[Measured]:
    """What a network gets right on each photo (mask: 255 ignored), one after another."""
    for photo, truth in data:
        yield measure(predict(model, photo), truth, model.num_classes)


def evaluate(model: FCN, data: Iterable[tuple[Image.Image, np.ndarray]]) -> Measured:
    """What a network gets right over photos and masks (255 ignored)."""
    return sum(each(model, data), nothing(model.num_classes))


def together(mine: Sequence[Measured], count: int, world: World) -> list[Measured]:
    """Every image's counts, from all processes, in the order of the images; exact, for all are integers.

    Args:
        mine: of this process's share, in order.
        count: images of all processes.
        world: the processes; all must ask.
    """
    one = mine[0] if mine else nothing()
    confusions = np.zeros((count, *one.confusion.shape), np.int64)
    near = np.zeros((count, *one.near.shape), np.int64)
    for i, m in zip(world.share(count), mine, strict=True):
        confusions[i], near[i] = m.confusion, m.near
    pairs = zip(world.sum(confusions), world.sum(near), strict=True)
    return [Measured(c, n) for c, n in pairs]


# --- which images


def ranked(results: Mapping[str, Measured]) -> list[tuple[str, float]]:
    """Images by the mean IU of each alone, the best first; those without a counted pixel are left out."""
    return _down({name: m.mean_iu for name, m in results.items()})


def gains(before: Mapping[str, Measured], after: Mapping[str, Measured]) -> list[tuple[str, float]]:
    """Images by how much more mean IU the second network has on each, the most first."""
    return _down({name: after[name].mean_iu - before[name].mean_iu for name in before if name in after})


def _down(values: Mapping[str, float]) -> list[tuple[str, float]]:
    there = [(name, value) for name, value in values.items() if not np.isnan(value)]
    return sorted(there, key=lambda item: (-item[1], item[0]))


# --- numbers out


def report(measured: Measured) -> dict[str, Any]:
    """Plain numbers: the four metrics, each class's IU (None where absent), accuracy near boundaries."""
    s = metrics.scores(measured.confusion)
    class_iu = dict(zip(CLASSES, map(_number, s.class_iu), strict=True))
    within = {str(d + 1): _number(v) for d, v in enumerate(trimap.accuracy(measured.near))}
    return {key: _number(getattr(s, key)) for key in FOUR} | {"class_iu": class_iu, "within": within}


def counted(measured: Measured) -> dict[str, Any]:
    """The counts behind `report`, as plain integers."""
    return {"confusion": measured.confusion.tolist(), "near": measured.near.tolist()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def table(name: str, result: dict[str, Any]) -> str:
    """`report`'s numbers as text, in percent, with their intervals and the gain if `result` has them."""
    lines = [
        name,
        *(f"  {key.replace('_', ' '):<24}{_percent(result[key])}{_interval(result, key)}" for key in FOUR),
        "  pixel accuracy within d px of a true boundary",
        *(
            f"    d = {d:<18}{_percent(result['within'][str(d)])}{_interval(result, f'within_{d}')}"
            for d in (1, 2, 5, 10, 20, 40)
        ),
        *_gain(result.get("gain")),
        "  IU by class",
    ]
    lines += [
        f"    {c:<22}{_percent(v)}{_interval(result, f'iu_{c}')}" for c, v in result["class_iu"].items()
    ]
    return "\n".join(lines)


def _interval(result: dict[str, Any], key: str) -> str:
    if key not in result.get("intervals", {}):
        return ""
    low, high = result["intervals"][key]
    if low is None:
        return ""
    return f"   ({100 * low:.1f} to {100 * high:.1f})"


def _gain(gain: dict[str, Any] | None) -> list[str]:
    if not gain:
        return []
    lines = [f"  gain over {gain['over']}, in percentage points"]
    for key, (value, low, high) in gain["points"].items():
        lines.append(
            f"    {key.replace('_', ' '):<22}{100 * value:+6.2f}    ({100 * low:+.2f} to {100 * high:+.2f})"
        )
    return lines


def _percent(value: float | None) -> str:
    return "absent" if value is None else f"{100 * value:6.1f} %"
