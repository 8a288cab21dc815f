import hashlib
import json
import os
import pickle
import shutil
import socket
import struct
import threading
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from fcnviz import fcn, inference, weights
from fcnviz.photos import images, samples, voc
from fcnviz.weights import WeightsError, bundling, checkpoints, registry, signatures

BUNDLED = ["lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s"]
PUBLISHED = ["vgg16-fcn32s", "vgg16-fcn16s", "vgg16-fcn8s", "vgg16-fcn8s-atonce"]
ABOUT = {"commit": "abc1234", "data": "VOC 2012 train_aug", "licence": "BSD-3-Clause"}
REAL = Path(weights.__file__).resolve().parents[2] / "weights"


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch):
    connect = socket.socket.connect

    def guarded(self, address):
        assert address[0] in ("127.0.0.1", "::1"), f"a test tried to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    where = tmp_path / "weights"
    where.mkdir()
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(where))
    return where


@pytest.fixture(scope="module")
def nets():
    """Networks of lite0 with weights that differ from the initial ones everywhere."""
    torch.manual_seed(0)
    made = {stride: fcn.build("lite0", stride, imagenet=False) for stride in fcn.STRIDES}
    for net in made.values():
        for p in [*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())]:
            p.data = (p.data + 0.01 * torch.rand_like(p)).contiguous()
    return made


@pytest.fixture(scope="module")
def runs(nets, tmp_path_factory):
    """Run folders as fcnviz.train leaves them."""
    where = tmp_path_factory.mktemp("runs")
    for stride, net in nets.items():
        (where / f"{stride}s").mkdir()
        save_file(net.state_dict(), where / f"{stride}s" / "model.safetensors")
    return {f"{stride}s": where / f"{stride}s" for stride in nets}


@pytest.fixture(scope="module")
def bundled(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundled")
    bundling.bundle(runs, out, commands={s: f"python -m fcnviz train --stage {s}" for s in runs}, **ABOUT)
    return out


@pytest.fixture
def bundle_here(bundled, folder):
    shutil.copytree(bundled, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def checkpoint(nets, tmp_path_factory):
    """A .pth of FCN-32s on lite0."""
    path = tmp_path_factory.mktemp("pth") / "net.pth"
    torch.save(nets[32].state_dict(), path)
    return path


@pytest.fixture
def fake(checkpoint, folder, monkeypatch):
    """The published table, with the small checkpoint as vgg16-fcn32s."""
    entries = json.loads(registry.PUBLISHED.read_text())
    entries[0] |= {"backbone": "lite0", "md5": hashlib.md5(checkpoint.read_bytes()).hexdigest()}
    table = folder.parent / "published.json"
    table.write_text(json.dumps(entries))
    monkeypatch.setattr(registry, "PUBLISHED", table)
    return checkpoint


def thin(backbone, stride, classes=21):
    """A state dict of the right shapes that takes no room: every tensor repeats one zero."""
    with torch.device("meta"):
        state = fcn.build(backbone, stride, classes, imagenet=False).state_dict()
    return {key: torch.zeros((), dtype=v.dtype).expand(v.shape) for key, v in state.items()}


def only_problem(folder):
    problems = weights.problems()
    assert len(problems) == 1, problems
    assert "\n" not in problems[0]
    assert weights.list_weights() == BUNDLED + PUBLISHED
    return problems[0]


# --- the registry ---


def test_names_without_any_file(folder):
    assert weights.list_weights() == BUNDLED + PUBLISHED
    assert weights.available() == []
    assert weights.problems() == []
    for name in BUNDLED + PUBLISHED:
        entry = weights.find(name)
        assert entry.name == name
        assert not entry.available
        assert entry.path is None
        assert name == f"{entry.backbone}-fcn{entry.stride}s" + "-atonce" * (entry.skip_scales != (1, 1))


def test_a_folder_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path / "nowhere"))
    assert weights.list_weights() == BUNDLED + PUBLISHED
    monkeypatch.delenv("FCNVIZ_WEIGHTS")
    assert weights.folder() == REAL


def test_published_facts():
    entries = {w.name: w for w in registry.published()}
    assert list(entries) == PUBLISHED
    assert entries["vgg16-fcn8s-atonce"].skip_scales == (0.01, 0.0001)
    assert entries["vgg16-fcn8s"].skip_scales == (1.0, 1.0)
    for w in entries.values():
        assert w.origin == "published"
        assert w.licence == "MIT"
        assert len(w.md5) == 32
        assert w.metrics is None
        assert w.drive_id in w.link
        assert w.sha256 is None
        assert "VOC 2011 seg-val" in w.reported
    ious = [w.reported.split()[2] for w in entries.values()]
    assert ious == ["63.63", "65.01", "65.51", "65.4"]  # of the converted nets, not of pytorch-fcn's own


