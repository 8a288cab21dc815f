"""`python -m fcnviz`, on the bundled weights."""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

import fcnviz
from fcnviz import __main__ as cli
from fcnviz import console as terminal
from fcnviz import inference, weights
from fcnviz.bench import cases
from fcnviz.photos import samples
from tests.hostile import saved


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


def test_segment_many_names_and_skips_what_it_cannot_read(tmp_path, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    cat = fcnviz.images.fit(samples.load("cat"), 120)
    for name in ("a.png", "c.bmp"):
        cat.save(photos / name)
    (photos / "b.jpg").write_text("no image")
    arguments = ["segment", str(photos), "--out", str(out), "--overlay", str(tmp_path / "tinted")]
    assert cli.main(arguments) == 1
    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if line.startswith("fcnviz: ") and "b.jpg" in line]
    assert "3/3" in printed.err  # the progress
    result = fcnviz.segment(fcnviz.load("lite0-fcn8s", fold=True), cat)
    for name in ("a.png", "c.png"):
        assert (np.asarray(Image.open(out / name)) == result.labels).all()
        assert (np.asarray(Image.open(tmp_path / "tinted" / name)) == np.asarray(result.overlay())).all()
    assert len(list(out.iterdir())) == len(printed.out.splitlines()) == 2
    (photos / "b.jpg").unlink()
    assert cli.main(arguments) == 0


def test_segment_writes_a_png_and_nothing_else_to_standard_output(tmp_path, capsysbinary):
    photo = tmp_path / "cat.png"
    samples.load("cat").resize((90, 60)).save(photo)
    assert cli.main(["segment", str(photo), "--out", "-", "--overlay", str(tmp_path / "tinted.png")]) == 0
    printed = capsysbinary.readouterr()
    assert cli.main(["segment", str(photo), "--out", str(tmp_path / "labels.png")]) == 0
    assert printed.out == (tmp_path / "labels.png").read_bytes()
    assert b"90 \xc3\x97 60 px" in printed.err
    assert Image.open(tmp_path / "tinted.png").size == (90, 60)


