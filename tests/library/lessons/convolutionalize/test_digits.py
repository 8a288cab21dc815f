"""The digits classifier: its data, its training, its file, and what its map finds."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from sklearn.datasets import load_digits

from fcnviz import __main__ as cli
from fcnviz import files, weights
from fcnviz.convolutionalize import convolutionalize
from fcnviz.lessons.convolutionalize import digits


def test_the_splits_are_scikit_learns_images_and_share_none():
    train, test = digits.splits()
    data = load_digits()
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    ours = torch.cat([train.images, test.images])[:, 0].mul(16).flatten(1).numpy()
    labelled = np.column_stack([ours, torch.cat([train.labels, test.labels])])
    theirs = np.column_stack([data.data, data.target])
    assert (labelled[np.lexsort(labelled.T)] == theirs[np.lexsort(theirs.T)]).all()
    seen = {x.numpy().tobytes() for x in train.images}
    assert not any(x.numpy().tobytes() in seen for x in test.images)


def test_without_scikit_learn_one_sentence_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match="of scikit-learn: not found here"):
        digits._data_file()


def test_the_command_trains_to_97_percent_and_saves(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(digits.train, "__defaults__", (0, 15))  # epochs: a third of its own will do
    file = tmp_path / "digits.safetensors"
    assert cli.main(["digits", "--out", str(file)]) == 0
    out = capsys.readouterr().out
    right = float(re.search(r"test accuracy ([\d.]+) %", out)[1])
    assert right >= 97
    with safe_open(file, "pt") as saved:
        about = saved.metadata()
    assert float(about["test_accuracy"]) == pytest.approx(right / 100, abs=1e-4)
    assert about["command"] == "python -m fcnviz digits --seed 0"


def test_the_bundled_file_holds_what_its_header_says():
    with safe_open(digits.path(), "pt") as saved:
        claimed = float(saved.metadata()["test_accuracy"])
    right = digits.accuracy(digits.load())
    assert right >= 0.97
    assert right == pytest.approx(claimed, abs=0.003)  # one image may fall either way on another machine


def test_training_depends_on_its_seed_alone():
    def weight(seed: int) -> torch.Tensor:
        torch.rand(3)  # somebody else's randomness
        net = digits.build(seed)
        (epoch,) = digits.train(net, seed, epochs=1)
        assert (epoch.number, epoch.of) == (1, 1)
        assert 0 < epoch.accuracy < 1
        return net.classifier[0].weight.detach()

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


def test_windows_between_digits_show_none_in_its_place():
    images = torch.ones(64, 1, 8, 8)
    for seed in range(30):
        cut = digits.between(images, torch.Generator().manual_seed(seed))
        assert cut.shape == images.shape
        assert cut.min() == 0
        rows, columns = (cut[:, 0].amax(d).sum(1) for d in (2, 1))  # how far the ink reaches, in px
        assert ((rows < 8) | (columns < 8)).any()


@torch.no_grad()
def test_the_map_finds_95_percent_of_the_digits_on_20_canvases():
    conv, right, total = convolutionalize(digits.load()), 0, 0
    for seed in range(100, 120):
        canvas = digits.scatter((48, 36), 6, seed)
        best = conv(canvas.pixels)[0].argmax(0)
        right += sum(int(best[p.y, p.x]) == p.digit for p in canvas.placed)
        total += len(canvas.placed)
    assert total >= 100
    assert right >= 0.95 * total


@settings(max_examples=40)
@given(st.integers(8, 64), st.integers(8, 64), st.integers(0, 12), st.integers(0, 9999))
def test_scattered_digits_do_not_overlap_and_are_test_images(width, height, count, seed):
    canvas, test = digits.scatter((width, height), count, seed), digits.splits()[1]
    assert canvas.pixels.shape == (1, 1, height, width)
    assert len(canvas.placed) <= count
    for p in canvas.placed:
        there = canvas.pixels[0, 0, p.y : p.y + 8, p.x : p.x + 8]
        assert torch.equal(there, test.images[p.index, 0])
        assert p.digit == test.labels[p.index]
    assert torch.equal(canvas.pixels, digits.scatter((width, height), count, seed).pixels)


def test_what_does_not_fit_is_cut_off():
    p = digits.Placed(7, 12, 5, digits.example(7))
    pixels = digits.compose((16, 10), [p, p]).pixels
    assert torch.equal(
        pixels[0, 0, 5:, 12:], (2 * digits.splits()[1].images[p.index, 0, :5, :4]).clamp(max=1)
    )
    assert digits.splits()[1].labels[digits.example(7)] == 7


def test_a_missing_or_broken_file_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    with pytest.raises(weights.WeightsError, match="train it with `python -m fcnviz digits --out"):
        digits.load()
    (tmp_path / weights.DIGITS).write_bytes(b"broken")
    with pytest.raises(weights.WeightsError, match="damaged"):
        digits.load()


def test_the_registry_passes_over_the_classifiers(monkeypatch, tmp_path):
    for name in (weights.DIGITS, weights.VGG16):
        (tmp_path / name).write_bytes(digits.path().read_bytes())
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    assert weights.problems() == []
    assert weights.available() == []
    (tmp_path / "other.safetensors").write_bytes(digits.path().read_bytes())
    assert len(weights.problems()) == 1  # under any other name it is somebody's file, and no FCN