def test_unknown_name(folder):
    with pytest.raises(WeightsError, match=r"'resnet'; there are lite0-fcn32s, .*vgg16-fcn8s-atonce"):
        weights.find("resnet")


def test_weights_are_frozen_and_hashable(bundle_here):
    entry = weights.find("lite0-fcn8s")
    assert hash(entry) is not None
    with pytest.raises(AttributeError):
        entry.name = "x"


# --- bundled nets ---


def test_bundle_writes_small_files_and_a_manifest(bundled, nets):
    entries = json.loads((bundled / "manifest.json").read_text())
    assert [e["name"] for e in entries] == BUNDLED
    for entry, stride in zip(entries, fcn.STRIDES, strict=True):
        data = (bundled / entry["file"]).read_bytes()
        assert (bundled / entry["file"]).stat().st_mode & 0o777 == 0o644
        assert len(data) < 10e6
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert entry["backbone"] == "lite0"
        assert entry["stride"] == stride
        assert entry["classes"] == list(voc.CLASSES)
        assert entry["metrics"] is None
        assert entry["preprocessing"] == {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "peak": 1.0,
            "order": "RGB",
            "multiple": 32,
        }
        assert entry["command"] == f"python -m fcnviz train --stage {stride}s"
        assert {key: entry[key] for key in ABOUT} == ABOUT
        kinds = {v.dtype for v in load_file(bundled / entry["file"]).values()}
        assert kinds == {torch.float16, torch.int64}
    assert sorted(p.suffix for p in bundled.iterdir()) == [".json"] + [".safetensors"] * 3


def test_bundling_again_gives_the_same_bytes(bundled, runs, tmp_path):
    commands = {s: f"python -m fcnviz train --stage {s}" for s in runs}
    for stage in ("8s", "32s", "16s"):  # one at a time, in another order; a file instead of its folder
        bundling.bundle({stage: runs[stage] / "model.safetensors"}, tmp_path, commands=commands, **ABOUT)
    for path in bundled.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_load_bundled(bundle_here, nets):
    assert weights.available() == BUNDLED
    assert weights.problems() == []
    for stride in fcn.STRIDES:
        entry = weights.find(f"lite0-fcn{stride}s")
        assert (entry.origin, entry.licence, entry.commit) == ("bundled", "BSD-3-Clause", "abc1234")
        state = weights.load(entry.name, "cpu").state_dict()
        for key, value in nets[stride].state_dict().items():
            assert state[key].dtype == value.dtype, key
            torch.testing.assert_close(state[key], value, rtol=1e-3, atol=1e-6)


def test_a_loaded_net_is_ready_to_run(bundle_here):
    net = weights.load("lite0-fcn8s", "cpu")
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())
    assert net.conv_head.weight.is_contiguous(memory_format=torch.channels_last)
    tensors = [*net.parameters(), *net.buffers()]
    assert all(t.device.type == "cpu" and t.dtype in (torch.float32, torch.int64) for t in tensors)
    assert net.backbone.layers["conv_head"] is net.conv_head
    assert not hasattr(net, "weights")
    x = torch.rand(1, 3, 40, 50)
    again = fcn.build("lite0", 8, imagenet=False).eval()
    again.load_state_dict(net.state_dict())
    with torch.inference_mode():
        torch.testing.assert_close(net(x), again(x), rtol=1e-4, atol=1e-4)
    assert net(x).shape == (1, 21, 40, 50)


def test_loading_leaves_the_random_state_alone(bundle_here):
    before = torch.get_rng_state()
    weights.load("lite0-fcn32s", "cpu")
    assert torch.equal(before, torch.get_rng_state())


def test_a_loaded_net_outlives_its_file(bundle_here):
    net = weights.load("lite0-fcn32s", "cpu")
    path = bundle_here / "lite0-fcn32s.safetensors"
    path.write_bytes(bytes(path.stat().st_size))
    assert net.conv_stem.weight.abs().sum() > 0


def test_a_changed_bundled_file_is_refused(bundle_here):
    path = bundle_here / "lite0-fcn16s.safetensors"
    weights.load("lite0-fcn16s", "cpu")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"lite0-fcn16s.safetensors is not the file .* sha256"):
        weights.load("lite0-fcn16s", "cpu")


