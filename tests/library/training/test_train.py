"""Crops, schedules, stages and resumption, on a handful of 64 × 64 pictures."""

import ctypes
import json
import math
import platform
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

from fcnviz import __main__ as cli
from fcnviz import fcn
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.voc import VOID
from fcnviz.training import losses, train
from fcnviz.training.config import Config, Machine
from fcnviz.training.crops import RARE, WHOLE, Crops, Order, jitter, without_band
from fcnviz.upsampling import bilinear_kernel

HERE = Machine(workers=0)


def write_folder(root: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    """A VOC folder of (photo, labels) pairs, all in the split "train"."""
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for stem, (photo, labels) in pairs.items():
        Image.fromarray(photo).save(root / "JPEGImages" / f"{stem}.png")
        Image.fromarray(labels).save(root / "SegmentationClass" / f"{stem}.png")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(pairs))
    return root


def coded(labels: np.ndarray) -> np.ndarray:
    """A photo whose colour is its label: bits 0, 1 and 2 are full red, green and blue."""
    return np.stack([(labels >> bit & 1) * 255 for bit in range(3)], -1).astype(np.uint8)


def decoded(pixels: torch.Tensor) -> np.ndarray:
    """Labels of a coded crop; the jitter never carries a channel across the middle."""
    bits = (pixels > 127).int().numpy()
    return bits[0] + 2 * bits[1] + 4 * bits[2]


