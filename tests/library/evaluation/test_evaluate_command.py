"""`fcnviz evaluate`: one bad file ends nothing, is named, and is seen in the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcnviz import __main__ as cli
from fcnviz.evaluation import measure
from fcnviz.evaluation.measure import Measured
from fcnviz.evaluation.parallel import World
from fcnviz.weights import bundling
from tests import masks
from tests.hostile import saved

GOOD = masks.grey(np.full((5, 22), 8))


def folder(root: Path, **by_name: bytes) -> str:
    """A VOC folder with these masks, and a photo of 22 × 5 px for each."""
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for name, mask in by_name.items():
        (root / "JPEGImages" / f"{name}.jpg").write_bytes(saved(Image.new("RGB", (22, 5)), "JPEG"))
        (root / "SegmentationClass" / f"{name}.png").write_bytes(mask)
    (root / "ImageSets/Segmentation/val.txt").write_text("\n".join(by_name))
    return str(root)


def evaluate(root: str, *more: str) -> int:
    return cli.main(["evaluate", "--device", "cpu", "--data", root, "--weights", "lite0-fcn32s", *more])


def test_bad_pairs_are_named_and_the_rest_is_measured(tmp_path, capsys):
    bad = {"value100": masks.grey([[100]]), "fine": GOOD, "binary": masks.BINARY["0 and 255"](), "text": b"?"}
    data = folder(tmp_path, good=GOOD, **bad)
    (tmp_path / "JPEGImages" / "fine.jpg").unlink()
    assert evaluate(data, "--json", str(tmp_path / "out.json")) == 1
    out, error = capsys.readouterr()
    assert "lite0-fcn32s on val, 1 of 5 photos" in out
    skipped = [line for line in error.splitlines() if "skipped " in line and "pairs" not in line]
    assert [line.split(":")[1].split() for line in skipped] == [["skipped", name] for name in bad]
    assert "value 100 at x=0" in skipped[0]
    assert "no JPEGImages/fine.jpg" in skipped[1]
    assert "black and white only" in skipped[2]
    assert error.splitlines()[-1] == "fcnviz: 4 of 5 pairs were skipped"
    numbers = json.loads((tmp_path / "out.json").read_text())["lite0-fcn32s"]
    assert numbers["photos"] == 1
    assert np.sum(numbers["counts"]["confusion"]) == 110


def test_bad_pairs_are_told_once_for_all_networks(tmp_path, capsys):
    data = folder(tmp_path, good=GOOD, bad=b"?")
    assert evaluate(data, "lite0-fcn8s") == 1
    out, error = capsys.readouterr()
    assert out.count("1 of 2 photos") == 2
    assert error.count("skipped bad") == 1


def test_a_record_needs_all_pairs(tmp_path, capsys, monkeypatch):
    kept = []
    monkeypatch.setattr(bundling, "record", lambda *a: kept.append(a))
    assert evaluate(folder(tmp_path / "a", good=GOOD, bad=b"?"), "--record") == 1
    assert "1 of 2 pairs were skipped, so nothing is recorded" in capsys.readouterr().err
    assert not kept
    assert evaluate(folder(tmp_path / "b", good=GOOD), "--record") == 0
    assert [name for name, _ in kept] == ["lite0-fcn32s"]


def test_nothing_but_bad_pairs(tmp_path, capsys):
    assert evaluate(folder(tmp_path, bad=b"?")) == 1
    assert "none of the 1 pairs of val can be evaluated" in capsys.readouterr().err


@pytest.mark.parametrize("white", ["cat", "8"])
def test_white_is_a_class_by_name_or_index(white, tmp_path, capsys):
    data = folder(tmp_path, binary=masks.BINARY["0 and 255"](), indices=GOOD)
    assert evaluate(data, "--white", white, "--json", str(tmp_path / "out.json")) == 0
    counts = json.loads((tmp_path / "out.json").read_text())["lite0-fcn32s"]["counts"]["confusion"]
    assert np.sum(counts[8]) == masks.OBJECT.sum() + 110
    assert "skipped" not in capsys.readouterr().err


def test_white_may_be_void_but_no_other_word(tmp_path, capsys):
    data = folder(tmp_path, binary=masks.BINARY["0 and 255"]())
    assert evaluate(data, "--white", "void") == 0
    with pytest.raises(SystemExit):
        evaluate(data, "--white", "kitten")
    assert "'kitten' is no class" in capsys.readouterr().err


def test_notes_are_told_once_for_all_masks_that_they_concern(tmp_path, capsys):
    ones = masks.NOTED["0 and 1"][0]()
    assert evaluate(folder(tmp_path, a=ones, b=GOOD, c=ones)) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fcnviz: ")]
    assert line.startswith("fcnviz: a and 1 more: The mask's only values are 0 and 1")


def test_skipped_images_are_gathered_as_skipped():
    one = Measured.zeros()
    one.confusion[0, 0] = 3
    assert [m and m.confusion.sum() for m in measure.gather([None, one, None], 3, World())] == [None, 3, None]
    assert measure.gather([None], 1, World()) == [None]
