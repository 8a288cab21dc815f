"""Several processes under torchrun: the same integers as one, and a training that only rank 0 writes."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

from fcnviz import __main__ as cli
from fcnviz import fcn
from fcnviz.evaluation import parallel
from fcnviz.evaluation.parallel import World
from fcnviz.photos import images, samples
from fcnviz.photos.voc import VOID
from fcnviz.training import train
from fcnviz.training.config import Config, Machine
from fcnviz.training.crops import Order
from fcnviz.training.losses import mean_factor
from tests.apps import ROOT


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The five bundled photos, small, as a VOC folder: an odd number, so that shares differ."""
    root = tmp_path_factory.mktemp("voc")
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for name in samples.SAMPLES:
        image = images.fit(samples.load(name), 160)
        image.save(root / "JPEGImages" / f"{name}.png")
        truth = Image.fromarray(samples.annotation(name)).resize(image.size, Image.Resampling.NEAREST)
        truth.save(root / "SegmentationClass" / f"{name}.png")
    (root / "ImageSets/Segmentation/val.txt").write_text("\n".join(samples.SAMPLES))
    return root


def torchrun(*arguments: str) -> str:
    """Run the command line in two processes; → what it prints."""
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *run, "-m", "fcnviz", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_count_the_same_integers_as_one(data, tmp_path, capsys):
    arguments = [
        "evaluate",
        "--device",
        "cpu",
        "--data",
        str(data),
        "--weights",
        "lite0-fcn32s",
        "lite0-fcn8s",
    ]
    assert cli.main([*arguments, "--json", str(tmp_path / "1.json")]) == 0
    alone = capsys.readouterr().out
    both = torchrun(*arguments, "--json", str(tmp_path / "2.json"))
    one, two = (json.loads((tmp_path / f"{n}.json").read_text()) for n in (1, 2))
    assert one == two
    assert np.sum(one["lite0-fcn8s"]["counts"]["confusion"]) > 50_000
    assert alone == both  # printed once


def test_training_in_two_processes(data, tmp_path):
    arguments = ["train", "--data", str(data), "--stage", "32s", "--split", "val", "--out", str(tmp_path)]
    settings = ["--epochs", "1", "--crop", "32", "--batch", "4", "--workers", "0", "--device", "cpu"]
    printed = torchrun(*arguments, *settings)
    assert printed.strip() == str(tmp_path / "model.safetensors")
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["loss"] == pytest.approx(np.log(21), abs=0.01)  # one step, from equal scores
    state = load_file(tmp_path / "model.safetensors")
    fcn.build("lite0", 32, imagenet=False).load_state_dict(state, strict=True)
    assert state["score_fr.weight"].abs().max() > 0


# --- what a share is


@pytest.mark.parametrize(("count", "size"), [(0, 2), (1, 2), (7, 3), (16, 4)])
def test_shares_part_the_whole(count, size):
    shares = [list(World(rank, size).shard(count)) for rank in range(size)]
    assert sorted(itertools.chain(*shares)) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_batches_are_shared_and_none_is_lost():
    config = Config(32, batch=4)
    whole = Order(10, config, 3).batches
    parts = [Order(10, config, 3, World(rank, 3)).batches for rank in range(3)]
    for batch, *shares in zip(whole, *parts, strict=True):
        assert sorted(itertools.chain(*shares)) == sorted(batch)
    with pytest.raises(ValueError, match="cannot be shared by 5"):
        Order(10, config, 0, World(0, 5))


def test_alone_nothing_is_exchanged():
    counts = np.arange(6).reshape(2, 3)
    assert (World().sum(counts) == counts).all()
    with parallel.join(torch.device("cpu")) as world:
        assert world == World(0, 1, "cpu")
        assert world.first
    assert mean_factor(torch.zeros(2, 3), World()) is None


def test_shared_losses_average_to_the_batchs_mean(monkeypatch):
    """DistributedDataParallel averages gradients; so must these parts, however void is spread."""
    torch.manual_seed(0)
    scores = torch.randn(4, 5, 6, 6, requires_grad=True)
    labels = torch.randint(0, 5, (4, 6, 6))
    labels[0], labels[3, :3] = VOID, VOID  # the first crop does not count at all
    expected = F.cross_entropy(scores, labels, ignore_index=VOID)
    monkeypatch.setattr(World, "all_reduce", lambda self, values: (labels != VOID).sum())

    class Net(torch.nn.Module):
        def forward(self, x):
            return x

    parts = []
    for rank in range(2):
        world = World(rank, 2)
        run = object.__new__(train.Run)
        run.net, run.config, run.weight = Net(), Config(32), None
        own = list(world.shard(4))
        parts.append(run.mean_loss(scores[own], labels[own], mean_factor(labels[own], world)))
    assert float(sum(parts).detach()) / 2 == pytest.approx(float(expected.detach()), rel=1e-6)
    (whole,) = torch.autograd.grad(expected, scores)
    (shared,) = torch.autograd.grad(sum(parts) / 2, scores)
    torch.testing.assert_close(shared, whole)


def test_more_processes_than_gpus_is_said(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="2 CUDA devices"), parallel.join(torch.device("cuda")):
        pass


def test_a_machine_alone_is_the_default():
    assert Machine() == replace(Machine(), world=World())