def blocks(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random labels 0 to 7 in blocks of 16 × 16 pixels."""
    return rng.integers(0, 8, (rows, columns)).astype(np.uint8).repeat(16, 0).repeat(16, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    pairs = {}
    for i, (rows, columns) in enumerate([(4, 4), (4, 5), (4, 4), (3, 4), (4, 4)]):
        labels = blocks(rng, rows, columns)
        pairs[f"photo{i}"] = coded(labels), labels
    return write_folder(tmp_path_factory.mktemp("voc"), pairs)


def crops(data: Path, **settings) -> Crops:
    config = Config(32, **{"split": "train", "crop": 32, **settings})
    return Crops(VocFolder.open(data, "train"), config)


# --- crops


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_crops_are_decided_by_seed_epoch_and_index(data):
    first, again, other = crops(data), crops(data), crops(data, seed=1)
    assert len(first) == 5
    [first[i] for i in (3, 1, 4)]  # what was drawn before does not matter
    for i in range(5):
        assert same(first[i], again[i])
        assert not same(first[i], other[i])
    before = [first[i] for i in range(5)]
    first.epoch = 1
    assert not any(same(first[i], before[i]) for i in range(5))
    first.epoch = 0
    assert all(same(first[i], before[i]) for i in range(5))


def test_limit(data):
    assert len(crops(data, limit=2)) == 2
    assert len(crops(data, limit=99)) == 5
    assert same(crops(data, limit=2)[1], crops(data)[1])


@pytest.mark.parametrize("crop", [32, 48, 150])
def test_crops_keep_photo_and_labels_aligned(data, crop):
    all_crops = crops(data, crop=crop)
    wrong = known = 0
    for all_crops.epoch in range(12):
        for pixels, labels in (all_crops[i] for i in range(5)):
            assert pixels.shape == (3, crop, crop)
            assert pixels.dtype == torch.uint8
            assert labels.shape == (crop, crop)
            assert labels.dtype == torch.uint8
            truth, found = labels.numpy(), decoded(pixels)
            around = np.lib.stride_tricks.sliding_window_view(truth, (3, 3))
            calm = (around == around[..., 1:2, 1:2]).all((2, 3)) & (around[..., 1, 1] != VOID)
            assert np.array_equal(found[1:-1, 1:-1][calm], truth[1:-1, 1:-1][calm])
            wrong += (found != truth)[truth != VOID].sum()
            known += (truth != VOID).sum()
            assert set(np.unique(truth)) <= {*range(8), VOID}
    assert wrong / known < 0.02  # a shift of one pixel would miss 2 of 16 at each border of a block


def test_uncut_crops_are_the_photo_or_its_mirror(data):
    whole = crops(data, crop=64, scale_min=1.0, scale_max=1.0)
    photo, mask = (np.asarray(image) for image in whole.pairs[0])
    flipped = []
    for whole.epoch in range(40):
        pixels, labels = whole[0]
        mirrored = not np.array_equal(labels, mask)
        flipped.append(mirrored)
        assert np.array_equal(labels, mask[:, ::-1] if mirrored else mask)
        assert np.array_equal(pixels.permute(1, 2, 0) > 127, (photo[:, ::-1] if mirrored else photo) > 127)
    assert 8 < sum(flipped) < 32


def test_outside_the_photo_is_void_and_grey(tmp_path):
    labels = np.full((30, 40), 5, np.uint8)
    write_folder(tmp_path / "voc", {"small": (coded(labels), labels)})
    small = crops(tmp_path / "voc", crop=96)
    scales, corners = [], set()
    for small.epoch in range(200):
        pixels, labels = small[0]
        inside = (labels == 5).numpy()
        assert ((labels == VOID).numpy() == ~inside).all()
        ys, xs = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        assert inside.sum() == len(ys) * len(xs)  # one rectangle
        assert np.ptp(ys) + 1 == len(ys)
        assert np.ptp(xs) + 1 == len(xs)
        assert abs(len(ys) / 30 - len(xs) / 40) <= 0.03  # of the photo's shape
        grey = pixels[:, torch.from_numpy(~inside)]
        assert (grey == grey[0, 0]).all()
        assert 102 <= grey[0, 0] <= 154
        scales.append(len(xs) / 40)
        corners.add((int(ys[0]), int(xs[0])))
    assert 0.5 <= min(scales) < 0.6
    assert 1.75 < max(scales) <= 2
    assert (
        70 < sum(scale < 1 for scale in scales) < 130
    )  # as many halved as doubled: uniform in the logarithm
    assert len(corners) > 150


def test_the_last_epochs_learn_from_whole_photos_in_their_own_colours(data):
    late = crops(data, crop=64, epochs=3, whole=1, plain=1)
    photo, mask = (np.asarray(image) for image in late.pairs[0])
    late.epoch = 1
    assert late[0][1].shape == (64, 64)
    late.epoch = 2
    pixels, labels = late[0]
    inside = labels != VOID
    assert labels.shape == (WHOLE, WHOLE)
    assert inside.sum() == (mask != VOID).sum()
    colours = {tuple(c) for c in pixels.permute(1, 2, 0)[inside].numpy()}
    assert colours <= {tuple(c) for c in photo.reshape(-1, 3)}


def test_a_band_is_void_on_both_sides_of_a_boundary_and_nowhere_else():
    labels = np.zeros((9, 20), np.uint8)
    labels[:, 10:] = 7
    labels[:, 18:] = VOID
    assert np.array_equal(without_band(labels, 2)[4], [0] * 8 + [VOID] * 4 + [7] * 6 + [VOID] * 2)
    assert np.array_equal(without_band(labels, 0), labels)


def test_rare_objects_are_pasted_with_their_labels(tmp_path):
    common, rare = np.full((40, 40), 8, np.uint8), np.full((40, 40), 8, np.uint8)
    rare[10:30, 10:30] = RARE[0]
    folder = {name: (coded(labels), labels) for name, labels in (("a", common), ("b", rare))}
    write_folder(tmp_path / "voc", folder)
    pasted = crops(tmp_path / "voc", crop=40, scale_min=1.0, scale_max=1.0, epochs=2, plain=2, paste=0.5)
    shares = []
    for pasted.epoch in range(1, 60):
        pixels, labels = pasted[0]  # the photo without a rare class
        assert np.array_equal(pixels.permute(1, 2, 0), coded(labels.numpy()))
        shares.append(float((labels == RARE[0]).float().mean()))
    assert set(shares) == {0.0, 0.25}
    assert 15 < sum(map(bool, shares)) < 45


def test_void_in_the_labels_stays_void(tmp_path):
    labels = np.full((64, 64), 3, np.uint8)
    labels[:, 32:] = VOID
    write_folder(tmp_path / "voc", {"half": (coded(labels), labels)})
    _, labels = crops(tmp_path / "voc", crop=64, scale_min=1.0, scale_max=1.0)[0]
    assert (labels == 3).sum() == (labels == VOID).sum() == 32 * 64


class Fixed:
    """In place of a random generator: every factor is as given."""

    def __init__(self, *factors: float):
        self.factors = np.array(factors)

    def uniform(self, low: float, high: float, count: int) -> np.ndarray:
        assert (low, high, count) == (0.8, 1.2, 3)
        return self.factors


def test_jitter():
    pixels = np.array([[[128, 128, 128], [100, 130, 160], [0, 0, 0], [255, 255, 255]]], np.uint8)
    assert np.array_equal(jitter(pixels, Fixed(1, 1, 1)), pixels)
    brighter = [[[153, 153, 153], [125, 155, 185], [25, 25, 25], [255, 255, 255]]]
    assert jitter(pixels, Fixed(1.2, 1, 1)).tolist() == brighter
    flatter = jitter(pixels, Fixed(1, 0.5, 1))
    assert flatter.tolist() == [[[128, 128, 128], [114, 129, 144], [64, 64, 64], [191, 191, 191]]]
    duller = jitter(pixels, Fixed(1, 1, 0))
    assert duller.tolist() == [[[128, 128, 128], [130, 130, 130], [0, 0, 0], [255, 255, 255]]]


def test_order_is_full_batches_of_a_permutation():
    config = Config(32, batch=3)
    order = Order(11, config, 0)
    assert len(order) == len(list(order)) == 3
    assert all(len(batch) == 3 for batch in order)
    drawn = sum(order, [])  # noqa: RUF017
    assert len(set(drawn)) == 9
    assert set(drawn) <= set(range(11))
    assert list(order) == list(Order(11, config, 0))
    assert list(order) != list(Order(11, config, 1))
    assert list(order) != list(Order(11, replace(config, seed=1), 0))


def test_order_of_fewer_photos_than_a_batch():
    batches = list(Order(2, Config(32, batch=16), 0))
    assert len(batches) == 1
    assert sorted(batches[0]) == [0, 1]


# --- rates


def test_learning_rate_warms_up_and_decays():
    steps = 1000
    rates = [train.learning_rate(step, steps) for step in range(steps)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[49] == pytest.approx(0.5 * 0.951**0.9)
    assert rates[500] == pytest.approx(0.5**0.9)
    peak = rates.index(max(rates))
    assert peak == 99
    assert 0.9 < rates[peak] < 1
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[-1] < 0.003


def test_the_warm_up_is_short_and_never_empty():
    assert train.learning_rate(199, 100_000) == pytest.approx((1 - 199e-5) ** 0.9)
    assert train.learning_rate(100, 100_000) == pytest.approx(101 / 200 * (1 - 100e-5) ** 0.9)
    assert train.learning_rate(0, 1) == 1
    assert train.learning_rate(0, 5) == 1


@pytest.mark.parametrize("fixed_last", [False, True])
def test_parameter_groups(fixed_last):
    net = fcn.build("lite0", 8, learned=not fixed_last, imagenet=False)
    config = Config(8, lr=1.0, trunk=0.25, decay=0.5)
    settings = {}
    for group in train.parameter_groups(net, config):
        for p in group["params"]:
            assert id(p) not in settings
            settings[id(p)] = group["lr"], group["weight_decay"]
    expected = {}
    for name, p in net.named_parameters():
        layer, kind = name.split(".")[0], name.split(".")[-1]
        rate = 1.0 if layer in ("score_fr", "score_pool3", "score_pool4") else 0.25
        plain = kind == "bias" or "bn" in name or layer in ("upscore2", "upscore_pool4", "upscore8")
        if not (fixed_last and layer == "upscore8"):
            expected[id(p)] = rate, 0.0 if plain else 0.5
    assert settings == expected


# --- init


def previous(stride: int, num_classes: int = 21) -> dict[str, torch.Tensor]:
    """State dict of a trained net, as far as anyone can tell: nothing is as `build` leaves it."""
    torch.manual_seed(stride)
    net = fcn.build("lite0", stride, num_classes, imagenet=False)
    return {k: v + torch.rand_like(v) if v.is_floating_point() else v for k, v in net.state_dict().items()}


@pytest.mark.parametrize("as_folder", [True, False])
@pytest.mark.parametrize("stride", [16, 8])
def test_a_stage_starts_from_the_one_before(tmp_path, stride, as_folder):
    before = previous(2 * stride)
    save_file(before, tmp_path / "model.safetensors")
    net = fcn.build("lite0", stride, imagenet=False)
    train.load_init(net, tmp_path if as_folder else tmp_path / "model.safetensors")
    state = net.state_dict()
    new = {16: "score_pool4 upscore2 upscore16", 8: "score_pool3 upscore_pool4 upscore8"}[stride].split()
    assert {k.split(".")[0] for k in state} - {k.split(".")[0] for k in before} == set(new)
    for name, value in state.items():
        layer = name.split(".")[0]
        if layer not in new:
            assert torch.equal(value, before[name]), name
        elif layer.startswith("score"):
            assert torch.equal(value, torch.zeros_like(value))
        else:
            assert torch.equal(value, bilinear_kernel(value.shape[-1]).expand_as(value))


def test_half_precision_weights_start_a_stage_too(tmp_path):
    before = {k: v.half() if v.is_floating_point() else v for k, v in previous(32).items()}
    save_file(before, tmp_path / "half.safetensors")
    net = fcn.build("lite0", 16, imagenet=False)
    train.load_init(net, str(tmp_path / "half.safetensors"))
    assert net.score_fr.weight.dtype == torch.float32
    assert torch.equal(net.score_fr.weight, before["score_fr.weight"].float())


@pytest.mark.parametrize(("stride", "other"), [(32, 16), (32, 8), (16, 8)])
def test_a_later_stage_is_no_init(tmp_path, stride, other):
    save_file(previous(other), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=f"does not hold the stage before FCN-{stride}s"):
        train.load_init(fcn.build("lite0", stride, imagenet=False), tmp_path)


@pytest.mark.parametrize(("stride", "other"), [(8, 32), (8, 8), (16, 16)])
def test_a_stage_that_is_not_the_one_right_before_is_no_init(tmp_path, stride, other):
    save_file(previous(other), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold the stage before"):
        train.load_init(fcn.build("lite0", stride, imagenet=False), tmp_path)


def test_a_net_of_other_classes_is_no_init(tmp_path):
    save_file(previous(32, num_classes=3), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold the stage before"):
        train.load_init(fcn.build("lite0", 16, imagenet=False), tmp_path)


@pytest.mark.parametrize("spoil", ["another net", "a layer missing", "a layer too many"])
def test_another_file_is_no_init(tmp_path, spoil):
    state = {"weight": torch.zeros(3)} if spoil == "another net" else previous(32)
    if spoil == "a layer missing":
        del state["score_fr.bias"]
    if spoil == "a layer too many":
        state["fc6.weight"] = torch.zeros(3)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold the stage before FCN-16s"):
        train.load_init(fcn.build("lite0", 16, imagenet=False), tmp_path)


# --- whole runs

CONFIG = Config(32, split="train", epochs=2, crop=32, batch=2, ema=0.5, seed=3)


@pytest.fixture(autouse=True, scope="module")
def own_memory():
    """Leave the allocator of the test process alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "keep_memory", lambda: None)
        yield


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Path:
    """FCN-32s, two epochs at a stretch."""
    out = tmp_path_factory.mktemp("runs") / "32s"
    assert train.train(data, out, CONFIG, HERE) == out / "model.safetensors"
    return out


