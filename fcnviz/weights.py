"""Trained weights: what there is, where it is from, and how it gets into a network.

Three origins, and a page always says which one it shows:

- *bundled*: this project's lite0 nets, in `weights/` with `manifest.json`, checked by their sha256;
- *published*: the authors' VGG16 nets (`data/published.json`), known by md5 whatever the file is called;
- *unverified*: any other file in `weights/` whose tensors fit one of our nets, by name and shape.

Files are never trusted: pickles are read with `weights_only`, and whatever is wrong becomes a `WeightsError`.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import textwrap
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from fcnviz import backbones, fcn, files, voc
from fcnviz.settings import settings

PUBLISHED = Path(__file__).parent / "data" / "published.json"
BUNDLED = tuple(f"lite0-fcn{stride}s" for stride in fcn.STRIDES)
SUFFIXES = (".pth", ".pt", ".pth.tar", ".safetensors")

#: Classifiers, no FCNs, that may lie in the folder too: `fcnviz.digits` and `fcnviz.imagenet` read them.
DIGITS, VGG16 = "digits.safetensors", "vgg16-397923af.pth"

#: Larger files are not read at all; the largest net here has 545 MB.
MAX_BYTES = 2 * 10**9
#: Of a bundled file.
MAX_BUNDLED_BYTES = 10 * 10**6

#: Where training checkpoints keep the network: pytorch-fcn, many others, `fcnviz.train`.
_NESTED = ("model_state_dict", "state_dict", "model")

_Shapes = Mapping[str, tuple[int, ...]]


class WeightsError(ValueError):
    """Weights that are missing, damaged, refused or of another network; the message is for the user."""


@dataclass(frozen=True)
class Weights:
    """One set of weights, here or not.

    Attributes:
        name: what `load` takes.
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8.
        file: name of the file in the weights folder.
        path: that file; None if it is not here.
        origin: "bundled", "published" or "unverified".
        licence: of the weights.
        data: what they were trained on.
        source: who made them.
        sha256: of a bundled file.
        md5: of any other file.
        skip_scales: see `fcn.build`.
        drive_id: of a published file, on Google Drive.
        bytes: size of the file, if it is here.
        metrics: measured by this project.
        reported: what the publisher reports.
        commit: of this repository, at training.
        command: that trained them.
    """

    name: str
    backbone: str
    stride: int
    file: str
    path: Path | None
    origin: str
    licence: str = "unknown"
    data: str = "unknown"
    source: str = "unknown"
    sha256: str | None = None
    md5: str | None = None
    skip_scales: tuple[float, float] = (1.0, 1.0)
    drive_id: str | None = None
    bytes: int | None = None
    metrics: dict[str, Any] | None = field(default=None, hash=False)
    reported: str | None = None
    commit: str | None = None
    command: str | None = None

    @property
    def available(self) -> bool:
        """Whether the file is here."""
        return self.path is not None

    @property
    def link(self) -> str | None:
        """Page to fetch a published file from by hand."""
        return self.drive_id and f"https://drive.google.com/file/d/{self.drive_id}/view"


# --- What there is ------------------------------------------------------------------------------------------


def folder() -> Path:
    """The weights folder: `weights/` at the top of the repository, or FCNVIZ_WEIGHTS."""
    given = settings().weights
    return given.expanduser() if given else Path(__file__).resolve().parent.parent / "weights"


def list_weights() -> list[str]:
    """All names: bundled, published, then unverified files.

    Raises:
        WeightsError: the folder or its manifest cannot be read.
    """
    return list(_registry())


def available() -> list[str]:
    """The names whose file is here, in the order of `list_weights`; it raises the same."""
    return [name for name, weights in _registry().items() if weights.available]


def find(name: str) -> Weights:
    """What is known about a name, without loading it.

    Raises:
        WeightsError: no such name, with those that there are; or as `list_weights`.
    """
    known = _bundled() if name in BUNDLED else _registry()  # the bundled nets need no look at other files
    if name not in known:
        raise WeightsError(f"there are no weights {name!r}; there are {', '.join(known)}")
    return known[name]


def problems() -> list[str]:
    """One sentence for each file in the folder that cannot be used.

    Raises:
        WeightsError: as `list_weights`.
    """
    return [finding.problem for finding in _findings() if finding.problem]


def _registry() -> dict[str, Weights]:
    findings = _findings()
    here = {f.md5: f.path for f in reversed(findings)}
    known = _bundled() | {w.name: _at(w, here.get(w.md5)) for w in _published()}
    for finding in findings:
        if finding.net:
            name = _unused(finding.path, known)
            known[name] = _unverified(name, finding)
    return known


def _at(weights: Weights, path: Path | None) -> Weights:
    if path is None or not path.is_file():
        return weights
    return replace(weights, path=path, file=path.name, bytes=_stat(path).st_size)


def _bundled() -> dict[str, Weights]:
    entries = {entry["name"]: entry for entry in _manifest(folder())}
    try:
        return {name: _bundled_one(name, entries.get(name)) for name in BUNDLED}
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{folder() / 'manifest.json'} is damaged: {error!r}") from error


def _bundled_one(name: str, entry: dict[str, Any] | None) -> Weights:
    stride = fcn.STRIDES[BUNDLED.index(name)]
    weights = Weights(name, "lite0", stride, f"{name}.safetensors", None, "bundled", source="this project")
    if entry is None:
        return weights
    keys = ("backbone", "stride", "file", "licence", "data", "sha256", "metrics", "commit", "command")
    return _at(replace(weights, **{key: entry[key] for key in keys}), folder() / entry["file"])


def _manifest(where: Path) -> list[dict[str, Any]]:
    path = where / "manifest.json"
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text("utf-8"))
        if all(entry["name"] in BUNDLED for entry in entries):
            return entries
        raise KeyError("an entry of no bundled net")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is damaged: {error!r}") from error


def _published() -> list[Weights]:
    return [_published_one(**entry) for entry in json.loads(PUBLISHED.read_text("utf-8"))]


def _published_one(reported: dict[str, Any], skip_scales: list[float], **rest: Any) -> Weights:
    says = "mean IU {mean_iu} on {on}, says {by}".format(**reported)
    scales = (skip_scales[0], skip_scales[1])
    return Weights(path=None, origin="published", reported=says, skip_scales=scales, **rest)


# --- Files that a user put into the folder ------------------------------------------------------------------


@dataclass(frozen=True)
class _Finding:
    """A user's file: its md5, and (backbone, stride) of the net that it fits or the problem with it."""

    path: Path
    md5: str | None = None
    net: tuple[str, int] | None = None
    problem: str | None = None