def test_segment_refuses_before_it_loads_a_network(tmp_path, monkeypatch, capsys):
    photo = tmp_path / "cat.png"
    photo.write_bytes(data := saved(samples.load("cat"), "PNG"))
    monkeypatch.setattr(weights, "load", None)
    for out in (photo, tmp_path / "no" / "x.png", tmp_path / "x.jpg"):
        assert cli.main(["segment", str(photo), "--out", str(out)]) == 1
        error = capsys.readouterr().err
        assert str(out) in error
        assert error.count("\n") == 1
    assert photo.read_bytes() == data


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["segment", "missing.png", "--out", "x.png"], "The file is missing"),
        (["segment", __file__, "--out", "x.png"], "JPEG"),
        (["segment", __file__, "--out", "x.png", "--weights", "nonsense"], "there are no weights 'nonsense'"),
        (["evaluate", "--data", "nowhere", "--weights", "lite0-fcn8s"], "no split 'val'"),
        (["weights", "get", "lite0-fcn8s"], "bundled"),
        (
            ["digits", "--out", "nowhere/x.safetensors"],
            "there is no folder nowhere",
        ),
        (["digits", "--out", "fcnviz"], "fcnviz is a folder"),
        (
            ["train", "--data", "nowhere", "--stage", "32s", "--out", f"{__file__}/run"],
            f"{__file__}/run: Not a",
        ),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(arguments, says, capsys):
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_the_cause_of_a_sentence_is_logged_and_not_printed(tmp_path, capsys, caplog):
    photo = tmp_path / "secret.jpg"
    photo.write_bytes(saved(samples.load("cat"), "JPEG")[:5000])
    assert cli.main(["segment", str(photo), "--out", str(tmp_path / "x.png")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    (record,) = caplog.records
    assert record.name.startswith("fcnviz.")
    assert record.exc_info
    assert "secret" not in record.getMessage()


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
        monkeypatch.setattr(cases, name, less)
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


@pytest.mark.parametrize("name", weights.BUNDLED)
def test_what_the_app_runs_in_agrees_with_the_file(name):
    """Folded, and in the precision that is settled on here: at least 99.5 % of the labels are equal."""
    plain, model = weights.load(name, "cpu"), weights.load(name, "cpu", fold=True)
    assert cases.agreement(model, plain) >= 0.9999
    assert inference.choose_precision(model, samples.small()) == 1.0
    assert model.dtype == torch.float32


def test_what_is_not_tried_would_not_pass_on_all_networks():
    if not inference.lower_precisions(torch.device("cpu")):
        pytest.skip("this processor has no bfloat16 units")
    assert ("lite0", "cpu") in inference.TOO_COARSE
    shares = []
    for name in weights.BUNDLED:
        model = weights.load(name, "cpu", fold=True)
        low = copy.deepcopy(model)
        low.set_trunk_dtype(torch.bfloat16)
        shares.append(cases.agreement(low, model))
    assert min(shares) < inference.EQUAL


def test_weights_list_names_every_origin(capsys):
    assert cli.main(["weights", "list"]) == 0
    printed = capsys.readouterr().out
    for name in ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s", "vgg16-fcn8s", "vgg16-fcn8s-atonce"):
        assert name in printed
    assert set(fcnviz.list_weights()) >= set(weights.BUNDLED)


def test_weights_list_advises_no_get_that_get_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    (tmp_path / "vgg16-fcn16s.pth").write_text("another file")
    (tmp_path / "vgg16-fcn8s.pth").mkdir()
    assert cli.main(["weights", "list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "weights get" in lines["vgg16-fcn32s"]
    for name in (*weights.BUNDLED, "vgg16-fcn16s", "vgg16-fcn8s"):
        with pytest.raises(weights.WeightsError) as caught:
            weights.get(name)
        assert str(caught.value).removeprefix(f"{name} is ") in lines[name]
    assert not [name for name in weights.BUNDLED if "weights get" in lines[name]]
    assert all("move it away, then" in lines[name] for name in ("vgg16-fcn16s", "vgg16-fcn8s"))


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fcnviz {fcnviz.__version__}\n"


# --- consoles that do not know all characters


def commands(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    """Every command and every command within one, as arguments."""
    yield []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from ([name, *rest] for rest in commands(inner))


ENCODINGS = ("ascii", "latin-1", "cp1252", "cp437", "cp850", "cp949", "utf-8")


def printed(arguments: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run a command with PYTHONIOENCODING, so to say; → exit status, and all that it printed."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        patched.setattr(sys, "stderr", stream)
        try:
            status = cli.main(arguments)
        except SystemExit as ended:
            status = ended.code
    return status, stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_help_is_printed_on_every_console(encoding, monkeypatch):
    every = list(commands(cli._parser()))
    assert len(every) == 16
    for arguments in every:
        status, text = printed([*arguments, "--help"], encoding, monkeypatch)
        assert status == 0
        assert " ".join(["usage: python -m fcnviz", *arguments]) in text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_quick_command_prints_on_every_console(encoding, tmp_path, monkeypatch):
    photo, odd = tmp_path / "고양이.png", os.fsdecode(b"\xff.png")
    samples.load("cat").resize((64, 48)).save(photo)
    for arguments, ends in (
        (["segment", str(photo), "--out", str(tmp_path / "x.png")], 0),
        (["segment", odd, "--out", str(tmp_path / "x.png")], 1),
        (["weights", "list"], 0),
        (["weights", "quality"], 0),
        (["weights", "get", "→"], 1),
        (["study", "--data", "VOC", "--out", "runs", "--commands"], 0),
    ):
        status, text = printed(arguments, encoding, monkeypatch)
        assert status == ends
        assert text


def test_what_a_console_lacks_is_spelled(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.spell()
    print("−0.5 to 64 × 48 → 고")
    assert stream.buffer.getvalue() == b"-0.5 to 64 x 48 -> \\uace0\n"
