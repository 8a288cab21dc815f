"""What is timed: the bundled networks, the app's own work, and other networks beside them."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fcnviz import fcn, inference, render, weights
from fcnviz.backbones import vgg16
from fcnviz.bench.report import NETWORKS
from fcnviz.bench.timing import Row, Task, compare, gflop
from fcnviz.convolutionalize import convolutionalize, window_rows
from fcnviz.fcn import FCN
from fcnviz.lessons.convolutionalize import imagenet
from fcnviz.lessons.heatmaps import reconstruct
from fcnviz.photos import images, samples
from fcnviz.render import Scale
from fcnviz.weights import BUNDLED

#: (width, height) of the usual photo.
SIZE = (500, 375)
#: Sides of the squares that show cost against pixels.
SIDES = (224, 512, 1024, 2048)


def bench(device: str = "auto", repeats: int = 9, quick: bool = False) -> list[Row]:
    """Time all groups: bundled networks, precisions, cost against pixels, the app's work, other networks.

    Args:
        device: "auto", "cuda", "mps" or "cpu".
        repeats: how often each task is timed.
        quick: leave out VGG16, other networks, and images above 512 px.
    """
    where = weights.pick_device(device)
    nets = {name: weights.load(name, device, fold=True) for name in BUNDLED}
    for net in nets.values():
        inference.choose_precision(net, samples.small())
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
    """Make a task of a network on a photo, from pixels to labels."""
    how = f"{_size(photo)}, {str(net.dtype).removeprefix('torch.')}"
    work = gflop(net.backbone.name, net.stride, photo.size)
    row = Row(group, name, how, 0, parameters=net.parameter_count, gflop=work)
    return Task(row, lambda: _labels(net, photo), net.dtype)


def _networks(nets: dict[str, FCN], photo: Image.Image) -> list[Task]:
    return [_task(NETWORKS[0], name, net, photo) for name, net in nets.items()]


def _precisions(name: str, photo: Image.Image, device: str) -> list[Task]:
    """Compare a network as in its file, with batch norms folded, and in each lower precision."""
    group = f"{name}: precision"
    folded = weights.load(name, device, fold=True)
    plain = _task(group, f"{name}, batch norms as they are", weights.load(name, device), photo)
    tasks = [plain, _task(group, f"{name}, folded", folded, photo)]
    tasks[1] = replace(tasks[1], row=replace(tasks[1].row, agreement=agreement(folded, folded)))
    for dtype in inference.lower_precisions(next(folded.parameters()).device):
        low = copy.deepcopy(folded)
        low.set_trunk_dtype(dtype)
        task = _task(group, f"{name}, folded", low, photo)
        tasks.append(replace(task, row=replace(task.row, agreement=agreement(low, folded))))
    return tasks


def agreement(net: FCN, full: FCN) -> float:
    """Compute the share of pixels, over all bundled photos, to which two networks give the same label."""
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


def _app(nets: dict[str, FCN], photo: Image.Image) -> list[Task]:
    """Time what the pages do besides running networks."""
    data, (finest, net) = render.to_png(np.asarray(photo)), list(nets.items())[-1]
    scores, size = inference.segment(net, photo, 0).scores, (photo.height, photo.width)

    log_sums = reconstruct.all_classes(net, scores.s32, 32, size).log_sums

    def switch() -> list[bytes]:
        made = reconstruct.reconstruct(net, scores.s32, 32, size, 8, log_sums)
        painted = [render.heatmap_png(m, Scale(0.0, 1.0)) for m in made.dense.values()]
        spread = Scale.diverging(made.border, made.learning)
        return [*painted, *(render.heatmap_png(m, spread) for m in (made.border, made.learning))]

    group = "the app"
    return [
        Task(
            Row(group, "Compare: a PNG's bytes", f"to {len(nets)} overlays", 0),
            lambda: from_bytes(data, nets),
        ),
        Task(Row(group, f"Heatmaps: {finest}", "another class", 0), switch),
    ]


def from_bytes(data: bytes, nets: dict[str, FCN]) -> list[bytes]:
    """Do all that the Compare page does for a new photo: decode, run each network, make each picture."""
    image = images.fit(images.open_image(data), images.SCREEN)
    layers = [render.layer(inference.segment(m, image).labels, render.PALETTES["VOC"]) for m in nets.values()]
    return [render.to_jpeg(np.asarray(image), 85), *layers]


# --- other networks


def _others(nets: dict[str, FCN], photo: Image.Image, device: torch.device, repeats: int) -> list[Row]:
    rows = compare(_crop_by_crop(photo, device), 3, device)
    rows += compare(_against_resnet(nets, photo, device), repeats, device)
    vgg = {f"vgg16-fcn{s}s": _random_vgg16(s, device) for s in (32, 16)}
    rows += compare([_task(NETWORKS[1], n, net, photo) for n, net in vgg.items()], 3, device)
    del vgg
    return rows + compare(_against_plain(photo, device), repeats, device)


def _crop_by_crop(photo: Image.Image, device: torch.device) -> list[Task]:
    """Compare the ImageNet classifier on 10 × 10 windows one after another and in one pass (section 3.1)."""
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
    """Build VGG16's network with random weights, which are good for timing only."""
    net = fcn.build("vgg16", stride).eval().requires_grad_(False)
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _against_plain(photo: Image.Image, device: torch.device) -> list[Task]:
    """Compare FCN-8s-VGG16 as published code runs it with ours in each precision."""
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
        low.set_trunk_dtype(dtype)
        tasks.append(_task(group, "fcnviz", low, photo))
    return tasks


@torch.no_grad()
def plain_fcn8s(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Run FCN-8s on VGG16 written out layer by layer, as in the authors' voc-fcn8s/net.py.

    Args:
        state: state dict with the paper's layer names.
        x: preprocessed image, (1, 3, H, W).

    Returns:
        (1, 21, H, W) scores.
    """

    def conv(x: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)

    def up(x: Tensor, name: str, factor: int) -> Tensor:
        return F.conv_transpose2d(x, state[f"{name}.weight"], stride=factor)

    pools, h = [], x
    for layer in vgg16.chain():
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
