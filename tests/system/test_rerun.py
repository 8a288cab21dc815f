"""The commands that made the bundled weights, as the manifest has them, for 2 % of their length.

Every command runs all its epochs, each of 138 photos for 6,936, cut from the bundled samples, in crops of
128²; stage follows stage as in the model card. From the checkpoint before its last epoch each must go on to
the same weights, bit for bit. Without --compile and --graph, which may change rounding. Minutes long, so only
`make rerun` runs it.
"""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fcnviz import __main__ as cli
from fcnviz import weights
from fcnviz.photos import samples
from fcnviz.training import train

pytestmark = pytest.mark.rerun

PHOTOS, TRAINED_ON = 138, 6936
SIDE, CROP = 320, 128


def commands() -> list[list[str]]:
    """Of the manifest, in the order in which one starts from the other, each as words."""
    found = [weights.find(name).command for name in weights.BUNDLED]
    return [shlex.split(line) for entry in found for line in entry.split(" && ")]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """138 cuttings of the samples; their labels are three shades of grey, which is soon learned."""
    root, random = tmp_path_factory.mktemp("voc"), np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    photos = [samples.load(name) for name in samples.SAMPLES]
    for i in range(PHOTOS):
        photo = photos[i % len(photos)]
        scale = SIDE * random.uniform(1.0, 1.5) / min(photo.size)
        photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
        x, y = (int(random.integers(0, n - SIDE + 1)) for n in photo.size)
        cut = photo.crop((x, y, x + SIDE, y + SIDE))
        cut.save(root / "JPEGImages" / f"{i:03}.png")
        grey = np.asarray(cut.convert("L"))
        labels = np.where(grey > 128, 15, np.where(grey > 64, 8, 0)).astype(np.uint8)
        Image.fromarray(labels).save(root / "SegmentationClass" / f"{i:03}.png")
    (root / "ImageSets/Segmentation/train_aug.txt").write_text("\n".join(f"{i:03}" for i in range(PHOTOS)))
    return root


def test_the_length_is_two_percent_of_the_real_one():
    assert round(100 * PHOTOS / TRAINED_ON) == 2
    assert all(f"{TRAINED_ON:,} photos" in weights.find(name).data for name in weights.BUNDLED)


def test_the_commands_of_the_model_card_run_and_continue_bit_for_bit(data, tmp_path, monkeypatch):
    kept, save = tmp_path / "kept", train.Run.save

    def save_and_keep(run: train.Run, path: Path, done: int) -> None:
        save(run, path, done)
        if done == run.config.epochs - 1:
            shutil.copytree(path.parent, kept / path.parent.name)

    monkeypatch.setattr(train.Run, "save", save_and_keep)
    monkeypatch.chdir(tmp_path)
    ran = commands()
    assert len(ran) >= 3
    for words in ran:
        assert words[:3] == ["python", "-m", "fcnviz"]
        if words[3] == "average":
            assert cli.main(words[3:]) == 0
            continue
        assert words[3] == "train"
        dropped = ("--compile", "--graph")
        words = [str(data) if word == "VOC2012" else word for word in words[3:] if word not in dropped]
        words += ["--device", "cpu", "--workers", "0", "--crop", str(CROP)]
        assert cli.main(words) == 0
        place = words.index("--out") + 1
        out = tmp_path / words[place]
        losses = [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]
        assert losses[-1] < losses[0], "it learns"
        half = kept / out.name
        assert not (half / "model.safetensors").exists()
        torch.manual_seed(12345)  # another process knows nothing of this one's generators
        words[place] = str(half)
        assert cli.main(words) == 0
        ours, theirs = (load_file(run / "model.safetensors") for run in (half, out))
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
        assert (half / "log.jsonl").read_text().count("\n") == len(losses)
    stages = [words[words.index("--stage") + 1] for words in ran if "--stage" in words]
    assert sorted(set(stages), key=stages.index) == ["32s", "16s", "8s"]
