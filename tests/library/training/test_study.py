"""The study of training choices: its rows, and two of them run on three tiny photos."""

from __future__ import annotations

import shlex
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fcnviz import __main__ as cli
from fcnviz.evaluation import measure
from fcnviz.photos.folder import VocFolder, held
from fcnviz.training import study, train
from fcnviz.training.config import Config
from fcnviz.training.study import TRIALS, Trial


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A VOC folder with photos in both parts of train."""
    root, random = tmp_path_factory.mktemp("voc"), np.random.default_rng(0)
    names = [f"2007_{i:06}" for i in range(12)]
    assert 0 < sum(map(held, names)) < len(names)
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for name in names:
        labels = random.integers(0, 3, (2, 3)).astype(np.uint8).repeat(32, 0).repeat(32, 1)
        Image.fromarray(np.stack([labels * 100] * 3, -1)).save(root / "JPEGImages" / f"{name}.png")
        Image.fromarray(labels).save(root / "SegmentationClass" / f"{name}.png")
    for split in ("train", "train_aug"):
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names))
    return root


def mean_iu(net, folder: VocFolder) -> float:
    """In percent."""
    return 100 * measure.total(measure.per_photo(net, measure.read_pairs(folder))).mean_iu


TINY = Config(32, split=study.FIT, epochs=1, crop=32, batch=4, limit=4)
TWO = (Trial("one", "first", TINY), Trial("two", "twice the rate", replace(TINY, lr=4e-3), "one"))


@pytest.mark.parametrize("row", TRIALS, ids=lambda row: row.name)
def test_a_command_is_its_row(row, monkeypatch):
    """What is printed for the README trains with the very settings of the study."""
    asked = []
    monkeypatch.setattr(train, "train", lambda data, out, config, machine: asked.append((out, config)) or out)
    assert cli.main([*shlex.split(study.command(row, "o"))[3:], "--device", "cpu"]) == 0
    init = row.config.init and f"o/{row.config.init}"
    assert asked == [(f"o/{row.name}", replace(row.config, init=init))]


def test_rows_come_after_what_they_need_and_never_see_the_held_out_photos():
    names = [row.name for row in TRIALS]
    assert len(set(names)) == len(names)
    for i, row in enumerate(TRIALS):
        assert {row.config.init, row.over} - {None} <= set(names[:i])
        assert row.config.split == study.FIT
    assert [row.name for row in study.needed(["at-once"])] == ["first", "second", "staged", "at-once"]


@pytest.mark.parametrize("row", [row for row in TRIALS if row.over], ids=lambda row: row.name)
def test_a_row_differs_from_the_one_that_it_is_compared_with(row):
    other = next(r for r in TRIALS if r.name == row.over)
    ours, theirs = asdict(row.config), asdict(other.config)
    changed = {key for key in ours if ours[key] != theirs[key]}
    assert changed
    assert len(changed) == 1 or row.name in ("crop", "scale", "at-once", "late-scale"), changed


def test_the_study_trains_measures_and_compares(data, tmp_path, monkeypatch):
    found = study.study(data, tmp_path, TWO)
    folder = VocFolder.open(data, study.HELD)
    nets = [train.trained(tmp_path / row.name) for row in TWO]
    means = [measure.total(measure.per_photo(net, measure.read_pairs(folder))).mean_iu for net in nets]
    assert [found[row.name]["mean_iu"][0] for row in TWO] == pytest.approx(means)
    assert found["two"]["gain"][0] == pytest.approx(means[1] - means[0])
    assert "gain" not in found["one"]

    def never(*_: object) -> None:
        raise AssertionError("a finished run is not repeated")

    monkeypatch.setattr(train.Run, "epoch", never)
    monkeypatch.setattr(train, "trained", never)
    assert study.study(data, tmp_path, TWO) == found
    with pytest.raises(ValueError, match="other settings"):
        study.study(data, tmp_path, [replace(TWO[0], config=replace(TINY, lr=1e-3))])


def test_a_finished_run_can_be_evaluated_by_its_folder(data, tmp_path, capsys):
    train.train(data, tmp_path / "run", TINY)
    net = train.trained(tmp_path / "run")
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    assert not [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)], "folded, as in the app"
    ask = ["evaluate", "--data", str(data), "--split", study.HELD, "--device", "cpu", "--weights"]
    assert cli.main([*ask, str(tmp_path / "run")]) == 0
    want = (
        100
        * measure.total(measure.per_photo(net, measure.read_pairs(VocFolder.open(data, study.HELD)))).mean_iu
    )
    assert f"mean iu {want:22.1f} %" in capsys.readouterr().out
    assert cli.main([*ask, str(tmp_path)]) == 1
    assert "holds no finished run" in capsys.readouterr().err
