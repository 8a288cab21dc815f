"""Timings side by side in one run, as medians after a warm-up, on a real photo of 500 × 375 px.

Every row is a ratio to float32 on the same device. The label agreement decides which lower precision
`inference.AUTOCAST` may use: it must be faster and keep at least 99.5 % of the labels.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from fcnviz import heatmaps, images, inference, render, samples, weights
from fcnviz.fcn import FCN

BUNDLED = ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s")
SIZE = (500, 375)


@dataclass(frozen=True)
class Row:
    """One measured way of doing one thing.

    Attributes:
        what: the network or the task.
        how: precision, or what is included.
        milliseconds: median.
        ratio: float32's time over this one; above 1 is faster. NaN where there is nothing to compare.
        agreement: share of labels equal to float32's, over all bundled photos; NaN likewise.
    """

    what: str
    how: str
    milliseconds: float
    ratio: float = float("nan")
    agreement: float = float("nan")


def bench(names: list[str], device: str = "auto", repeats: int = 9) -> list[Row]:
    """Time the networks, each precision, and the whole way from a file's bytes to three pictures.

    Args:
        names: registry names.
        device: "auto", "cuda", "mps" or "cpu".
        repeats: timed runs of each row, after two that are not.
    """
    photo = samples.load("cat").resize(SIZE, Image.Resampling.LANCZOS)
    models = {name: weights.load(name, device, fold=True) for name in names}
    rows = [row for name, model in models.items() for row in _precisions(name, model, photo, repeats)]
    data = render.to_png(np.asarray(photo))
    whole = median(lambda: from_bytes(data, models), repeats)
    rows.append(Row("from a PNG's bytes", f"to {len(models)} overlay layers", whole))
    rows += [_class_switch(name, model, photo, repeats) for name, model in models.items()]
    return rows


def _class_switch(name: str, model: FCN, photo: Image.Image, repeats: int) -> Row:
    """What the Heatmaps page does for another class: every upsampling, as probabilities, and the PNGs."""
    scores, size = inference.segment(model, photo).scores, (photo.height, photo.width)

    def switch() -> heatmaps.Pictures:
        return heatmaps.paint(heatmaps.reconstruct(model, scores.s32, 32, size, 8, True), True)

    return Row(f"heatmaps {name}", "another class", median(switch, repeats))


def _precisions(name: str, model: FCN, photo: Image.Image, repeats: int) -> list[Row]:
    device = next(model.parameters()).device
    times = {}
    for dtype in (torch.float32, torch.bfloat16, *([torch.float16] if device.type == "cuda" else [])):
        times[dtype] = median(lambda d=dtype: _labels(model, photo, d), repeats)  # type: ignore[misc]
    full = times[torch.float32]
    return [
        Row(name, f"{device.type} {str(d).removeprefix('torch.')}", ms, full / ms, agreement(model, d))
        for d, ms in times.items()
    ]


def _labels(model: FCN, photo: Image.Image, dtype: torch.dtype) -> np.ndarray:
    return inference.decide(inference.forward(model, photo, dtype)[1])[1]


def agreement(model: FCN, dtype: torch.dtype) -> float:
    """Share of pixels, over all bundled photos, whose label is the same in `dtype` as in float32."""
    same = total = 0
    for name in samples.SAMPLES:
        photo = images.fit(samples.load(name), max(SIZE))
        equal = _labels(model, photo, dtype) == _labels(model, photo, torch.float32)
        same, total = same + int(equal.sum()), total + equal.size
    return same / total


def from_bytes(data: bytes, models: dict[str, FCN]) -> list[bytes]:
    """All that Compare does for a new photo: decode, run each network, make each overlay's PNG."""
    image = images.fit(images.open_image(data), 640)
    palette = render.PALETTES["VOC"]
    return [render.layer(inference.segment(m, image).labels, palette) for m in models.values()]


def median(task: Callable[[], object], repeats: int) -> float:
    """Median wall clock of `task` in milliseconds, after two runs that are not counted.

    The task's result must need the device's answer, as labels on the CPU do: that synchronises it.
    """
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        task()
        if i >= 2:
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def machine() -> str:
    """What the figures were measured on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    threads = f"{torch.get_num_threads()} threads"
    return f"torch {torch.__version__}, Python {platform.python_version()}, {threads}, {gpu}"


def table(rows: list[Row]) -> str:
    """Rows as text."""
    lines = [machine(), f"photo {SIZE[0]} × {SIZE[1]} px"]
    for r in rows:
        line = f"{r.what:<24}{r.how:<22}{r.milliseconds:9.1f} ms"
        if r.ratio == r.ratio:
            line += f"{r.ratio:7.2f}× float32   {100 * r.agreement:6.2f} % equal labels"
        lines.append(line)
    return "\n".join(lines)
