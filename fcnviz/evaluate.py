"""The paper's four metrics on a data set, at the photos' own size, one scale, no augmentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from fcnviz import metrics
from fcnviz.fcn import FCN
from fcnviz.inference import decide, forward
from fcnviz.voc import CLASSES, VocFolder


def pairs(folder: VocFolder, limit: int = 0) -> Iterable[tuple[Image.Image, np.ndarray]]:
    """Photos with their masks, one after another.

    Args:
        folder: the split.
        limit: stop after that many (0: all).
    """
    for i in range(min(len(folder), limit or len(folder))):
        yield folder.photo(i), folder.mask(i)


def evaluate(model: FCN, data: Iterable[tuple[Image.Image, np.ndarray]]) -> np.ndarray:
    """Confusion matrix (C, C) of a network over photos and masks (rows = truth; 255 ignored)."""
    total = np.zeros((model.num_classes, model.num_classes), np.int64)
    for photo, truth in data:
        _, labels = decide(forward(model, photo)[1])
        total += metrics.confusion(labels, truth, model.num_classes)
    return total


def report(confusion: np.ndarray) -> dict[str, Any]:
    """A confusion matrix as plain numbers: the four metrics and each class's IU (None where absent)."""
    s = metrics.scores(confusion)
    class_iu = {
        name: None if np.isnan(v) else round(float(v), 4) for name, v in zip(CLASSES, s.class_iu, strict=True)
    }
    return {
        "pixel_accuracy": round(s.pixel_accuracy, 4),
        "mean_accuracy": round(s.mean_accuracy, 4),
        "mean_iu": round(s.mean_iu, 4),
        "frequency_weighted_iu": round(s.frequency_weighted_iu, 4),
        "class_iu": class_iu,
    }


def table(name: str, result: dict[str, Any]) -> str:
    """`report`'s numbers as text, in percent."""
    four = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")
    lines = [
        name,
        *(f"  {key.replace('_', ' '):<24}{100 * result[key]:6.1f} %" for key in four),
        "  IU by class",
    ]
    lines += [
        f"    {c:<22}" + ("absent" if v is None else f"{100 * v:6.1f} %")
        for c, v in result["class_iu"].items()
    ]
    return "\n".join(lines)
