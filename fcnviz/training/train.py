"""Training in the paper's three stages: FCN-32s, then 16s from it, then 8s from that (section 4.2).

    python -m fcnviz train --data VOC2012 --stage 32s --out runs/32s
    python -m fcnviz train --data VOC2012 --stage 16s --init runs/32s --out runs/16s
    torchrun --nproc-per-node 4 -m fcnviz train …    each process computes its share of every batch

A run that was stopped continues exactly as if it had not been. With several processes the gradient is that of
the whole batch, but batch norm sees only each process's share of it (keep that at 8 or more), and every
process holds all photos of the split in memory.
"""

import ctypes
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from fcnviz import fcn, files
from fcnviz.backbones import fold_batch_norms
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.voc import VOID
from fcnviz.training.config import Config, Machine
from fcnviz.training.crops import Crops, Order
from fcnviz.training.losses import class_weights, mean_factor, pixel_losses
from fcnviz.weights.signatures import signature


def load_init(model: fcn.FCN, path: str | Path) -> None:
    """Copy all shared layers from the stage before; new score layers stay zero, new kernels bilinear.

    Args:
        model: the net to fill.
        path: a run folder (its averaged weights) or a safetensors file.

    Raises:
        ValueError: the file is not the stage before.
    """
    path = Path(path)
    state = load_file(path / "model.safetensors" if path.is_dir() else path)
    before = signature(model.backbone.name, min(32, 2 * model.stride))
    if {key: tuple(v.shape) for key, v in state.items()} != before:
        raise ValueError(f"{path} does not hold the stage before FCN-{model.stride}s")
    model.load_state_dict({key: v.float() for key, v in state.items()}, strict=False)


def parameter_groups(model: fcn.FCN, config: Config) -> list[dict[str, Any]]:
    """Group for AdamW: score layers at full rate, trunk and deconvolutions slower; no decay on vectors."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        rate = config.lr if name.startswith("score_") else config.lr * config.trunk
        decay = 0.0 if p.ndim == 1 or name.split(".")[0] in model.upsamplers else config.decay
        groups.setdefault((rate, decay), []).append(p)
    return [{"params": ps, "lr": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def learning_rate(step: int, steps: int) -> float:
    """Return the factor on the rates: a short linear warm-up, then polynomial decay with power 0.9."""
    warm = max(1, min(200, steps // 10))
    return min(1.0, (step + 1) / warm) * (1 - step / steps) ** 0.9


def train(data: str | Path, out: str | Path, config: Config, machine: Machine | None = None) -> Path:
    """Train one stage, or continue the unfinished run in `out`.

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
    run = Run(config, machine)
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
        with files.atomic_write(out / "model.safetensors") as part:
            save_file(run.averaged(), part)
    return out / "model.safetensors"


def trained(run: str | Path, device: str = "cpu") -> fcn.FCN:
    """Load the network of a finished run to measure it: averaged weights, eval mode, batch norms folded.

    Raises:
        FileNotFoundError: the folder holds no finished run.
    """
    path = _finished(run)
    settings = json.loads((Path(run) / "log.jsonl").read_text().splitlines()[-1])
    net = fcn.build(settings.get("backbone", Config.backbone), settings["stride"], imagenet=False)
    net.load_state_dict(load_file(path))
    fold_batch_norms(net.eval().requires_grad_(False))
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def average(runs: Sequence[str | Path], out: str | Path) -> Path:
    """Average the weights of finished runs of one stage, batch norms' statistics too.

    After Wortsman et al. (ICML 2022). It may help runs that share their start; it cannot help others.

    Args:
        runs: run folders; each counts the same.
        out: run folder to write, which `trained` and the bundling read like any other.

    Returns:
        path of the averaged weights, float32.

    Raises:
        FileNotFoundError: one of them holds no finished run.
        ValueError: fewer than two runs, or not of one network.
    """
    states = [load_file(_finished(run)) for run in runs]
    shapes = [{key: value.shape for key, value in state.items()} for state in states]
    if len(states) < 2 or any(other != shapes[0] for other in shapes):
        raise ValueError("averaging needs two or more runs of one stage and backbone")
    out, last = Path(out), states[-1]
    mean = {key: torch.stack([s[key].double() for s in states]).mean(0) for key in last}
    whole = {key: mean[key].float() if last[key].is_floating_point() else last[key] for key in last}
    settings = json.loads((Path(runs[-1]) / "log.jsonl").read_text().splitlines()[-1])
    about = {"stride": settings["stride"], "backbone": settings.get("backbone", Config.backbone)}
    out.mkdir(parents=True, exist_ok=True)
    files.write_bytes(
        out / "log.jsonl", f"{json.dumps({'average': list(map(str, runs)), **about})}\n".encode()
    )
    with files.atomic_write(out / "model.safetensors") as part:
        save_file(whole, part)
    return out / "model.safetensors"


