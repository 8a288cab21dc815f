"""Timings side by side in one process: medians after a warm-up, the tasks of a group taking turns.

Every ratio is to the first row of its group. What is compared, and on what, is in the rows themselves;
`table` prints them, `record` keeps them for the app's Evaluate page.
"""

from __future__ import annotations

import copy
import gc
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fcnviz import backbones, fcn, files, heatmaps, imagenet, images, inference, render, samples, weights
from fcnviz.convolutionalize import convolutionalize, window_rows
from fcnviz.fcn import FCN

BUNDLED = ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s")
#: (width, height) of the usual photo, and the sides of the squares that show cost against pixels.
SIZE, SIDES = (500, 375), (224, 512, 1024, 2048)
#: Where the app looks for the last recorded result.
RECORD = Path(__file__).resolve().parent.parent / "docs" / "bench.json"
#: A group is repeated less often once it has taken this many seconds.
PATIENCE = 60.0


@dataclass(frozen=True)
class Row:
    """One measured way of doing one thing.

    Attributes:
        group: rows of a group took turns in one loop.
        what: the network or the task.
        how: size, precision, or what is included.
        milliseconds: median.
        ratio: the group's first row's time over this one; above 1 is faster.
        agreement: share of labels equal to float32's, over all bundled photos; None if not measured.
        megabytes: peak memory above what was in use before, one run; None if the device does not tell.
        parameters: of the network.
        gflop: billions of floating point operations, a multiplication and an addition being two.
        peak_share: of the matrix product's measured rate in the same precision.
    """

    group: str
    what: str
    how: str
    milliseconds: float
    ratio: float = 1.0
    agreement: float | None = None
    megabytes: float | None = None
    parameters: int | None = None
    gflop: float | None = None
    peak_share: float | None = None


@dataclass(frozen=True)
class Task:
    """Something to time.

    Attributes:
        row: what is known of it beforehand.
        run: its result must need the device's answer, as labels on the CPU do: that synchronises.
        dtype: that its matrix products run in.
    """

    row: Row
    run: Callable[[], object]
    dtype: torch.dtype = torch.float32


# --- measuring


def compare(tasks: Sequence[Task], repeats: int, device: torch.device) -> list[Row]:
    """Run the tasks in turn, after one round that is not counted.

    Args:
        tasks: of one group.
        repeats: rounds; fewer, but at least three, once `PATIENCE` is over.
        device: for peak memory and the matrix product's rate.
    """
    memory = [peak_memory(t.run, device) for t in tasks]  # also the warm-up
    times: list[list[float]] = [[] for _ in tasks]
    start = time.perf_counter()
    for turn in range(repeats):
        if turn >= 3 and time.perf_counter() - start > PATIENCE:
            break
        for task, taken in zip(tasks, times, strict=True):
            before = time.perf_counter()
            task.run()
            taken.append(1000 * (time.perf_counter() - before))
    medians = [statistics.median(t) for t in times]
    return [
        _filled(t, ms, medians[0] / ms, mb, device) for t, ms, mb in zip(tasks, medians, memory, strict=True)
    ]


def _filled(task: Task, ms: float, ratio: float, mb: float | None, device: torch.device) -> Row:
    share = None
    if task.row.gflop:
        share = task.row.gflop * 1e9 / (ms / 1000) / matmul_rate(device, task.dtype)
    return replace(task.row, milliseconds=ms, ratio=ratio, megabytes=mb, peak_share=share)


_rates: dict[tuple[str, torch.dtype], float] = {}


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Best measured rate of a large matrix product, in operations a second."""
    key = (str(device), dtype)
    if key not in _rates:
        n = 8192 if device.type == "cuda" else 2048
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        best = min(_seconds(lambda: (a @ b)[0, 0].item()) for _ in range(6))
        _rates[key] = 2 * n**3 / best
    return _rates[key]


def _seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def peak_memory(task: Callable[[], object], device: torch.device) -> float | None:
    """Run a task once → megabytes in use at most, above those before.

    CUDA: of tensors. Linux: of the process's resident memory. Elsewhere None.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        task()
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    try:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = _status("VmRSS")
        task()
        return (_status("VmHWM") - before) / 1e6
    except OSError:
        task()
        return None


