"""Training in the paper's three stages: FCN-32s, then 16s from it, then 8s from that (section 4.2).

    python -m fcnviz train --data VOC2012 --stage 32s --out runs/32s
    python -m fcnviz train --data VOC2012 --stage 16s --init runs/32s --out runs/16s
    torchrun --nproc-per-node 4 -m fcnviz train …    each process computes its share of every batch

Every random choice comes from (seed, stage, epoch, photo): a run that was stopped goes on as if it had not.
With several processes the gradient is that of the whole batch, but batch norm sees only each process's share
of it (keep that at 8 or more), and every process holds all photos of the split in memory.
"""

from __future__ import annotations

import ctypes
import json
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from fcnviz import fcn, files
from fcnviz.backbones import fold_batch_norms
from fcnviz.parallel import ALONE, World
from fcnviz.voc import CLASSES, VOID, VocFolder


@dataclass(frozen=True)
class Config:
    """Everything that decides the result of a training run.

    Attributes:
        stride: 32, 16 or 8.
        init: run folder or weight file of the stage before; None starts from ImageNet (16s, 8s: "at once").
        split: list of training photos.
        epochs: passes over that list.
        crop: side of the square training crops, in pixels.
        scale_min, scale_max: range of the random scale, uniform in its logarithm.
        batch: crops a step.
        lr: AdamW's rate for the score layers; the trunk and the deconvolutions get `lr` × `trunk`.
        trunk: that factor.
        decay: weight decay, on weights but not on biases, norms and deconvolution kernels.
        ema: decay a step of the weights' moving average, which is what is saved in the end.
        fixed_last: keep the last deconvolution bilinear, as the paper does.
        smooth: share of a pixel's target that goes to the classes of the 5 × 5 pixels around it, in
            proportion: label smoothing, but only at borders, where the masks themselves are unsure.
        balance: weight of each class, (median frequency / its frequency) to this power (0: as the paper).
        backbone: "lite0" or "lite2".
        seed: of everything random.
        limit: use only that many photos (0: all).
        stop_after: stop early after that many epochs in all, to be resumed (0: run to the end).
    """

    stride: int
    init: str | None = None
    split: str = "train_aug"
    epochs: int = 10
    crop: int = 256
    scale_min: float = 0.5
    scale_max: float = 2.0
    batch: int = 16
    lr: float = 2e-3
    trunk: float = 0.2
    decay: float = 0.01
    ema: float = 0.998
    fixed_last: bool = False
    smooth: float = 0.0
    balance: float = 0.0
    backbone: str = "lite0"
    seed: int = 0
    limit: int = 0
    stop_after: int = 0


@dataclass(frozen=True)
class Machine:
    """What may change how fast a run is, and not what it computes (up to rounding and batch norm's share).

    Attributes:
        device: that this process runs on.
        workers: processes that cut crops.
        compile: use torch.compile.
        world: the processes that share each batch.
    """

    device: str = "cpu"
    workers: int = 1
    compile: bool = False
    world: World = ALONE


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Random crops of a split: scale, place, flip and light colour jitter. Photos are kept decoded."""

    def __init__(self, folder: VocFolder, config: Config):
        count = min(len(folder), config.limit or len(folder))
        with ThreadPoolExecutor() as pool:
            load = pool.map(lambda i: (folder.photo(i), Image.fromarray(folder.mask(i))), range(count))
            self.pairs = list(tqdm(load, total=count, desc="decoding", unit="photo", mininterval=5))
        self.config, self.epoch = config, 0

    def __len__(self) -> int:
        return len(self.pairs)

    def frequencies(self) -> np.ndarray:
        """(C,) pixels of each class in the masks, void left out."""
        counts = sum(np.bincount(np.asarray(mask).ravel(), minlength=256) for _, mask in self.pairs)
        return np.asarray(counts)[: len(CLASSES)]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """→ (3, crop, crop) uint8 RGB and (crop, crop) uint8 labels, VOID outside the photo."""
        random = np.random.default_rng((self.config.seed, self.config.stride, self.epoch, index))
        photo, mask = self._cut(self.pairs[index], random)
        pixels = _jitter(np.asarray(photo), random)
        labels = np.asarray(mask)
        if random.random() < 0.5:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1), torch.from_numpy(labels.copy())

    def _cut(
        self, pair: tuple[Image.Image, Image.Image], random: np.random.Generator
    ) -> tuple[Image.Image, Image.Image]:
        c, (width, height) = self.config.crop, pair[0].size
        scale = float(np.exp(random.uniform(np.log(self.config.scale_min), np.log(self.config.scale_max))))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # a negative corner puts the whole photo somewhere inside the crop
        x, y = (int(random.integers(min(0, n - c), max(0, n - c) + 1)) for n in size)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + c, size[0]), min(y + c, size[1])
        box = left / scale, top / scale, min(right / scale, width), min(bottom / scale, height)
        part = right - left, bottom - top
        photo, mask = Image.new("RGB", (c, c), (128, 128, 128)), Image.new("L", (c, c), VOID)
        photo.paste(pair[0].resize(part, Image.Resampling.BILINEAR, box), (left - x, top - y))
        mask.paste(pair[1].resize(part, Image.Resampling.NEAREST, box), (left - x, top - y))
        return photo, mask


def _jitter(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation, each by up to 20 %."""
    brightness, contrast, saturation = random.uniform(0.8, 1.2, 3).astype(np.float32)
    x = pixels.astype(np.float32)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * saturation
    x = (x - 128) * contrast + 128 * brightness
    return np.clip(x, 0, 255).astype(np.uint8)