def _findings() -> list[_Finding]:
    known = {weights.md5 for weights in _published()}
    return [_examine(path, known) for path in _user_files()]


def _user_files() -> Iterator[Path]:
    bundled = {w.file for w in _bundled().values() if w.sha256} | {DIGITS, VGG16}
    try:
        entries = sorted(folder().iterdir()) if folder().is_dir() else []
    except OSError as error:
        raise WeightsError(f"{folder()} cannot be read: {error.strerror}") from error
    for path in entries:
        hidden = path.name.startswith(".") or path.name in bundled
        if not hidden and path.name.lower().endswith(SUFFIXES) and (path.is_file() or path.is_symlink()):
            yield path


def _examine(path: Path, known: set[str | None]) -> _Finding:
    try:
        md5 = _digest(path, "md5")
        stat = _stat(path)
    except WeightsError as error:
        return _Finding(path, problem=str(error))
    if md5 in known:
        return _Finding(path, md5)
    fit = _fit(path, stat.st_size, stat.st_mtime_ns)
    return _Finding(path, md5, problem=fit) if isinstance(fit, str) else _Finding(path, md5, net=fit)


@lru_cache(maxsize=256)
def _fit(path: Path, size: int, mtime_ns: int) -> tuple[str, int] | str:
    """(backbone, stride) of the net that a file fits, or why there is none. Looked at once per version."""
    try:
        shapes = _shapes(path)
        try:
            return infer(shapes)
        except WeightsError as error:
            return f"{_shown(path)} fits none of the networks: {error}"
    except WeightsError as error:
        return str(error)


def infer(shapes: _Shapes) -> tuple[str, int]:
    """Tell a network by the names and shapes of its tensors.

    Args:
        shapes: of the state dict, by name.

    Returns:
        (backbone, stride).

    Raises:
        WeightsError: not exactly the tensors of one of the networks.

    >>> infer({"conv1_1.weight": (64, 3, 3, 3)})
    Traceback (most recent call last):
        ...
    fcnviz.weights.WeightsError: it has no score layer score_fr, so it is no FCN
    """
    trunks = {"conv1_1.weight": "vgg16", "conv_stem.weight": "lite0"}
    backbone = next((trunks[key] for key in trunks if key in shapes), None)
    if backbone is None:
        raise WeightsError("it has neither VGG16's conv1_1 nor EfficientNet-Lite0's conv_stem")
    if "score_fr.weight" not in shapes:
        raise WeightsError("it has no score layer score_fr, so it is no FCN")
    stride = 8 if "score_pool3.weight" in shapes else 16 if "score_pool4.weight" in shapes else 32
    _check(shapes, backbone, stride)
    return backbone, stride