def _status(key: str) -> int:
    """A size of this process in bytes, from /proc."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(key))
    return int(line.split()[1]) * 1024


def gflop(backbone: str, stride: int, size: tuple[int, int]) -> float:
    """Billions of operations for one image of (W, H), counted by torch on tensors without numbers."""
    with torch.device("meta"):
        net, x = fcn.build(backbone, stride, imagenet=False).eval(), torch.empty(1, 3, size[1], size[0])
        net(x)  # what is done once for a size is not counted
        with FlopCounterMode(display=False) as counter:
            net(x)
    return counter.get_total_flops() / 1e9


# --- what is measured


def bench(device: str = "auto", repeats: int = 9, quick: bool = False) -> list[Row]:
    """All groups: the bundled nets, precisions, cost against pixels, others' networks, the app's work.

    Args:
        device: "auto", "cuda", "mps" or "cpu".
        repeats: of each row.
        quick: leave out VGG16, other networks, and images above 512 px.
    """
    where = weights.pick_device(device)
    nets = {name: weights.load(name, device, fold=True) for name in BUNDLED}
    for net in nets.values():
        inference.settle(net, samples.small())
    photo = samples.load("cat").resize(SIZE, Image.Resampling.LANCZOS)
    groups = [_networks(nets, photo), *(_precisions(name, photo, device) for name in nets), _app(nets, photo)]
    groups += [_sides(name, net, SIDES[:2] if quick else SIDES) for name, net in nets.items()]
    rows = [row for group in groups for row in compare(group, repeats, where)]
    if not quick:
        rows += _others(nets, photo, where, repeats)
    return rows


def _labels(net: FCN, photo: Image.Image) -> np.ndarray:
    return inference.decide(inference.forward(net, photo)[1])[1]


def _size(photo: Image.Image) -> str:
    return f"{photo.width} × {photo.height}"


def _task(group: str, name: str, net: FCN, photo: Image.Image) -> Task:
    """A network on a photo, from pixels to labels."""
    how = f"{_size(photo)}, {str(net.dtype).removeprefix('torch.')}"
    work = gflop(net.backbone.name, net.stride, photo.size)
    row = Row(group, name, how, 0, parameters=net.parameter_count, gflop=work)
    return Task(row, lambda: _labels(net, photo), net.dtype)


def _networks(nets: dict[str, FCN], photo: Image.Image) -> list[Task]:
    return [_task("the bundled networks", name, net, photo) for name, net in nets.items()]


def _precisions(name: str, photo: Image.Image, device: str) -> list[Task]:
    """A network as its file is, with its batch norms folded, and in each lower precision."""
    group = f"{name}: precision"
    folded = weights.load(name, device, fold=True)
    plain = _task(group, f"{name}, batch norms as they are", weights.load(name, device), photo)
    tasks = [plain, _task(group, f"{name}, folded", folded, photo)]
    tasks[1] = replace(tasks[1], row=replace(tasks[1].row, agreement=agreement(folded, folded)))
    for dtype in inference.lower_precisions(next(folded.parameters()).device):
        low = copy.deepcopy(folded)
        low.lower(dtype)
        task = _task(group, f"{name}, folded", low, photo)
        tasks.append(replace(task, row=replace(task.row, agreement=agreement(low, folded))))
    return tasks


def agreement(net: FCN, full: FCN) -> float:
    """Share of pixels, over all bundled photos, to which two networks give the same label."""
    same = total = 0
    for name in samples.SAMPLES:
        photo = images.fit(samples.load(name), max(SIZE))
        equal = _labels(net, photo) == _labels(full, photo)
        same, total = same + int(equal.sum()), total + equal.size
    return same / total


def _sides(name: str, net: FCN, sides: Sequence[int]) -> list[Task]:
    photo = samples.load("cat")
    squares = (photo.resize((s, s), Image.Resampling.LANCZOS) for s in sides)
    return [_task(f"{name}: cost against pixels", name, net, square) for square in squares]


def linearity(rows: Sequence[Row]) -> float:
    """R² of a straight line through the milliseconds of square images against their pixels."""
    pixels = np.array([float(row.how.split(" ")[0]) ** 2 for row in rows])
    return float(np.corrcoef(pixels, [row.milliseconds for row in rows])[0, 1] ** 2)


def _app(nets: dict[str, FCN], photo: Image.Image) -> list[Task]:
    """What the pages do beside the networks."""
    data, (finest, net) = render.to_png(np.asarray(photo)), list(nets.items())[-1]
    scores, size = inference.segment(net, photo).scores, (photo.height, photo.width)

    def switch() -> heatmaps.Pictures:
        return heatmaps.paint(heatmaps.reconstruct(net, scores.s32, 32, size, 8, True), True)

    group = "the app"
    return [
        Task(
            Row(group, "Compare: a PNG's bytes", f"to {len(nets)} overlays", 0),
            lambda: from_bytes(data, nets),
        ),
        Task(Row(group, f"Heatmaps: {finest}", "another class", 0), switch),
    ]


def from_bytes(data: bytes, nets: dict[str, FCN]) -> list[bytes]:
    """All that Compare does for a new photo: decode, run each network, make each picture."""
    image = images.fit(images.open_image(data), 640)
    layers = [render.layer(inference.segment(m, image).labels, render.PALETTES["VOC"]) for m in nets.values()]
    return [render.to_webp(np.asarray(image), 85), *layers]


# --- against others


def _others(nets: dict[str, FCN], photo: Image.Image, device: torch.device, repeats: int) -> list[Row]:
    rows = compare(_crop_by_crop(photo, device), 3, device)
    rows += compare(_against_resnet(nets, photo, device), repeats, device)
    vgg = {f"vgg16-fcn{s}s": _random_vgg16(s, device) for s in (32, 16)}
    rows += compare([_task("VGG16, random weights", n, net, photo) for n, net in vgg.items()], 3, device)
    del vgg
    return rows + compare(_against_plain(photo, device), repeats, device)


def _crop_by_crop(photo: Image.Image, device: torch.device) -> list[Task]:
    """The ImageNet classifier on 10 × 10 windows: one after another, and in one pass (section 3.1)."""
    classifier = imagenet.lite0().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    conv = convolutionalize(classifier)
    side = imagenet.CROP + 9 * imagenet.STRIDE
    x = imagenet.prepare(photo.resize((side, side), Image.Resampling.LANCZOS)).to(device)
    x = x.contiguous(memory_format=torch.channels_last)
    given = (imagenet.CROP, imagenet.STRIDE, 4)

    @torch.no_grad()
    def crops() -> float:
        return float(sum(rows[0].sum() for rows in window_rows(classifier, x, *given)))

    @torch.no_grad()
    def once() -> float:
        return float(conv(x).sum())

    group, how = "100 windows of the ImageNet classifier", f"{side} × {side}, float32"
    return [
        Task(Row(group, "crop by crop", how, 0), crops),
        Task(Row(group, "one convolutional pass", how, 0), once),
    ]


def _against_resnet(nets: dict[str, FCN], photo: Image.Image, device: torch.device) -> list[Task]:
    from torchvision.models.segmentation import fcn_resnet50

    resnet = fcn_resnet50(weights=None, weights_backbone=None, num_classes=21).eval().to(device)
    x = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float().div(255).to(device)
    group = "against torchvision's fcn_resnet50"

    @torch.no_grad()
    def run() -> np.ndarray:
        return inference.decide(resnet(x)["out"])[1]

    row = Row(group, "fcn_resnet50, random weights", f"{_size(photo)}, float32", 0)
    row = replace(row, parameters=sum(p.numel() for p in resnet.parameters()))
    finest, net = list(nets.items())[-1]
    three = Row(group, "all three lite0 networks", f"{_size(photo)}, one after another", 0)
    return [
        Task(row, run),
        _task(group, finest, net, photo),
        Task(three, lambda: [_labels(n, photo) for n in nets.values()]),
    ]


def _random_vgg16(stride: int, device: torch.device) -> FCN:
    """Random weights: good for timing alone."""
    net = fcn.build("vgg16", stride).eval().requires_grad_(False)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _against_plain(photo: Image.Image, device: torch.device) -> list[Task]:
    """FCN-8s-VGG16 as published code runs it, and ours in each precision."""
    group = "FCN-8s-VGG16, random weights"
    net = _random_vgg16(8, device)
    state = {name: p.contiguous() for name, p in net.state_dict().items()}
    x = net.backbone.preprocess(photo).to(device)
    row = Row(group, "plain transcription", f"{_size(photo)}, float32, default layout", 0)
    row = replace(row, parameters=net.parameter_count)
    tasks = [
        Task(row, lambda: inference.decide(plain_fcn8s(state, x))[1]),
        _task(group, "fcnviz", net, photo),
    ]
    for dtype in inference.lower_precisions(device):
        low = copy.deepcopy(net)
        low.lower(dtype)
        tasks.append(_task(group, "fcnviz", low, photo))
    return tasks


@torch.no_grad()
def plain_fcn8s(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """FCN-8s on VGG16 written down layer by layer, after the authors' voc-fcn8s/net.py.

    Args:
        state: with the paper's layer names.
        x: preprocessed image, (1, 3, H, W).
    """

    def conv(x: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)

    def up(x: Tensor, name: str, factor: int) -> Tensor:
        return F.conv_transpose2d(x, state[f"{name}.weight"], stride=factor)

    pools, h = [], x
    for layer in backbones.vgg16_chain():
        if layer.name.startswith("pool"):
            h = F.max_pool2d(h, 2, stride=2, ceil_mode=True)
            pools.append(h)
        else:
            h = F.relu(conv(h, layer.name, layer.pad))
    s = up(conv(h, "score_fr"), "upscore2", 2)
    s = s + conv(pools[3], "score_pool4")[..., 5 : 5 + s.shape[2], 5 : 5 + s.shape[3]]
    s = up(s, "upscore_pool4", 2)
    s = s + conv(pools[2], "score_pool3")[..., 9 : 9 + s.shape[2], 9 : 9 + s.shape[3]]
    return up(s, "upscore8", 8)[..., 31 : 31 + x.shape[2], 31 : 31 + x.shape[3]]


# --- reporting


def machine(device: str = "auto") -> dict[str, Any]:
    """What the figures were measured on."""
    where = weights.pick_device(device)
    gpu = torch.cuda.get_device_name(where) if where.type == "cuda" else None
    return {
        "device": gpu or f"{where.type}: {_processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
        "matmul_tflops": {str(d).removeprefix("torch."): round(r / 1e12, 3) for (_, d), r in _rates.items()},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.machine())


def record(rows: Sequence[Row], device: str = "auto", path: Path = RECORD) -> None:
    """Keep a result for the app's Evaluate page; the file is never seen half written."""
    text = json.dumps({"machine": machine(device), "rows": [asdict(r) for r in rows]}, indent=1)
    with files.whole(path) as part:
        part.write_text(text + "\n")