def test_hashes_are_computed_once(bundle_here, monkeypatch):
    weights.load("lite0-fcn16s", "cpu")
    monkeypatch.setattr(hashlib, "file_digest", None)
    weights.load("lite0-fcn16s", "cpu")


def test_a_missing_bundled_file(bundle_here):
    (bundle_here / "lite0-fcn8s.safetensors").unlink()
    assert weights.available() == BUNDLED[:2]
    with pytest.raises(WeightsError, match=r"bundled.*lite0-fcn8s.safetensors is missing: copy it"):
        weights.load("lite0-fcn8s")


@pytest.mark.parametrize("text", ["", "{", "{}x", '[{"name": "a"}]', '[{"name": "lite0-fcn8s"}]', "[1]", "7"])
def test_a_damaged_manifest(folder, text):
    (folder / "manifest.json").write_text(text)
    for call in (weights.list_weights, weights.problems, lambda: weights.load("lite0-fcn8s")):
        with pytest.raises(WeightsError, match=r"manifest.json is damaged"):
            call()


def test_record(bundle_here):
    before = (bundle_here / "manifest.json").read_text()
    bundling.record("lite0-fcn8s", {"mean_iu": np.float32(0.5), "per_class": [0.25, float("nan")]})
    assert weights.find("lite0-fcn8s").metrics == {"mean_iu": 0.5, "per_class": [0.25, None]}
    assert weights.find("lite0-fcn16s").metrics is None
    after = json.loads((bundle_here / "manifest.json").read_text())
    after[2]["metrics"] = None
    assert json.dumps(after, indent=2, ensure_ascii=False) + "\n" == before
    for name in ("vgg16-fcn8s", "nothing"):
        with pytest.raises(WeightsError, match=f"has no network {name}"):
            bundling.record(name, {})