def _check(shapes: _Shapes, backbone: str, stride: int) -> None:
    """Refuse anything but exactly the names and shapes of a network."""
    wanted, net = _signature(backbone, stride), f"FCN-{stride}s on {backbone}"
    if missing := [key for key in wanted if key not in shapes]:
        raise WeightsError(f"{net} needs the tensor {missing[0]}, which is not there{_more(missing)}")
    if foreign := [key for key in shapes if key not in wanted]:
        raise WeightsError(f"{net} has no tensor {_brief(foreign[0])}{_more(foreign)}")
    if wrong := [key for key in wanted if shapes[key] != wanted[key]]:
        key = wrong[0]
        raise WeightsError(f"{key} of {net} is {wanted[key]}, not {_brief(shapes[key])}{_more(wrong)}")


def _brief(what: object) -> str:
    """A name or a shape from a file as it can be printed: either may be anything, and of any length."""
    text = _printable(str(what))
    return text if len(text) <= 80 else f"{text[:79]}…"


def _more(keys: list[str]) -> str:
    return f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""


@cache
def _signature(backbone: str, stride: int) -> dict[str, tuple[int, ...]]:
    return {key: tuple(v.shape) for key, v in _empty(backbone, stride).state_dict().items()}


def _empty(backbone: str, stride: int, skip_scales: tuple[float, float] = (1.0, 1.0)) -> fcn.FCN:
    """A network whose tensors take no memory, and no time to initialise, until they are loaded."""
    with torch.device("meta"):
        return fcn.build(backbone, stride, imagenet=False, skip_scales=skip_scales)


def _unused(path: Path, known: Mapping[str, Weights]) -> str:
    """Name for an unverified file: unverified-<stem>, or unverified-<stem>-2 and so on if that is taken."""
    name = base = "unverified-" + (re.sub(r"[^A-Za-z0-9_.-]+", "_", _stem(path)) or "file")
    count = 1
    while name in known:
        count += 1
        name = f"{base}-{count}"
    return name


def _stem(path: Path) -> str:
    suffix = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len)
    return path.name[: -len(suffix)]


def _unverified(name: str, finding: _Finding) -> Weights:
    assert finding.net is not None
    weights = Weights(name, *finding.net, finding.path.name, None, "unverified", md5=finding.md5)
    # the tensors do not tell an "at once" net, whose skips are scaled, from a staged one; its name may
    if finding.net == ("vgg16", 8) and "atonce" in re.sub("[^a-z]", "", name.lower()):
        weights = replace(weights, skip_scales=(0.01, 0.0001))
    return _at(weights, finding.path)


# --- Loading ------------------------------------------------------------------------------------------------


def load(name: str, device: str = "auto", *, fold: bool = False) -> fcn.FCN:
    """A network with its weights, ready to run: eval mode, float32, channels last, nothing to be learned.

    Args:
        name: one of `available()`.
        device: see `pick_device`.
        fold: merge batch norms into convolutions: faster, and the state dict is no longer the file's.

    Raises:
        WeightsError: the file is missing, damaged, not what it should be, or refused.
        ValueError: no such device.
    """
    where, weights = pick_device(device), find(name)
    state = _read(_verified(weights))
    try:
        _check({key: tuple(v.shape) for key, v in state.items()}, weights.backbone, weights.stride)
    except WeightsError as error:
        raise WeightsError(f"{weights.file} does not fit {name}: {error}") from error
    model = _empty(weights.backbone, weights.stride, weights.skip_scales)
    # copied, so that nothing stays mapped to a file that may change; float16 becomes float32
    own = {key: state[key].detach().to(v.dtype, copy=True) for key, v in model.state_dict().items()}
    model.load_state_dict(own, assign=True)
    model.eval().requires_grad_(False)
    if fold:
        backbones.fold_batch_norms(model)
    return model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]