class Order(torch.utils.data.Sampler[list[int]]):
    """Full batches in an order that seed, stage and epoch decide; of each, one process's share."""

    def __init__(self, count: int, config: Config, epoch: int, world: World | None = None):
        if not count:
            raise ValueError("the split lists no photos")
        order = np.random.default_rng((config.seed, config.stride, epoch)).permutation(count)
        size, world = min(config.batch, count), world or ALONE
        if size < world.size:
            raise ValueError(f"a batch of {size} crops cannot be shared by {world.size} processes")
        starts = range(0, count - size + 1, size)
        self.batches = [[int(order[i + j]) for j in world.share(size)] for i in starts]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)


def load_init(model: fcn.FCN, path: str | Path) -> None:
    """Start a stage from the one before: all shared layers; new score layers stay zero, new kernels bilinear.

    Args:
        model: the net to fill.
        path: a run folder (its averaged weights) or a safetensors file.

    Raises:
        ValueError: the file is not the stage before.
    """
    path = Path(path)
    state = load_file(path / "model.safetensors" if path.is_dir() else path)
    try:
        missing, unexpected = model.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    except RuntimeError as error:  # shapes differ
        raise ValueError(f"{path} does not hold the stage before FCN-{model.stride}s") from error
    if (set(missing), set(unexpected)) != _STEP[model.stride]:
        raise ValueError(f"{path} does not hold the stage before FCN-{model.stride}s")


#: What a stage has and the one before it has not, and the other way round.
_STEP: dict[int, tuple[set[str], set[str]]] = {
    32: (set(), set()),
    16: (
        {"upscore2.weight", "upscore16.weight", "score_pool4.weight", "score_pool4.bias"},
        {"upscore.weight"},
    ),
    8: (
        {"upscore_pool4.weight", "upscore8.weight", "score_pool3.weight", "score_pool3.bias"},
        {"upscore16.weight"},
    ),
}


