"""`python -m fcnviz`, on the bundled weights."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from PIL import Image

import fcnviz
from fcnviz import __main__ as cli
from fcnviz import bench, samples, weights


@pytest.fixture
def data(tmp_path):
    """A VOC folder of one photo: the cat, with our annotation."""
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / folder).mkdir(parents=True)
    samples.load("cat").save(tmp_path / "JPEGImages" / "cat.png")
    Image.fromarray(samples.annotation("cat")).save(tmp_path / "SegmentationClass" / "cat.png")
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").write_text("cat\n")
    return tmp_path


def test_segment_writes_exact_labels_of_the_cat(tmp_path):
    photo, out = tmp_path / "cat.png", tmp_path / "labels.png"
    samples.load("cat").save(photo)
    assert cli.main(["segment", str(photo), "--weights", "lite0-fcn8s", "--out", str(out)]) == 0
    labels = np.asarray(Image.open(out))
    expected = fcnviz.segment(fcnviz.load("lite0-fcn8s"), fcnviz.open_image(photo)).labels
    assert (labels == expected).all()
    assert (labels == 8).mean() > 0.5  # it is a cat


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["segment", "missing.png", "--out", "x.png"], "The file is missing"),
        (["segment", __file__, "--out", "x.png"], "JPEG"),
        (["segment", __file__, "--out", "x.png", "--weights", "nonsense"], "there are no weights 'nonsense'"),
        (["evaluate", "--data", "nowhere", "--weights", "lite0-fcn8s"], "no split 'val'"),
        (["weights", "get", "lite0-fcn8s"], "bundled"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(arguments, says, capsys):
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_evaluate_prints_and_saves_the_four_metrics(data, tmp_path, capsys):
    saved = tmp_path / "out.json"
    names = ["lite0-fcn32s", "lite0-fcn8s"]
    assert cli.main(["evaluate", "--data", str(data), "--weights", *names, "--json", str(saved)]) == 0
    numbers = json.loads(saved.read_text())
    assert list(numbers) == names
    assert numbers["lite0-fcn8s"]["photos"] == 1
    assert numbers["lite0-fcn8s"]["class_iu"]["train"] is None
    assert f"{100 * numbers['lite0-fcn8s']['mean_iu']:.1f} %" in capsys.readouterr().out


def test_bench_rows_compare_with_float32(capsys, monkeypatch):
    for name, less in {"SIZE": (160, 120), "SIDES": (64, 128), "BUNDLED": ("lite0-fcn8s",)}.items():
        monkeypatch.setattr(bench, name, less)
    assert cli.main(["bench", "--quick", "--repeats", "1", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for text in (
        "the bundled networks",
        "lite0-fcn8s, folded",
        "100.00% equal labels",
        "a PNG's bytes",
        "GFLOP",
    ):
        assert text in printed


@pytest.mark.parametrize("name", bench.BUNDLED)
def test_what_the_app_runs_in_agrees_with_the_file(name):
    """Folded, and in the precision that is settled on here: at least 99.5 % of the labels are equal."""
    from fcnviz import inference

    plain, model = weights.load(name, "cpu"), weights.load(name, "cpu", fold=True)
    assert bench.agreement(model, plain) >= 0.9999
    if inference.lower_precisions(torch.device("cpu")):  # what is not tried would not pass
        low = copy.deepcopy(model)
        low.lower(torch.bfloat16)
        assert bench.agreement(low, model) < inference.EQUAL
    assert inference.settle(model, samples.small()) == 1.0 and model.dtype == torch.float32


def test_weights_list_names_every_origin(capsys):
    assert cli.main(["weights", "list"]) == 0
    printed = capsys.readouterr().out
    for name in ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s", "vgg16-fcn8s", "vgg16-fcn8s-atonce"):
        assert name in printed
    assert set(fcnviz.list_weights()) >= set(bench.BUNDLED)