def devices() -> dict[str, int]:
    """How many devices of each kind this machine has, the kinds that "auto" prefers first."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    counts = {"cuda": cuda, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    return {kind: count for kind, count in counts.items() if count}


def pick_device(device: str = "auto") -> torch.device:
    """The device to run on.

    Args:
        device: "auto" (cuda, then mps, then cpu), "cuda", "cuda:1", "mps" or "cpu".

    Raises:
        ValueError: it is none of those, or this machine does not have it.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = devices()
    if device == "auto":
        return torch.device(next(iter(there)))
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = torch.device("meta")
    if chosen.type not in ("cuda", "mps", "cpu"):
        raise ValueError(f"device is auto, cuda, mps or cpu, not {device!r}")
    if (chosen.index or 0) >= there.get(chosen.type, 0):
        raise ValueError(f"this machine has no device {device!r}; it has {', '.join(there)}")
    return chosen


def _verified(weights: Weights) -> Path:
    """The file, once its hash is what it should be."""
    if weights.path is None:
        raise WeightsError(_missing(weights))
    for algorithm, wanted in (("sha256", weights.sha256), ("md5", weights.md5)):
        if wanted and (found := _digest(weights.path, algorithm)) != wanted:
            raise WeightsError(
                f"{weights.file} is not the file that it should be: its {algorithm} is {found}, not {wanted}"
            )
    return weights.path


def _missing(weights: Weights) -> str:
    path = folder() / weights.file
    if weights.origin == "bundled":
        return f"{weights.name} is bundled with this project, but it is not here: restore {path} with git"
    how = f"run `python -m fcnviz weights get {weights.name}`, or put the file into {folder()}"
    if path.is_file():
        found = f"its md5 is {_digest(path, 'md5')}, not {weights.md5}"
        return f"{path} is not the published file ({found}): move it away, then {how}"
    return f"{weights.name} is not here: {how}"


# --- Reading files that are not to be trusted ---------------------------------------------------------------


class _Ignored:
    """Stands for any numpy value in a checkpoint: pytorch-fcn keeps its best score as one. Does nothing."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


_NUMPY = [(_Ignored, f"numpy.{n}") for n in ("core.multiarray.scalar", "_core.multiarray.scalar", "dtype")]
_READING = threading.Lock()  # torch's list of allowed names is one for all threads


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of a file's tensors, read without the tensors where the format allows."""
    if _kind(path) != "safetensors":
        return {key: tuple(v.shape) for key, v in _read(path).items()}
    try:
        with safe_open(path, "pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise _damaged(path, error) from error


def _read(path: Path) -> dict[str, Tensor]:
    """State dict of a file, as stored. Nothing in it is executed.

    Raises:
        WeightsError: whatever is wrong with it.
    """
    kind = _kind(path)
    try:
        found = load_file(path) if kind == "safetensors" else _unpickle(path, kind)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{_shown(path)} is refused: it holds Python objects that are not tensors. Nothing was executed."
        ) from error
    except Exception as error:  # the readers raise whatever a broken file makes them stumble over
        raise _damaged(path, error) from error
    return _state(path, found)


def _unpickle(path: Path, kind: str) -> object:
    # mapping goes by name only, and torch takes whatever is called *.safetensors for that
    mapped = kind == "zip" and path.suffix.lower() != ".safetensors"
    with _READING, torch.serialization.safe_globals(_NUMPY), path.open("rb") as file:  # type: ignore[arg-type]
        return torch.load(path if mapped else file, map_location="cpu", weights_only=True, mmap=mapped)


def _kind(path: Path) -> str:
    """The format, by the first bytes: "zip" (torch.save), "pickle" (before PyTorch 1.6) or "safetensors"."""
    _stat(path)
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise WeightsError(f"{_shown(path)} cannot be read: {error.strerror}") from error
    magic = {"zip": head[:4] == b"PK\3\4", "pickle": head[:1] == b"\x80", "safetensors": head[8:9] == b"{"}
    if found := next((kind for kind, here in magic.items() if here), None):
        return found
    what = "empty" if not head else "a web page" if head.lstrip()[:1] == b"<" else "no checkpoint"
    raise WeightsError(f"{_shown(path)} is {what}, not weights saved by PyTorch or safetensors")