def parameter_groups(model: fcn.FCN, config: Config) -> list[dict[str, Any]]:
    """AdamW's groups: score layers at full rate, trunk and deconvolutions slower; no decay on vectors."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        rate = config.lr if name.startswith("score_") else config.lr * config.trunk
        decay = 0.0 if p.ndim == 1 or name.split(".")[0] in model.upsamplers else config.decay
        groups.setdefault((rate, decay), []).append(p)
    return [{"params": ps, "lr": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def learning_rate(step: int, steps: int) -> float:
    """Factor on the rates: a short linear warm-up, then poly decay with power 0.9."""
    warm = max(1, min(200, steps // 10))
    return min(1.0, (step + 1) / warm) * (1 - step / steps) ** 0.9


def train(data: str | Path, out: str | Path, config: Config, machine: Machine | None = None) -> Path:
    """Train one stage; continue where `out` left off, if it did.

    Writes `last.pt` (everything needed to continue) and a line of `log.jsonl` after each epoch, and
    `model.safetensors` (the averaged weights, float32) at the end.

    Returns:
        path of the averaged weights.

    Raises:
        ValueError: `out` holds a run with other settings, or `config.init` is not the stage before.
    """
    machine, out = machine or Machine(), Path(out)
    keep_memory()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    run = _Run(config, machine)
    first = run.restore(out / "last.pt") if (out / "last.pt").is_file() else 0
    crops = Crops(VocFolder.open(data, config.split), config) if first < config.epochs else None
    for epoch in range(first, min(config.stop_after or config.epochs, config.epochs)):
        assert crops is not None
        line = run.epoch(crops, epoch)
        if machine.world.first:
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps({**line, **asdict(config), "device": machine.device}) + "\n")
            run.save(out / "last.pt", epoch + 1)
    if machine.world.first:
        with files.whole(out / "model.safetensors") as part:
            save_file(run.averaged(), part)
    return out / "model.safetensors"


def trained(run: str | Path, device: str = "cpu") -> fcn.FCN:
    """The network of a finished run, ready to be measured: averaged weights, eval mode, batch norms folded.

    Args:
        run: its folder.
        device: to put it on.

    Raises:
        FileNotFoundError: the folder holds no finished run.
    """
    path, log = Path(run) / "model.safetensors", Path(run) / "log.jsonl"
    if not (path.is_file() and log.is_file()):
        raise FileNotFoundError(f"{run} holds no finished run: there is no {path.name} or no {log.name}")
    settings = json.loads(log.read_text().splitlines()[-1])
    net = fcn.build(settings.get("backbone", Config.backbone), settings["stride"], imagenet=False)
    net.load_state_dict(load_file(path))
    fold_batch_norms(net.eval().requires_grad_(False))
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def keep_memory() -> None:
    """Tell glibc to keep freed memory: a step frees and asks for gigabytes, and page faults are slow.

    Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in (
            (-4, 0),
            (-1, 2**31 - 1),
            (-2, 2**28),
        ):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            libc.mallopt(option, value)


def _share(labels: Tensor, world: World) -> Tensor | None:
    """What turns one process's sum over its pixels into its part of the batch's mean; None if it is alone.

    Gradients are averaged over processes, so each divides by the pixels of all, times the processes.
    """
    if world.size == 1:
        return None
    counted = world.add((labels != VOID).sum())
    return (world.size / counted.clamp(min=1)).to(world.device)


def class_weights(frequencies: np.ndarray, power: float) -> Tensor:
    """(median frequency / frequency) ** power for each class (Eigen & Fergus 2015 with power 1).

    Args:
        frequencies: (C,) pixels of each class; a class that is not there weighs nothing.
        power: how much to balance.
    """
    there = frequencies > 0
    weights = np.zeros(len(frequencies), np.float32)
    weights[there] = (np.median(frequencies[there]) / frequencies[there]) ** power
    return torch.from_numpy(weights)


def pixel_losses(scores: Tensor, labels: Tensor, smooth: float, weight: Tensor | None) -> Tensor:
    """Cross-entropy of each pixel, with targets smoothed at borders and classes weighted.

    Args:
        scores: (N, C, H, W).
        labels: (N, H, W) int64; `VOID` costs nothing.
        smooth: see `Config`.
        weight: (C,) of each true class, scaled here so that the counted pixels of the batch weigh 1 on
            average; None: 1.

    Returns:
        (N, H, W).
    """
    counted = labels != VOID
    target = F.one_hot(labels.masked_fill(~counted, 0), scores.shape[1]).permute(0, 3, 1, 2).to(scores.dtype)
    target = target * counted[:, None]
    if smooth:
        around = F.avg_pool2d(target, 5, stride=1, padding=2)
        share = around / around.sum(1, keepdim=True).clamp(min=1e-6)
        target = ((1 - smooth) * target + smooth * share) * counted[:, None]
    loss = -(target * scores.log_softmax(1)).sum(1)
    if weight is None:
        return loss
    each = weight[labels.masked_fill(~counted, 0)] * counted
    return loss * each * (counted.sum() / each.sum().clamp(min=1e-6))


