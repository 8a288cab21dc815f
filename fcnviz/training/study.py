"""Measure the effect of each training choice: short runs that differ in one setting, on held-out photos.

    python -m fcnviz study --data VOC2012 --out runs/study

Every run trains on `train_aug-fit` and is measured on `train_aug-held` (see `voc.held`), never on the
validation split. Its gain over the run that it varies has a paired bootstrap interval over those photos. A
finished run is not repeated.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from fcnviz import files
from fcnviz.evaluation import bootstrap, measure
from fcnviz.evaluation.measure import Measured
from fcnviz.photos.folder import VocFolder
from fcnviz.training import train
from fcnviz.training.config import Config, Machine

FIT, HELD = "train_aug-fit", "train_aug-held"


@dataclass(frozen=True)
class Trial:
    """One run of the study.

    Attributes:
        name: name of its folder.
        about: what it is, or what it changes.
        config: its settings; `init` is the name of another run.
        over: name of the run that it is compared with; None for the first of a comparison.
    """

    name: str
    about: str
    config: Config
    over: str | None = None


def _trials() -> tuple[Trial, ...]:
    long = Config(32, split=FIT, epochs=3)
    short = Config(16, init="base", split=FIT, epochs=1, limit=1600, lr=1e-3, ema=0.97)
    first = Config(32, split=FIT, epochs=2, limit=1600, ema=0.97)
    second = replace(short, init="first")
    late = replace(short, epochs=3, limit=0, ema=0.99, crop=352)
    return (
        Trial("base", "FCN-32s, 3 epochs", long),
        Trial("scale", "scale 0.75 to 2.5", replace(long, scale_min=0.75, scale_max=2.5), "base"),
        Trial("16s", "FCN-16s from base, 1,600 photos", short),
        Trial("longer", "3,200 photos", replace(short, limit=3200), "16s"),
        Trial("crop", "crops of 320², batch 10", replace(short, crop=320, batch=10), "16s"),
        Trial("rate", "twice the rate", replace(short, lr=2e-3), "16s"),
        Trial("slower", "half the rate", replace(short, lr=5e-4), "16s"),
        Trial("last", "the last weights for their moving average", replace(short, ema=0.0), "16s"),
        Trial("smooth", "labels smoothed at borders", replace(short, smooth=0.33), "16s"),
        Trial("balance", "classes balanced, power 0.5", replace(short, balance=0.5), "16s"),
        Trial("fixed", "last deconvolution fixed bilinear", replace(short, fixed_last=True), "16s"),
        Trial("late", "FCN-16s from base, 3 epochs, crops of 352²", late),
        Trial("late-whole", "whole photos in the last epoch", replace(late, whole=1), "late"),
        Trial("late-frozen", "batch norms frozen in the last epoch", replace(late, frozen=1), "late"),
        Trial("late-plain", "no colour jitter in the last epoch", replace(late, plain=1), "late"),
        Trial("late-band", "2 px at boundaries left out of the loss", replace(late, band=2), "late"),
        Trial("late-paste", "rare objects pasted on every second crop", replace(late, paste=0.5), "late"),
        Trial("late-scale", "scale 0.6 to 2.4", replace(late, scale_min=0.6, scale_max=2.4), "late"),
        Trial("late-average", "moving average over 5 times as many steps", replace(late, ema=0.998), "late"),
        Trial("late-seed-1", "another seed", replace(late, seed=1), "late"),
        Trial("late-seed-2", "another seed", replace(late, seed=2), "late"),
        Trial("first", "FCN-32s from ImageNet, 2 × 1,600 photos", first),
        Trial("lite2", "EfficientNet-Lite2 for Lite0", replace(first, backbone="lite2"), "first"),
        Trial("second", "FCN-16s from first, 1,600 photos", second),
        Trial("staged", "FCN-8s from second, 1,600 photos", replace(second, stride=8, init="second")),
        Trial("at-once", "FCN-8s, ImageNet, 4 × 1,600 photos", replace(first, stride=8, epochs=4), "staged"),
    )  # fmt: skip


TRIALS = _trials()

#: What a run gave, as shares of 1: `mean_iu` and, if it is compared, `gain`, each with its interval.
Found = dict[str, list[float]]


def command(row: Trial, out: str = "runs/study") -> str:
    """Write the command that trains a run.

    >>> print(command(TRIALS[2]))
    python -m fcnviz train --data VOC2012 --stage 16s --out runs/study/16s --init runs/study/base \
--split train_aug-fit --epochs 1 --lr 0.001 --ema 0.97 --limit 1600
    """
    words = ["python", "-m", "fcnviz", "train", "--data", "VOC2012", "--stage", f"{row.config.stride}s"]
    words += ["--out", f"{out}/{row.name}"]
    for field in fields(Config):
        value = getattr(row.config, field.name)
        if field.name == "stride" or value == field.default:
            continue
        flag = f"--{field.name.replace('_', '-')}"
        words += [flag] if value is True else [flag, f"{out}/{value}" if field.name == "init" else str(value)]
    return shlex.join(words)


def needed(names: Sequence[str]) -> tuple[Trial, ...]:
    """Return the named runs and all runs that they start from or are compared with, in the study's order.

    >>> [row.name for row in needed(["crop"])]
    ['base', '16s', 'crop']
    """
    wanted = set(names)
    for row in reversed(TRIALS):
        if row.name in wanted:
            wanted |= {name for name in (row.config.init, row.over) if name}
    return tuple(row for row in TRIALS if row.name in wanted)


def study(
    data: str | Path,
    out: str | Path,
    rows: Sequence[Trial] = TRIALS,
    machine: Machine | None = None,
) -> dict[str, Found]:
    """Train the runs that are not finished yet, measure and compare all.

    Args:
        data: a VOC folder.
        out: folder with one folder per run.
        rows: the runs; each comes after those that it starts from or is compared with.
        machine: what to train on.

    Returns:
        what each run gave, by name.
    """
    out = Path(out)
    held = VocFolder.open(data, HELD)
    measured = {row.name: _measured(data, out, row, held, machine) for row in rows}
    return {row.name: _found(measured[row.name], measured.get(row.over or "")) for row in rows}


def _measured(
    data: str | Path, out: Path, row: Trial, held: VocFolder, machine: Machine | None
) -> list[Measured]:
    """Return a run's counts on each held-out photo; measured once and saved."""
    run = out / row.name
    config = replace(row.config, init=row.config.init and str(out / row.config.init))
    torch.compiler.reset()  # drop what was compiled for the last network
    train.train(data, run, config, machine)  # a finished run stays as it is
    kept = run / "held.npz"
    if not kept.is_file():
        net = train.trained(run, machine.device if machine else "cpu")
        bar = tqdm(measure.read_pairs(held), total=len(held), desc=row.name, unit="photo", mininterval=2)
        images = list(measure.per_photo(net, bar))
        with files.atomic_write(kept) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                confusion=np.stack([m.confusion for m in images]),
                near=np.stack([m.near for m in images]),
            )
    with np.load(kept) as counts:
        return [Measured(*pair) for pair in zip(counts["confusion"], counts["near"], strict=True)]


def _found(photos: list[Measured], before: list[Measured] | None) -> Found:
    numbers = bootstrap.record(photos, ("before", before) if before else None)
    low, high = numbers["intervals"]["mean_iu"]
    found = {"mean_iu": [measure.total(photos).mean_iu, low, high]}
    return {**found, "gain": list(numbers["gain"]["points"]["mean_iu"])} if before else found