def _state(path: Path, found: object) -> dict[str, Tensor]:
    """The network's tensors in what a checkpoint holds."""
    if isinstance(found, dict):
        found = next((found[key] for key in _NESTED if isinstance(found.get(key), dict)), found)
    if not isinstance(found, dict) or not found:
        raise WeightsError(f"{_shown(path)} holds no tensors by name")
    if odd := [key for key, value in found.items() if not (isinstance(key, str) and _plain(value))]:
        what = _brief(repr(odd[0]))
        raise WeightsError(f"{_shown(path)} is no network's state dict: {what} is no plain tensor")
    return found


def _plain(value: object) -> bool:
    if not isinstance(value, Tensor) or value.is_complex() or value.is_quantized:
        return False
    return value.layout is torch.strided and value.device.type == "cpu"


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = f"{type(error).__name__}: {_short(error)}"
    return WeightsError(f"{_shown(path)} is truncated or damaged ({reason})")


def _short(error: Exception) -> str:
    """What an exception says, in one line that can be printed."""
    text = textwrap.shorten(str(error) or type(error).__name__, 300, placeholder=" …").rstrip(".")
    return _printable(text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _shown(path: Path) -> str:
    """A file's name as it can be printed: any byte may be in a name."""
    return _printable(path.name)


def _stat(path: Path) -> os.stat_result:
    try:
        stat = path.stat()
    except OSError as error:
        raise WeightsError(f"{_shown(path)} cannot be read: {error.strerror}") from error
    if stat.st_size > MAX_BYTES:
        raise WeightsError(
            f"{_shown(path)} has {stat.st_size / 1e9:.1f} GB: too large to be one of these nets"
        )
    return stat


def _digest(path: Path, algorithm: str) -> str:
    stat = _stat(path)
    try:
        return _hashed(path, algorithm, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{_shown(path)} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=256)
def _hashed(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:
    """Computed once per process and version of a file."""
    with path.open("rb") as file:
        # for recognition and against damage, not for security: allowed where md5 is otherwise switched off
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


# --- Downloading --------------------------------------------------------------------------------------------


def get(name: str, *, progress: bool = True, url: str | None = None, retries: int = 3) -> Path:
    """Download a published checkpoint; go on where an earlier try was cut off.

    Args:
        name: of a published net.
        progress: show a bar on stderr.
        url: where to get it; its place on Google Drive by default.
        retries: further tries when the network fails.

    Returns:
        its path, at once if it is here already.

    Raises:
        WeightsError: no such published net, the network failed, or the file is not the one published.
    """
    weights = find(name)
    if weights.origin == "bundled" and weights.path:
        raise WeightsError(f"{name} is bundled with this project: there is nothing to download")
    if weights.path:
        return weights.path
    target = folder() / weights.file
    if weights.origin == "bundled" or target.exists():
        raise WeightsError(_missing(weights))
    part = target.with_name(target.name + ".part")
    _download(weights, url or f"https://drive.google.com/uc?id={weights.drive_id}", part, progress, retries)
    return _accept(weights, part, target)


def _download(weights: Weights, url: str, part: Path, progress: bool, retries: int) -> None:
    """Fill `part`. gdown keeps an unfinished file beside it, as <part>????????.part."""
    try:
        import gdown

        part.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"resume": True, "use_cookies": False, "timeout": 60}
        gdown.download(url, str(part), quiet=not progress, retries=retries, **options)
    except Exception as error:  # gdown raises its own, requests' and, on pages that it does not know, any
        reason = f"{weights.name} could not be downloaded: {_short(error)}."
        raise WeightsError(f"{reason} {_kept(part)}{_by_hand(weights)}") from error


def _kept(part: Path) -> str:
    files = ", ".join(path.name for path in part.parent.glob(f"{part.name}*.part"))
    return (
        files and f"What arrived is kept in {files}: run it again to go on, or delete that to start afresh. "
    )


def _by_hand(weights: Weights) -> str:
    return f"Or fetch {weights.link} with a browser and put the file, under any name, into {folder()}."


def _accept(weights: Weights, part: Path, target: Path) -> Path:
    """Let a complete download become the file that `find` sees, if it is the right one."""
    try:
        found = _hashed(part, "md5", part.stat().st_size, part.stat().st_mtime_ns)
        if found == weights.md5:
            part.chmod(0o644)  # gdown makes files that only their owner may read
            return part.replace(target)
        part.unlink()
    except OSError as error:
        raise WeightsError(f"{part} cannot be moved to {target.name}: {error.strerror}") from error
    wrong = f"its md5 is {found}, not {weights.md5}; it was deleted"
    raise WeightsError(f"what was downloaded is not {weights.name} ({wrong}). {_by_hand(weights)}")


# --- Bundling this project's own nets -----------------------------------------------------------------------


def bundle(
    runs: Mapping[str, Path],
    out: Path | None = None,
    *,
    commands: Mapping[str, str],
    commit: str,
    data: str,
    licence: str,
) -> list[Path]:
    """Turn training results into bundled files: float16, with an entry each in `manifest.json`.

    Entries of other stages stay; metrics of these are dropped, for they were measured on other weights.

    Args:
        runs: by stage ("32s", "16s", "8s"), the run's folder or its `model.safetensors`.
        out: the weights folder by default.
        commands: that trained them, by stage.
        commit: of this repository.
        data: what they were trained on.
        licence: of the weights.

    Returns:
        the files written.

    Raises:
        WeightsError: a run is not that stage of lite0, does not fit float16, or is too large.
    """
    out = out or folder()
    out.mkdir(parents=True, exist_ok=True)
    about = {"licence": licence, "data": data, "commit": commit}
    entries = {entry["name"]: entry for entry in _manifest(out)}
    for stage, run in runs.items():
        path = _write_half(f"lite0-fcn{stage}", Path(run), out)
        entries[path.stem] = _entry(path, {**about, "command": commands[stage]})
        _write_manifest(out, list(entries.values()))
    return [out / f"lite0-fcn{stage}.safetensors" for stage in runs]


def _write_half(name: str, run: Path, out: Path) -> Path:
    if name not in BUNDLED:
        raise WeightsError(f"the stages are 32s, 16s and 8s; there is no net {name}")
    state = _read(run / "model.safetensors" if run.is_dir() else run)
    _check({key: tuple(v.shape) for key, v in state.items()}, "lite0", fcn.STRIDES[BUNDLED.index(name)])
    path = out / f"{name}.safetensors"
    with files.whole(path) as part:
        save_file({key: _half(key, value) for key, value in state.items()}, part)
        if part.stat().st_size >= MAX_BUNDLED_BYTES:
            raise WeightsError(f"{path.name} would have {MAX_BUNDLED_BYTES / 1e6:.0f} MB or more")
        part.chmod(0o644)  # safetensors, too, makes files that only their owner may read
    return path


def _half(key: str, value: Tensor) -> Tensor:
    """As float16, if that changes no value by more than 1 % of the tensor's largest; integers as they are."""
    if not value.is_floating_point():
        return value
    half = value.half()
    if not half.isfinite().all():
        raise WeightsError(f"{key} does not fit float16: its largest value is {value.abs().max():.3g}")
    if (half.to(value.dtype) - value).abs().max() > 0.01 * value.abs().max():
        raise WeightsError(f"{key} vanishes in float16: its largest value is {value.abs().max():.3g}")
    return half


def _entry(path: Path, about: dict[str, str]) -> dict[str, Any]:
    stride = fcn.STRIDES[BUNDLED.index(path.stem)]
    net = _empty("lite0", stride).backbone
    order = "BGR" if net.bgr else "RGB"
    scaling = {"mean": net.mean, "std": net.std, "peak": net.peak, "order": order, "multiple": net.multiple}
    return {
        "name": path.stem,
        "file": path.name,
        "sha256": _digest(path, "sha256"),
        "backbone": net.name,
        "stride": stride,
        "classes": list(voc.CLASSES),
        "preprocessing": scaling,
        **about,
        "metrics": None,
    }


def record(name: str, metrics: Mapping[str, Any]) -> None:
    """Write what was measured on a bundled net into the manifest, in place of what was there.

    Args:
        name: of a bundled net.
        metrics: anything that JSON can hold, numpy's numbers too; NaN becomes null.

    Raises:
        WeightsError: the manifest has no such net.
    """
    entries = _manifest(folder())
    entry = next((entry for entry in entries if entry["name"] == name), None)
    if entry is None:
        raise WeightsError(f"{folder() / 'manifest.json'} has no net {name}: only bundled nets are recorded")
    text = json.dumps(metrics, default=float)
    entry["metrics"] = json.loads(text, parse_constant=lambda _: None)
    _write_manifest(folder(), entries)


def _write_manifest(where: Path, entries: list[dict[str, Any]]) -> None:
    entries = sorted(entries, key=lambda entry: BUNDLED.index(entry["name"]))
    with files.whole(where / "manifest.json") as part:
        part.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", "utf-8")