def _finished(run: str | Path) -> Path:
    """Return the weights of a finished run."""
    path, log = Path(run) / "model.safetensors", Path(run) / "log.jsonl"
    if not (path.is_file() and log.is_file()):
        raise FileNotFoundError(f"{run} holds no finished run: there is no {path.name} or no {log.name}")
    return path


def keep_memory() -> None:
    """Tell glibc to keep freed memory: each step frees and requests gigabytes, and page faults are slow.

    Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        m_mmap_max, m_trim_threshold, m_top_pad = -4, -1, -2
        for option, value in ((m_mmap_max, 0), (m_trim_threshold, 2**31 - 1), (m_top_pad, 2**28)):
            libc.mallopt(option, value)


class Run:
    """Model, moving average and optimiser of one run."""

    def __init__(self, config: Config, machine: Machine):
        cuda = machine.device.startswith("cuda")
        if machine.graph and (not cuda or machine.world.size > 1):
            raise ValueError("a CUDA graph needs one process on a CUDA device: leave out --graph")
        self.config, self.machine = config, machine
        model = fcn.build(
            config.backbone, config.stride, learned=not config.fixed_last, imagenet=not config.init
        )
        if config.init:
            load_init(model, config.init)
        self.model = model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = get_ema_multi_avg_fn(config.ema)
        self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.average.n_averaged = self.average.n_averaged.cpu()  # it is read in every step
        self.optimiser = torch.optim.AdamW(parameter_groups(self.model, config), fused=cuda or None)
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.net: nn.Module = self.model
        if machine.world.size > 1:
            self.net = DistributedDataParallel(self.model)
        self.weight: Tensor | None = None
        self.loader: DataLoader[tuple[Tensor, Tensor]] | None = None
        self.order: Order | None = None
        self.graph: Graph | None = None
        self.loss = torch.compile(self.mean_loss) if machine.compile else self.mean_loss

    def mean_loss(self, x: Tensor, labels: Tensor, factor: Tensor | None) -> Tensor:
        """Mean loss of the counted pixels; if processes share the batch, the sum times `mean_factor`."""
        scores = self.net(x).float()
        if not self.config.smooth and self.weight is None:
            if factor is None:
                return F.cross_entropy(scores, labels, ignore_index=VOID)
            return F.cross_entropy(scores, labels, ignore_index=VOID, reduction="sum") * factor
        loss, counted = pixel_losses(scores, labels, self.config.smooth, self.weight), labels != VOID
        return loss.sum() * factor if factor is not None else loss.sum() / counted.sum().clamp(min=1)

    def epoch(self, crops: Crops, epoch: int) -> dict[str, Any]:
        """Train one epoch and return its log entry: epoch, mean loss, seconds."""
        config, world, start = self.config, self.machine.world, time.monotonic()
        if config.balance and self.weight is None:
            self.weight = class_weights(crops.frequencies(), config.balance).to(self.machine.device)
        torch.manual_seed(config.seed * 1000 + epoch + 10**9 * world.rank)  # dropout
        self._set_mode(epoch)
        losses, loader = [], self._batches(crops, epoch)
        title = f"FCN-{config.stride}s epoch {epoch + 1}/{config.epochs}"
        with tqdm(loader, desc=title, mininterval=5, disable=not world.first) as bar:
            for i, (pixels, labels) in enumerate(bar):
                self._set_rates(epoch * len(loader) + i, config.epochs * len(loader))
                losses.append(self._step(pixels, labels))  # reading a loss would make a GPU wait each time
                if i % 25 == 0:
                    bar.set_postfix(loss=f"{float(losses[-1]):.3f}", refresh=False)
        mean = torch.stack(losses).cpu().double().mean()
        if world.size > 1:
            mean = world.all_reduce(mean) / world.size
        seconds = round(time.monotonic() - start, 1)
        return {"epoch": epoch + 1, "loss": round(float(mean), 4), "seconds": seconds}

    def _batches(self, crops: Crops, epoch: int) -> DataLoader[tuple[Tensor, Tensor]]:
        """Load one epoch's batches; the processes that cut crops stay from epoch to epoch."""
        if self.loader is None or self.order is None:
            self.order = Order(len(crops), self.config, epoch, self.machine.world)
            workers, cuda = self.machine.workers, self.machine.device.startswith("cuda")
            self.loader = DataLoader(
                crops,
                batch_sampler=self.order,
                num_workers=workers,
                persistent_workers=workers > 0,
                pin_memory=cuda,
                generator=torch.Generator(),  # else it draws from dropout's, and not in every epoch
            )
        crops.epoch = self.order.epoch = epoch
        return self.loader

    def _set_mode(self, epoch: int) -> None:
        """Switch to training; in the last `frozen` epochs all but the batch norms."""
        self.graph = None  # recorded anew in each epoch, as in a run that goes on from there
        self.model.train()
        if epoch >= self.config.epochs - self.config.frozen:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _set_rates(self, step: int, steps: int) -> None:
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * learning_rate(step, steps)

    def _step(self, pixels: Tensor, labels: Tensor) -> Tensor:
        device, factor = self.machine.device, mean_factor(labels, self.machine.world)
        pixels, labels = (t.to(device, non_blocking=True) for t in (pixels, labels))
        x = self.model.backbone.normalise(pixels).contiguous(memory_format=torch.channels_last)
        if self.machine.graph:
            self.graph = self.graph or Graph(self, x, labels)
            loss = self.graph.replay(x, labels)
        else:
            loss = self.backward(x, labels, factor)
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        return loss

    def backward(self, x: Tensor, labels: Tensor, factor: Tensor | None) -> Tensor:
        """Forward and backward pass of a normalised batch: fill the gradients and return the loss."""
        device = torch.device(self.machine.device).type
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = self.loss(x, labels.long(), factor)
        loss.backward()
        return loss.detach()

    def averaged(self) -> dict[str, Tensor]:
        """Return the averaged weights' state dict, on the CPU."""
        return {k: v.detach().cpu().contiguous() for k, v in self.average.module.state_dict().items()}

    def save(self, path: Path, done: int) -> None:
        """Write everything that the next epoch needs."""
        state = {"done": done, "config": asdict(self.config), "model": self.model.state_dict()}
        state |= {"average": self.average.state_dict(), "optimiser": self.optimiser.state_dict()}
        with files.atomic_write(path) as part:
            torch.save(state, part)

    def restore(self, path: Path) -> int:
        """Read what `save` wrote and return the number of finished epochs.

        Raises:
            ValueError: it was written with other settings.
        """
        state = torch.load(path, map_location=self.machine.device, weights_only=True)
        saved = Config(**state["config"])  # options newer than the file take their defaults
        if replace(saved, stop_after=0) != replace(self.config, stop_after=0):
            raise ValueError(f"{path.parent} holds a run with other settings: choose another --out")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        return int(state["done"])


class Graph:
    """Forward and backward pass of one batch shape, recorded once on a CUDA device and then replayed."""

    def __init__(self, run: Run, x: Tensor, labels: Tensor):
        """Record them, after three runs to warm up, which also move the batch norms' statistics."""
        self.x, self.labels = x.clone(), labels.clone()
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # lazily made workspaces must exist before the recording
            for _ in range(3):
                run.backward(self.x, self.labels, None)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        # only this thread's calls are recorded: the loader's thread pins memory meanwhile
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.loss = run.backward(self.x, self.labels, None)

    def replay(self, x: Tensor, labels: Tensor) -> Tensor:
        """Run them on another batch of that shape: gradients as `Run.backward` leaves them, and the loss."""
        self.x.copy_(x)
        self.labels.copy_(labels)
        self.graph.replay()
        return self.loss.clone()