def test_bundle_refuses_the_wrong_stage(runs, tmp_path):
    with pytest.raises(WeightsError, match=r"FCN-16s on lite0 needs the tensor score_pool4.weight"):
        bundling.bundle({"16s": runs["32s"]}, tmp_path, commands={"16s": ""}, **ABOUT)
    with pytest.raises(WeightsError, match="the stages are 32s, 16s and 8s"):
        bundling.bundle({"4s": runs["32s"]}, tmp_path, commands={"4s": ""}, **ABOUT)
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        bundling.bundle({"8s": tmp_path / "none"}, tmp_path, commands={"8s": ""}, **ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_bundle_refuses_a_large_file(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(bundling, "MAX_BUNDLED_BYTES", 10**6)
    with pytest.raises(WeightsError, match="would have 1 MB or more"):
        bundling.bundle({"32s": runs["32s"]}, tmp_path, commands={"32s": ""}, **ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_checked():
    count = torch.tensor(70000)
    assert bundling._half("n", count) is count
    assert torch.equal(bundling._half("w", torch.tensor([0.0, 1.0])), torch.tensor([0.0, 1.0]).half())
    assert bundling._half("w", torch.tensor([1e-9, 1.0])).tolist() == [
        0,
        1,
    ]  # lost beside a large one: no harm
    for bad in (70000.0, float("nan"), float("inf")):
        with pytest.raises(WeightsError, match="w does not fit float16"):
            bundling._half("w", torch.tensor([1.0, bad]))
    with pytest.raises(WeightsError, match="w vanishes in float16: its largest value is 1e-09"):
        bundling._half("w", torch.tensor([1e-9, 0.0]))


# --- files that a user puts into the folder ---


@pytest.mark.parametrize(
    "file", ["vgg16-fcn32s.pth", "fcn32s_from_caffe.PTH", "mein Netz (1).pt", "x.safetensors"]
)
def test_published_files_are_recognised_by_hash(fake, folder, file):
    shutil.copy(fake, folder / file)
    entry = weights.find("vgg16-fcn32s")
    assert entry.available
    assert entry.file == file
    assert entry.origin == "published"
    assert weights.list_weights() == BUNDLED + PUBLISHED
    assert weights.problems() == []
    assert weights.available() == ["vgg16-fcn32s"]
    assert weights.load("vgg16-fcn32s", "cpu").stride == 32


def test_a_second_copy_is_no_second_net(fake, folder):
    for name in ("b.pth", "a.pth"):
        shutil.copy(fake, folder / name)
    assert weights.available() == ["vgg16-fcn32s"]
    assert weights.find("vgg16-fcn32s").file == "a.pth"


def test_a_missing_published_file(folder):
    with pytest.raises(
        WeightsError, match=r"python -m fcnviz weights get vgg16-fcn8s`, or put the file into /"
    ):
        weights.load("vgg16-fcn8s", "cpu")


def test_a_file_with_a_published_name_and_another_hash(fake, folder, nets):
    torch.save(nets[8].state_dict(), folder / "vgg16-fcn32s.pth")
    assert weights.available() == ["unverified-vgg16-fcn32s"]
    for call in (weights.load, weights.get):  # nothing is overwritten
        with pytest.raises(
            WeightsError, match=r"vgg16-fcn32s.pth is not the published file .its md5 is .* not"
        ):
            call("vgg16-fcn32s")


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("stride", fcn.STRIDES)
def test_infer(backbone, stride):
    assert signatures.infer(thin(backbone, stride)) == (backbone, stride)


def test_names_of_the_published_nets_are_those_of_pytorch_fcn():
    convs = "conv1_1 conv1_2 conv2_1 conv2_2 conv3_1 conv3_2 conv3_3 conv4_1 conv4_2 conv4_3 conv5_1 conv5_2"
    layers = [*convs.split(), "conv5_3", "fc6", "fc7", "score_fr", "score_pool4", "score_pool3"]
    names = {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    names |= {"upscore2.weight", "upscore_pool4.weight", "upscore8.weight"}
    assert names == set(signatures.signature("vgg16", 8))


@pytest.mark.parametrize("legacy", [False, True])
def test_unverified_checkpoint(folder, legacy):
    torch.save(thin("vgg16", 8), folder / "mine.pth", _use_new_zipfile_serialization=not legacy)
    assert (folder / "mine.pth").stat().st_size < 10**6
    entry = weights.find("unverified-mine")
    assert (entry.backbone, entry.stride, entry.origin) == ("vgg16", 8, "unverified")
    assert entry.skip_scales == (1, 1)
    assert entry.licence == "unknown"
    assert entry.reported is None
    assert weights.list_weights() == [*BUNDLED, *PUBLISHED, "unverified-mine"]
    (folder / "mine.pth").rename(folder / "my_fcn8s-at-once.pth")
    assert weights.find("unverified-my_fcn8s-at-once").skip_scales == (0.01, 0.0001)


def test_unverified_safetensors(folder, runs, nets):
    shutil.copy(runs["16s"] / "model.safetensors", folder / "mine.safetensors")
    entry = weights.find("unverified-mine")
    assert (entry.backbone, entry.stride) == ("lite0", 16)
    state = weights.load("unverified-mine", "cpu").state_dict()
    assert all(torch.equal(state[key], value) for key, value in nets[16].state_dict().items())


@pytest.mark.parametrize("key", ["model_state_dict", "state_dict", "model"])
def test_training_checkpoints(folder, nets, key):
    # what pytorch-fcn's trainer saves: its best score is a numpy number, which weights_only alone refuses
    rest = {"epoch": 3, "arch": "FCN8s", "optim_state_dict": {"state": {}}, "best_mean_iu": np.float64(0.65)}
    torch.save({key: nets[32].state_dict(), **rest}, folder / "checkpoint.pth.tar")
    assert weights.available() == ["unverified-checkpoint"]
    assert weights.problems() == []
    assert torch.equal(
        weights.load("unverified-checkpoint", "cpu").conv_stem.weight, nets[32].conv_stem.weight
    )


@pytest.fixture(scope="module")
def cat():
    return images.fit(samples.load("cat"), 96)


def prefixed(state, prefix):
    return {f"{prefix}{key}": value for key, value in state.items()}


def older(state):
    return {key: value for key, value in state.items() if "num_batches_tracked" not in key}


WRAPPED = {
    "DataParallel": lambda state: prefixed(state, "module."),
    "torch.compile": lambda state: prefixed(state, "_orig_mod."),
    "both": lambda state: prefixed(state, "module._orig_mod."),
    "net": lambda state: {"net": state, "acc": 91.5, "epoch": 3},
    "network": lambda state: {"epoch": 3, "network": prefixed(state, "module.")},
    "model_state": lambda state: {"model_state": state, "optimizer_state": {"state": {}, "param_groups": []}},
    "Lightning": lambda state: {
        "state_dict": prefixed(state, "model.") | {"criterion.weight": torch.ones(21)},
        "hyper_parameters": {"lr": 0.1},
        "loops": {},
    },
    "averaged": lambda state: {"n_averaged": torch.tensor(7)} | prefixed(state, "module."),
    "model_ema": lambda state: {"model_ema": {k: 0 * v for k, v in state.items()}, "model": state},
    "without counters": older,
    "all": lambda state: {"net": prefixed(older(state), "net.module.")},
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_wrapped_checkpoint_gives_the_labels_of_the_plain_file(folder, cat, how):
    torch.save(WRAPPED[how](load_file(REAL / "lite0-fcn8s.safetensors")), folder / "wrapped.pth")
    labels = inference.segment(weights.load("unverified-wrapped", "cpu"), cat).labels
    assert weights.problems() == []
    shutil.copy(REAL / "lite0-fcn8s.safetensors", folder / "plain.safetensors")
    assert (labels == inference.segment(weights.load("unverified-plain", "cpu"), cat).labels).all()
    assert set(np.unique(labels)) == {0, 8}


def test_prefixes_of_safetensors_too(folder, nets):
    save_file(prefixed(nets[32].state_dict(), "model."), folder / "mine.safetensors")
    assert weights.find("unverified-mine").stride == 32
    loaded = weights.load("unverified-mine", "cpu").state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in nets[32].state_dict().items())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_weights_that_are_not_finite_are_refused(folder, runs, nets, monkeypatch, value, kind):
    state = {key: v.clone() for key, v in nets[32].state_dict().items()}
    state["bn1.bias"] = state["bn1.bias"].double()  # 1e300 becomes infinite in float32
    state["bn1.bias"][3] = value
    (torch.save if kind == "pth" else save_file)(state, folder / f"mine.{kind}")
    says = f"mine.{kind} cannot be used: its tensor bn1.bias holds NaN or infinite values"
    assert only_problem(folder) == says
    entry = registry.Weights("mine", "lite0", 32, f"mine.{kind}", folder / f"mine.{kind}", "unverified")
    monkeypatch.setattr(registry, "find", lambda name: entry)
    with pytest.raises(
        WeightsError, match=rf"mine.{kind} cannot be used as mine: its tensor bn1.bias holds NaN"
    ):
        weights.load("mine", "cpu")


def test_one_dict_under_many_names_is_looked_at_once(folder):
    same = {str(i): torch.zeros(1) for i in range(1000)} | {"odd": 1}
    torch.save({str(i): same for i in range(20_000)}, folder / "many.pth")  # 20 million if each were
    assert "is no plain tensor" in only_problem(folder)


def test_half_precision_parameters_and_views_are_loaded_as_float32(folder, nets):
    state = {k: v.half() if v.is_floating_point() else v for k, v in nets[32].state_dict().items()}
    state["score_fr.bias"] = torch.nn.Parameter(torch.ones(1).expand(21))
    torch.save(state, folder / "half.pt")
    net = weights.load("unverified-half", "cpu")
    assert {v.dtype for v in net.state_dict().values()} == {torch.float32, torch.int64}
    assert not net.score_fr.bias.requires_grad
    assert net.score_fr.bias.tolist() == [1] * 21


def test_odd_names_links_and_duplicates(folder, tmp_path):
    checkpoint = tmp_path / "net.pth"
    torch.save(thin("lite0", 32), checkpoint)
    for name in ("ü b.pth", "é b.pt", "_b.pth", "a\nb.pth", ".hidden.pth", "noise.txt", "x.part", ".pth"):
        shutil.copy(checkpoint, folder / name)
    (folder / "folder.pth").mkdir()
    (folder / "link.pth").symlink_to(checkpoint)
    (folder / "dangling.pth").symlink_to(tmp_path / "nothing")
    bad = os.fsencode(folder) + b"/\xff\xfe.pth"
    shutil.copy(checkpoint, bad)
    names = weights.list_weights()[7:]
    # the byte name may or may not be readable by torch: it must not break anything
    expected = {"unverified-_b", "unverified-_b-2", "unverified-_b-3", "unverified-a_b", "unverified-link"}
    assert expected <= set(names)
    assert len(names) == len(set(names))
    problems = weights.problems()
    assert any(p.startswith("dangling.pth cannot be read: No such file") for p in problems)
    assert len(problems) + len(names) == 7
    for name in names:
        assert name.isascii()
        assert weights.load(name, "cpu").stride == 32
    "\n".join(problems).encode()


def test_a_file_is_looked_at_once_per_version(folder, checkpoint, monkeypatch):
    path = folder / "mine.pth"
    torch.save(thin("lite0", 32), path)
    calls = []
    read = checkpoints.read
    monkeypatch.setattr(checkpoints, "read", lambda p: calls.append(p) or read(p))
    for _ in range(3):
        assert weights.find("unverified-mine").stride == 32
    assert calls == [path]
    torch.save(thin("lite0", 16), path)
    assert weights.find("unverified-mine").stride == 16


def test_it_is_checked_again_at_loading(folder, nets, monkeypatch):
    torch.save(nets[32].state_dict(), folder / "mine.pth")
    entry = weights.find("unverified-mine")
    torch.save(nets[16].state_dict(), folder / "mine.pth")
    monkeypatch.setattr(registry, "find", lambda name: entry)
    with pytest.raises(WeightsError, match=r"mine.pth is not the file that it should be: its md5"):
        weights.load("unverified-mine", "cpu")


class Python2Pickler(pickle._Pickler):
    """Writes what PyTorch 0.1 … 0.3 on Python 2 wrote: byte strings, _rebuild_tensor, storages apart."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_text(self, text):
        self.write(pickle.SHORT_BINSTRING + bytes([len(text)]) + text.encode())
        self.memoize(text)

    dispatch[str] = save_text

    def persistent_id(self, thing):
        if isinstance(thing, np.ndarray):
            return ("storage", torch.FloatStorage, str(id(thing)), "cpu", thing.size, None)
        return None

    def reducer_override(self, thing):
        if isinstance(thing, torch.Tensor):
            return torch._utils._rebuild_tensor, (thing.numpy(), 0, tuple(thing.shape), thing.stride())
        return NotImplemented


def test_checkpoints_of_python_2(tmp_path):
    # the published files are from 2017: torch.save of today cannot make one
    array, path = np.arange(6, dtype=np.float32).reshape(2, 3), tmp_path / "old.pth"
    tensor = torch.from_numpy(array)
    tensor.numpy = lambda: array  # one storage, one key
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, system, OrderedDict(a=tensor), [str(id(array))]):
            Python2Pickler(file, 2).dump(part)
        file.write(struct.pack("<q", array.size) + array.tobytes())
    assert checkpoints.read(path)["a"].tolist() == array.tolist()


# --- files that are wrong ---


def classes_60():
    return thin("vgg16", 8, 60)


def one_less():
    state = thin("vgg16", 16)
    del state["fc7.bias"], state["fc6.bias"]
    return state


def one_more():
    return {**thin("lite0", 32), "classifier.weight": torch.zeros(3)}


def resnet():
    return {f"backbone.{key}": torch.zeros(1) for key in ("conv1.weight", "fc.weight", "fc.bias")}


def teacher_and_student():
    state = thin("lite0", 32)
    return prefixed(state, "student.") | prefixed(state, "teacher.")


def two_groups():
    return {"net": thin("lite0", 32), "shadow": thin("lite0", 32), "epoch": 3}


def classifier():
    return {"conv1_1.weight": torch.zeros(64, 3, 3, 3)}


def sparse():
    return {"a": torch.zeros(2, 2).to_sparse()}


FOREIGN = {
    classes_60: r"cannot be used: score_fr.weight of FCN-8s on vgg16 is \(21, 4096, 1, 1\), not",
    one_less: r"FCN-16s on vgg16 needs the tensor fc6.bias, which is not there \(and 1 more\)",
    one_more: r"FCN-32s on lite0 has no tensor classifier.weight$",
    resnet: r"neither VGG16's conv1_1 nor EfficientNet-Lite0's conv_stem, but backbone.conv1.weight .and 2",
    teacher_and_student: r"several networks, with student.conv_stem.weight and teacher.conv_stem.weight",
    two_groups: "holds tensors under 'net' and 'shadow'",
    classifier: "no score layer score_fr, so it is no FCN",
    lambda: [torch.zeros(3)]: "holds no tensors by name",
    dict: "holds no tensors by name",
    lambda: torch.zeros(3): "holds no tensors by name",
    lambda: {"epoch": 3}: "'epoch' is no plain tensor",
    lambda: {1: torch.zeros(1)}: "1 is no plain tensor",
    lambda: {"a": torch.zeros(2, dtype=torch.complex64)}: "'a' is no plain tensor",
    sparse: "'a' is no plain tensor",
    lambda: {"a": torch.zeros(2, device="meta")}: "'a' is no plain tensor",
}


@pytest.mark.parametrize(("make", "says"), FOREIGN.items())
@pytest.mark.filterwarnings("ignore:Validating sparse")
def test_checkpoints_of_something_else(folder, make, says):
    torch.save(make(), folder / "other.pth")
    problem = only_problem(folder)
    assert problem.startswith("other.pth ")
    with pytest.raises(WeightsError, match=says):
        raise WeightsError(problem)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Google Drive - Virus scan warning</html>", "is a web page"),
        (b"hello, this is a text", "is no checkpoint"),
        (b"PK\x03\x04 and nothing", "is truncated or damaged"),
        (b"\x80\x02", "is truncated or damaged"),
        (b"\x10\0\0\0\0\0\0\0{}", "is truncated or damaged"),
        (b"\x02\0\0\0\0\0\0\0{}", "holds no tensors by name"),
    ],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_files_that_are_no_checkpoints(folder, data, says, suffix):
    (folder / f"other.{suffix}").write_bytes(data)
    assert says in only_problem(folder)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_truncated_at_any_place(folder, kind):
    whole = folder.parent / "whole"
    state = {"conv1_1.weight": torch.rand(64, 3, 3, 3), "conv1_1.bias": torch.rand(64)}
    if kind == "safetensors":
        save_file(state, whole)
    else:
        torch.save(state, whole, _use_new_zipfile_serialization=kind == "zip")
    data = whole.read_bytes()
    cuts = range(9, len(data), len(data) // 40)
    for cut in cuts:
        (folder / f"{cut}.pth").write_bytes(data[:cut])
    problems = weights.problems()
    assert len(problems) == len(cuts)
    assert weights.list_weights() == BUNDLED + PUBLISHED
    # a cut pickle may look like a foreign one; it must never look like a network
    assert all("is truncated or damaged" in p or "is refused" in p for p in problems)
    assert sum("is truncated or damaged" in p for p in problems) > 0.6 * len(problems)


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("kind", ["zip", "legacy", "raw", "nested", "named"])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_nothing_in_a_pickle_is_executed(folder, tmp_path, kind):
    target, path = tmp_path / "pwned", folder / "evil.pth"
    if kind == "raw":
        path.write_bytes(pickle.dumps(Evil(target), 2))
    elif kind == "named":
        path = folder / "evil.safetensors"
        torch.save(Evil(target), path)
    else:
        thing = {"model_state_dict": {"conv1_1.weight": Evil(target)}} if kind == "nested" else Evil(target)
        torch.save(thing, path, _use_new_zipfile_serialization=kind != "legacy")
    problem = only_problem(folder)
    assert "is refused" in problem
    assert "Nothing was executed" in problem
    assert not target.exists()
    pickle.loads(pickle.dumps(Evil(target)))  # noqa: S301 (what it would have done)
    assert target.exists()


def test_too_large_files_are_not_read(folder, monkeypatch):
    with (folder / "huge.pth").open("wb") as file:
        file.truncate(checkpoints.MAX_BYTES + 1)  # sparse
    monkeypatch.setattr(checkpoints, "hashed", None)
    monkeypatch.setattr(checkpoints, "read", None)
    assert only_problem(folder) == "huge.pth has 2.0 GB: too large to be one of these networks"


# --- devices ---


def test_pick_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert weights.pick_device() == torch.device("cpu") == weights.pick_device("cpu")
    for device in ("cuda", "cuda:0", "mps", "cpu:1"):
        with pytest.raises(ValueError, match=f"has no device '{device}'; it has cpu$"):
            weights.pick_device(device)
    for device in ("gpu", "", "meta", "xpu", "cuda:x"):
        with pytest.raises(ValueError, match="device is auto, cuda, mps or cpu, not"):
            weights.pick_device(device)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert weights.pick_device() == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert weights.pick_device().type == "cuda"
    assert weights.pick_device("cuda:1").index == 1
    with pytest.raises(ValueError, match="it has cuda, mps, cpu"):
        weights.pick_device("cuda:2")


# --- downloads ---


class Server(ThreadingHTTPServer):
    """Serves one file with ranges; the first answer may stop half way."""

    def __init__(self, data, cut=0, status=200):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.cut, self.status, self.ranges = data, cut, status, []
        self.url = f"http://127.0.0.1:{self.server_port}/net.pth"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        given, data = self.headers["Range"], self.server.data
        start = int(given.removeprefix("bytes=").rstrip("-")) if given else 0
        self.server.ranges.append(start)
        self.send_response(206 if given else self.server.status)
        if given:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut, self.server.cut = self.server.cut, 0
        self.wfile.write(data[start : cut or None])

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(data, **options):
        servers.append(Server(data, **options))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def get(server, name="vgg16-fcn32s"):
    return weights.get(name, progress=False, url=server.url, retries=0)


def test_get(fake, folder, serve):
    server = serve(fake.read_bytes())
    path = get(server)
    assert path == folder / "vgg16-fcn32s.pth"
    assert path.read_bytes() == fake.read_bytes()
    assert [p.name for p in folder.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644
    assert weights.load("vgg16-fcn32s", "cpu").stride == 32
    assert get(server) == path
    assert server.ranges == [0]


def test_get_makes_the_folder(fake, monkeypatch, tmp_path, serve):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path / "deep" / "er"))
    assert get(serve(fake.read_bytes())).is_file()


def test_get_shows_progress(fake, serve, capfd):
    weights.get("vgg16-fcn32s", url=serve(fake.read_bytes()).url, retries=0)
    assert "100%" in capfd.readouterr().err


def test_get_goes_on_where_it_was_cut_off(fake, folder, serve):
    server = serve(fake.read_bytes(), cut=3_000_000)
    with pytest.raises(WeightsError, match="could not be downloaded: Download is incomplete") as caught:
        get(server)
    (part,) = folder.iterdir()
    assert part.suffix == ".part"
    assert 2_000_000 < (kept := part.stat().st_size) <= 3_000_000
    assert part.name in str(caught.value)
    assert "drive.google.com/file/d/11k2Q0" in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert weights.available() == []
    assert weights.problems() == []
    assert get(server).read_bytes() == fake.read_bytes()
    assert server.ranges[-1] == kept
    assert [p.suffix for p in folder.iterdir()] == [".pth"]


def test_get_tries_again_by_itself(fake, serve, monkeypatch):
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    server = serve(fake.read_bytes(), cut=3_000_000)
    assert weights.get("vgg16-fcn32s", progress=False, url=server.url).is_file()
    assert len(server.ranges) == 2
    assert 2_000_000 < server.ranges[1] <= 3_000_000


def test_get_refuses_another_file(fake, folder, serve):
    with pytest.raises(WeightsError, match=r"not vgg16-fcn32s .its md5 is .* not .*; it was deleted"):
        get(serve(b"<html>quota exceeded</html>"))
    assert list(folder.iterdir()) == []


def test_get_finishes_a_complete_part(fake, folder, serve):
    shutil.copy(fake, folder / "vgg16-fcn32s.pth.part")  # stopped between download and check
    assert get(serve(b"")).read_bytes() == fake.read_bytes()


def test_get_without_a_network(fake, folder, serve):
    with pytest.raises(WeightsError, match=r"404.*under any name, into"):
        get(serve(b"", status=404))
    with pytest.raises(WeightsError, match="Connection refused"):
        weights.get("vgg16-fcn32s", progress=False, url="http://127.0.0.1:9/x", retries=0)
    assert list(folder.iterdir()) == []


def test_get_asks_google_drive_by_default(fake, folder, monkeypatch):
    asked = []

    def download(url, output, **options):
        asked.append((url, options))
        shutil.copy(fake, output)

    monkeypatch.setattr("gdown.download", download)
    weights.get("vgg16-fcn32s")
    ((url, options),) = asked
    assert url == "https://drive.google.com/uc?id=11k2Q0bvRQgQbT6-jYWeh6nmAsWlSCY3f"
    assert options["resume"]
    assert options["timeout"]
    assert not options["use_cookies"]
    assert not options["quiet"]


def test_get_other_names(bundle_here, runs):
    with pytest.raises(WeightsError, match="lite0-fcn8s is bundled with this project: there is nothing to"):
        weights.get("lite0-fcn8s")
    (bundle_here / "lite0-fcn8s.safetensors").unlink()
    with pytest.raises(WeightsError, match="is missing"):
        weights.get("lite0-fcn8s")
    with pytest.raises(WeightsError, match="there are no weights 'resnet'"):
        weights.get("resnet")
    shutil.copy(runs["8s"] / "model.safetensors", bundle_here / "own.safetensors")
    assert weights.get("unverified-own") == bundle_here / "own.safetensors"


# --- the real folder ---


@pytest.mark.parametrize("name", BUNDLED)
def test_real_bundled_files(name, monkeypatch):
    if not (REAL / "manifest.json").exists():
        pytest.skip("the nets are not trained yet")
    monkeypatch.delenv("FCNVIZ_WEIGHTS", raising=False)
    entry = weights.find(name)
    assert entry.path
    assert entry.path.stat().st_size < 10e6
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    net = weights.load(name, "cpu")
    assert net.stride == entry.stride
    assert all(v.isfinite().all() for v in net.state_dict().values())