class _Run:
    """Model, average and optimiser of one run."""

    def __init__(self, config: Config, machine: Machine):
        self.config, self.machine = config, machine
        model = fcn.build(config.backbone, config.stride, learned=not config.fixed_last)
        if config.init:
            load_init(model, config.init)
        self.model = model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = get_ema_multi_avg_fn(config.ema)
        self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.optimiser = torch.optim.AdamW(parameter_groups(self.model, config))
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.net: nn.Module = self.model
        if machine.world.size > 1:
            self.net = DistributedDataParallel(self.model)
        self.weight: Tensor | None = None
        self.loss = torch.compile(self._loss) if machine.compile else self._loss

    def _loss(self, x: Tensor, labels: Tensor, share: Tensor | None) -> Tensor:
        """Mean over the counted pixels; times `share`, if the batch is shared (see `_share`)."""
        scores = self.net(x).float()
        if not self.config.smooth and self.weight is None:
            if share is None:
                return F.cross_entropy(scores, labels, ignore_index=VOID)
            return F.cross_entropy(scores, labels, ignore_index=VOID, reduction="sum") * share
        loss, counted = pixel_losses(scores, labels, self.config.smooth, self.weight), labels != VOID
        return loss.sum() * share if share is not None else loss.sum() / counted.sum().clamp(min=1)

    def epoch(self, crops: Crops, epoch: int) -> dict[str, Any]:
        """One pass. → epoch, mean loss, seconds."""
        config, start, total = self.config, time.monotonic(), 0.0
        crops.epoch = epoch
        if config.balance and self.weight is None:
            self.weight = class_weights(crops.frequencies(), config.balance).to(self.machine.device)
        order = Order(len(crops), config, epoch, self.machine.world)
        torch.manual_seed(config.seed * 1000 + epoch + 10**9 * self.machine.world.rank)  # dropout
        self.model.train()
        loader = DataLoader(crops, batch_sampler=order, num_workers=self.machine.workers)
        title = f"FCN-{config.stride}s epoch {epoch + 1}/{config.epochs}"
        with tqdm(loader, desc=title, mininterval=5, disable=not self.machine.world.first) as bar:
            for i, (pixels, labels) in enumerate(bar):
                self._rate(epoch * len(order) + i, config.epochs * len(order))
                total += self._step(pixels, labels)
                bar.set_postfix(loss=f"{total / (i + 1):.3f}", refresh=False)
        seconds = round(time.monotonic() - start, 1)
        if self.machine.world.size > 1:
            total = float(self.machine.world.add(torch.tensor(total))) / self.machine.world.size
        return {"epoch": epoch + 1, "loss": round(total / len(order), 4), "seconds": seconds}

    def _rate(self, step: int, steps: int) -> None:
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * learning_rate(step, steps)

    def _step(self, pixels: Tensor, labels: Tensor) -> float:
        device = self.machine.device
        x = self.model.backbone.normalise(pixels.to(device)).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device.startswith("cuda")):
            loss = self.loss(x, labels.long().to(device), _share(labels, self.machine.world))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        return float(loss.detach())

    def averaged(self) -> dict[str, Tensor]:
        """State dict of the averaged weights, on the CPU."""
        return {k: v.detach().cpu().contiguous() for k, v in self.average.module.state_dict().items()}

    def save(self, path: Path, done: int) -> None:
        """Write all that the next epoch needs, and never leave half a file."""
        state = {"done": done, "config": asdict(self.config), "model": self.model.state_dict()}
        state |= {"average": self.average.state_dict(), "optimiser": self.optimiser.state_dict()}
        with files.whole(path) as part:
            torch.save(state, part)

    def restore(self, path: Path) -> int:
        """→ epochs done."""
        state = torch.load(path, map_location=self.machine.device, weights_only=True)
        same = asdict(self.config) | {"stop_after": 0}
        if (
            asdict(Config(**state["config"])) | {"stop_after": 0} != same
        ):  # older runs: newer options' defaults
            raise ValueError(f"{path.parent} holds a run with other settings: choose another --out")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        return int(state["done"])