def recorded(path: Path = RECORD) -> tuple[list[Row], dict[str, Any]] | None:
    """The last result that was kept, and its machine; None if there is none."""
    try:
        kept = json.loads(path.read_text())
        return [Row(**r) for r in kept["rows"]], kept["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def table(rows: Sequence[Row], device: str = "auto") -> str:
    """Rows as text, group by group."""
    about = machine(device)
    lines = [", ".join(f"{k} {v}" for k, v in about.items())]
    for group in dict.fromkeys(r.group for r in rows):
        members = [r for r in rows if r.group == group]
        lines += ["", group]
        lines += [_line(r) for r in members]
        if "pixels" in group and len(members) > 2:
            lines.append(f"  straight line through them: R² {linearity(members):.4f}")
    return "\n".join(lines)


def _line(r: Row) -> str:
    line = f"  {r.what:<40}{r.how:<34}{r.milliseconds:9.1f} ms{r.ratio:8.2f}×"
    extras = (
        (r.agreement, "{:.2%} equal labels"),
        (r.megabytes, "{:.0f} MB"),
        (r.gflop, "{:.1f} GFLOP"),
        (r.peak_share, "{:.0%} of the matmul rate"),
    )
    return line + "".join("   " + text.format(v) for v, text in extras if v is not None)