def log(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint(out: Path) -> dict:
    return torch.load(out / "last.pt", weights_only=True)


def assert_same_run(ours: Path, theirs: Path) -> None:
    a, b = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    assert list(a) == list(b)
    assert all(torch.equal(a[k], b[k]) for k in a)
    a, b = checkpoint(ours), checkpoint(theirs)
    assert a["done"] == b["done"]
    for part in ("model", "average"):
        assert all(torch.equal(a[part][k], b[part][k]) for k in a[part])
    for i, moments in a["optimiser"]["state"].items():
        assert all(torch.equal(moments[k], b["optimiser"]["state"][i][k]) for k in moments)
    assert [line["loss"] for line in log(ours)] == [line["loss"] for line in log(theirs)]


def test_a_run_writes_averaged_weights_and_a_log(finished):
    assert sorted(p.name for p in finished.iterdir()) == ["last.pt", "log.jsonl", "model.safetensors"]
    lines = log(finished)
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert 0 < line["loss"] < 10
        assert math.isfinite(line["loss"])
        assert line["seconds"] >= 0
        assert line["device"] == "cpu"
        assert {key: line[key] for key in asdict(CONFIG)} == asdict(CONFIG)
    assert lines[0]["loss"] > 2.5  # 21 classes, all equal at first: log 21 = 3.04
    state = load_file(finished / "model.safetensors")
    fresh = fcn.build("lite0", 32)
    fresh.load_state_dict(state, strict=True)
    assert all(v.isfinite().all() for v in state.values())
    last = checkpoint(finished)
    assert last["done"] == 2
    assert all(torch.equal(v, last["average"][f"module.{k}"]) for k, v in state.items())
    for name in ("score_fr.weight", "bn1.running_mean"):  # buffers are averaged too
        assert not torch.equal(state[name], last["model"][name])


def test_a_run_trains_every_kind_of_layer(finished):
    before = fcn.build("lite0", 32).state_dict()
    after = load_file(finished / "model.safetensors")
    for name in ("conv_stem.weight", "bn2.running_mean", "bn1.bias", "score_fr.weight", "upscore.weight"):
        assert not torch.equal(before[name], after[name]), name
    # 4 steps of at most lr: the trunk moves, and stays near ImageNet
    assert (before["conv_head.weight"] - after["conv_head.weight"]).abs().max() < 4 * CONFIG.lr * CONFIG.trunk


def test_epochs_draw_new_crops_and_share_one_schedule(data, tmp_path, monkeypatch):
    drawn, steps, rate = [], [], train.learning_rate

    class Watched(Crops):
        def __getitem__(self, index):
            drawn.append(self.epoch)
            return super().__getitem__(index)

    monkeypatch.setattr(train, "Crops", Watched)
    monkeypatch.setattr(train, "learning_rate", lambda *step: steps.append(step) or rate(*step))
    train.train(data, tmp_path, replace(CONFIG, limit=4), HERE)
    assert drawn == [0] * 4 + [1] * 4
    assert sorted(set(steps)) == [(0, 4), (1, 4), (2, 4), (3, 4)]
    rates = {group["lr"] for group in checkpoint(tmp_path)["optimiser"]["param_groups"]}
    assert rates == {CONFIG.lr * rate(3, 4), CONFIG.lr * CONFIG.trunk * rate(3, 4)}


def test_a_stopped_run_goes_on_as_if_it_had_not_been(data, finished, tmp_path):
    out = tmp_path / "run"
    train.train(data, out, replace(CONFIG, stop_after=1), HERE)
    assert checkpoint(out)["done"] == 1
    assert len(log(out)) == 1
    torch.manual_seed(12345)  # a new process knows nothing of the old one's generators
    np.random.seed(12345)
    train.train(data, out, CONFIG, HERE)
    assert_same_run(out, finished)


def test_workers_do_not_change_the_result(data, finished, tmp_path):
    train.train(data, tmp_path / "run", CONFIG, Machine(workers=1))
    assert_same_run(tmp_path / "run", finished)


def test_another_seed_gives_another_run(data, finished, tmp_path):
    train.train(data, tmp_path, replace(CONFIG, seed=4, stop_after=1), HERE)
    assert log(tmp_path)[0]["loss"] != log(finished)[0]["loss"]


def test_a_finished_run_stays_as_it_is(data, finished):
    before = {p.name: p.read_bytes() for p in finished.iterdir()}
    assert train.train(data, finished, CONFIG, HERE) == finished / "model.safetensors"
    assert {p.name: p.read_bytes() for p in finished.iterdir()} == before


@pytest.mark.parametrize("change", [{"lr": 1e-3}, {"epochs": 3}, {"seed": 4}, {"crop": 64}])
def test_other_settings_need_another_folder(data, finished, change):
    before = {p.name: p.read_bytes() for p in finished.iterdir()}
    with pytest.raises(ValueError, match="other settings"):
        train.train(data, finished, replace(CONFIG, **change), HERE)
    assert {p.name: p.read_bytes() for p in finished.iterdir()} == before


def test_stopping_after_the_end_changes_nothing(data, finished):
    assert train.train(data, finished, replace(CONFIG, stop_after=3), HERE) == finished / "model.safetensors"


def test_stages_follow_one_another(data, finished, tmp_path):
    common = {"split": "train", "epochs": 1, "crop": 32, "batch": 2, "limit": 4}
    sixteen = Config(16, str(finished), fixed_last=True, **common)
    train.train(data, tmp_path / "16s", sixteen, HERE)
    eight = Config(8, str(tmp_path / "16s" / "model.safetensors"), **common)
    train.train(data, tmp_path / "8s", eight, HERE)
    for stride in (16, 8):
        out = tmp_path / f"{stride}s"
        assert [math.isfinite(line["loss"]) for line in log(out)] == [True]
        state = load_file(out / "model.safetensors")
        fcn.build("lite0", stride, imagenet=False).load_state_dict(state, strict=True)
        assert state["score_pool4.weight"].abs().max() > 0
        assert not torch.equal(state["upscore2.weight"], bilinear_kernel(4).expand(21, 1, 4, 4))
    frozen = load_file(tmp_path / "16s" / "model.safetensors")["upscore16.weight"]
    assert torch.equal(frozen, bilinear_kernel(32).expand(21, 1, 32, 32))
    assert not torch.equal(state["upscore8.weight"], bilinear_kernel(16).expand(21, 1, 16, 16))
    # each stage goes on from the last: its score layer is a few small steps away, not back at zero
    far = (
        (load_file(finished / "model.safetensors")["score_fr.weight"] - state["score_fr.weight"]).abs().max()
    )
    assert 0 < far < 4 * eight.lr


def test_the_wrong_stage_before_stops_a_run(data, tmp_path):
    config = replace(CONFIG, stride=16, init=str(tmp_path / "vgg.safetensors"))
    save_file({"fc6.weight": torch.zeros(1)}, config.init)
    with pytest.raises(ValueError, match="does not hold the stage before FCN-16s"):
        train.train(data, tmp_path / "run", config, HERE)
    assert not list((tmp_path / "run").iterdir())


# --- memory


class Libc:
    """In place of the C library."""

    def __init__(self):
        self.calls = {}

    def mallopt(self, option: int, value: int) -> int:
        assert -(2**31) <= value < 2**31  # a C int
        self.calls[option] = value
        return 1


keep_memory = train.keep_memory


def test_memory_is_kept_with_glibc_only(monkeypatch):
    libc = Libc()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    keep_memory()
    assert libc.calls == {}
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    keep_memory()
    assert libc.calls[-4] == 0
    assert libc.calls[-1] == 2**31 - 1


def test_a_system_without_such_a_library_is_left_alone(monkeypatch):
    def windows(name):
        raise TypeError("argument of type 'NoneType' is not iterable")  # ctypes.CDLL(None) on Windows

    monkeypatch.setattr(ctypes, "CDLL", windows)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    keep_memory()


# --- the study's options


def test_smoothing_touches_only_borders_and_stays_a_distribution():
    labels = torch.zeros(1, 9, 12, dtype=torch.long)
    labels[..., 6:] = 3
    labels[..., 0] = VOID
    scores = torch.randn(1, 5, 9, 12, generator=torch.Generator().manual_seed(0))
    plain = losses.pixel_losses(scores, labels, 0.0, None)
    torch.testing.assert_close(plain, F.cross_entropy(scores, labels, ignore_index=VOID, reduction="none"))
    smooth = losses.pixel_losses(scores, labels, 0.4, None)
    changed = ((smooth - plain).abs() > 1e-6)[0].any(0)
    assert changed.nonzero().flatten().tolist() == [4, 5, 6, 7]  # two pixels on each side
    # column 5 has 3 of 5 columns of class 0 around it, and 2 of class 3
    log = scores[0].log_softmax(0)[:, :, 5]
    expected = -(0.6 * log[0] + 0.4 * (0.6 * log[0] + 0.4 * log[3]))
    torch.testing.assert_close(smooth[0, :, 5], expected)


def test_class_weights_balance():
    weights = losses.class_weights(np.array([100, 25, 0, 4]), 0.5)
    torch.testing.assert_close(weights, torch.tensor([0.5, 1.0, 0.0, 2.5]))
    labels = torch.tensor([[[0, 1, 3, VOID]]])
    scores = torch.randn(1, 4, 1, 4, generator=torch.Generator().manual_seed(0))
    mine = losses.pixel_losses(scores, labels, 0.0, weights).sum() / 3
    torch.testing.assert_close(mine, F.cross_entropy(scores, labels, weights, ignore_index=VOID))


def test_frequencies_count_every_mask_and_no_void(tmp_path):
    labels = np.full((8, 8), 20, np.uint8)
    labels[0], labels[1] = VOID, 7
    folder = write_folder(tmp_path, {"a": (coded(labels % 8), labels), "b": (coded(labels % 8), labels)})
    counts = Crops(VocFolder.open(folder, "train"), Config(32, split="train")).frequencies()
    assert (counts[7], counts[20], counts.sum()) == (16, 96, 112)


@pytest.mark.parametrize("change", [{"smooth": 0.1}, {"balance": 0.5}])
def test_the_options_change_a_run(data, finished, tmp_path, change):
    path = train.train(data, tmp_path / "run", replace(CONFIG, **change), HERE)
    ours, theirs = load_file(path), load_file(finished / "model.safetensors")
    assert not torch.equal(ours["score_fr.bias"], theirs["score_fr.bias"])


def test_a_graph_without_a_cuda_device_is_refused_in_one_sentence(data, tmp_path, capsys):
    ask = ["train", "--data", str(data), "--stage", "32s", "--out", str(tmp_path / "run"), "--device", "cpu"]
    assert cli.main([*ask, "--split", "train", "--graph"]) == 1
    assert capsys.readouterr().err.endswith("leave out --graph\n")


def test_an_average_is_of_every_tensor_and_is_a_run_like_any_other(data, finished, tmp_path):
    other = tmp_path / "other"
    train.train(data, other, replace(CONFIG, seed=4), HERE)
    assert cli.main(["average", str(finished), str(other), "--out", str(tmp_path / "mean")]) == 0
    a, b, mean = (load_file(run / "model.safetensors") for run in (finished, other, tmp_path / "mean"))
    for key, value in mean.items():
        expected = (a[key] + b[key]) / 2 if value.is_floating_point() else b[key]
        torch.testing.assert_close(value, expected)
    assert not torch.equal(mean["bn1.running_mean"], a["bn1.running_mean"])
    assert train.trained(tmp_path / "mean").stride == 32


def test_what_cannot_be_averaged_is_said(data, finished, tmp_path, capsys):
    assert cli.main(["average", str(finished), "--out", str(tmp_path / "mean")]) == 1
    assert "two or more runs" in capsys.readouterr().err
    other = tmp_path / "16s"
    train.train(data, other, replace(CONFIG, stride=16, init=str(finished), epochs=1), HERE)
    for second in (other, tmp_path):
        assert cli.main(["average", str(finished), str(second), "--out", str(tmp_path / "mean")]) == 1
    assert "of one stage" in (said := capsys.readouterr().err)
    assert "holds no finished run" in said
    assert not (tmp_path / "mean").exists()


def test_frozen_batch_norms_keep_their_statistics_and_the_rest_goes_on_learning(data, tmp_path):
    config, out = replace(CONFIG, epochs=3, frozen=1), tmp_path / "run"
    states = []
    for epochs in (1, 2, 3):
        train.train(data, out, replace(config, stop_after=epochs), HERE)
        states.append(checkpoint(out)["model"])
    statistics = [key for key in states[0] if "running_" in key]
    assert len(statistics) > 80
    first, second, last = states
    assert not any(torch.equal(first[key], second[key]) for key in statistics)
    assert all(torch.equal(second[key], last[key]) for key in statistics)
    assert not torch.equal(second["score_fr.weight"], last["score_fr.weight"])
    assert not torch.equal(second["bn2.weight"], last["bn2.weight"])


def test_an_older_run_without_newer_options_goes_on(data, finished, tmp_path):
    out = tmp_path / "run"
    train.train(data, out, replace(CONFIG, stop_after=1), HERE)
    state = checkpoint(out)
    for option in ("smooth", "balance", "backbone", "frozen", "whole", "plain", "band", "paste"):
        del state["config"][option]
    torch.save(state, out / "last.pt")
    train.train(data, out, CONFIG, HERE)
    assert_same_run(out, finished)
