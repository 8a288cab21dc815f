"""Trained weights: what there is, where it is from, and how it gets into a network.

Three origins, and a page always says which one it shows:

- *bundled*: this project's lite0 nets, in `weights/` with `manifest.json`, checked by their sha256;
- *published*: the authors' VGG16 nets (`data/published.json`), known by md5 whatever the file is called;
- *unverified*: any other file in `weights/` whose tensors fit one of our nets, by name and shape.

Files are never trusted (see `checkpoints`); whatever is wrong with one becomes a `WeightsError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch

from fcnviz import backbones, checkpoints, fcn
from fcnviz.checkpoints import WeightsError
from fcnviz.settings import settings

PUBLISHED = Path(__file__).parent / "data" / "published.json"
BUNDLED = tuple(f"lite0-fcn{stride}s" for stride in fcn.STRIDES)
SUFFIXES = (".pth", ".pt", ".pth.tar", ".safetensors")

#: Classifiers, no FCNs, that may lie in the folder too: `fcnviz.digits` and `fcnviz.imagenet` read them.
DIGITS, VGG16 = "digits.safetensors", "vgg16-397923af.pth"

_Shapes = Mapping[str, tuple[int, ...]]


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
    return replace(weights, path=path, file=path.name, bytes=checkpoints.stat(path).st_size)


def _bundled() -> dict[str, Weights]:
    entries = {entry["name"]: entry for entry in manifest(folder())}
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


def manifest(where: Path) -> list[dict[str, Any]]:
    """The entries of the bundled nets in a weights folder; none if it has no manifest.

    Raises:
        WeightsError: it is damaged.
    """
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
        md5 = checkpoints.digest(path, "md5")
        stat = checkpoints.stat(path)
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
        shapes = checkpoints.shapes(path)
        try:
            return infer(shapes)
        except WeightsError as error:
            return f"{checkpoints.shown(path)} fits none of the networks: {error}"
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
    fcnviz.checkpoints.WeightsError: it has no score layer score_fr, so it is no FCN
    """
    trunks = {"conv1_1.weight": "vgg16", "conv_stem.weight": "lite0"}
    backbone = next((trunks[key] for key in trunks if key in shapes), None)
    if backbone is None:
        raise WeightsError("it has neither VGG16's conv1_1 nor EfficientNet-Lite0's conv_stem")
    if "score_fr.weight" not in shapes:
        raise WeightsError("it has no score layer score_fr, so it is no FCN")
    stride = 8 if "score_pool3.weight" in shapes else 16 if "score_pool4.weight" in shapes else 32
    check(shapes, backbone, stride)
    return backbone, stride


def check(shapes: _Shapes, backbone: str, stride: int) -> None:
    """Refuse anything but exactly the names and shapes of a network."""
    wanted, net = _signature(backbone, stride), f"FCN-{stride}s on {backbone}"
    if missing := [key for key in wanted if key not in shapes]:
        raise WeightsError(f"{net} needs the tensor {missing[0]}, which is not there{_more(missing)}")
    if foreign := [key for key in shapes if key not in wanted]:
        raise WeightsError(f"{net} has no tensor {checkpoints.brief(foreign[0])}{_more(foreign)}")
    if wrong := [key for key in wanted if shapes[key] != wanted[key]]:
        key = wrong[0]
        raise WeightsError(
            f"{key} of {net} is {wanted[key]}, not {checkpoints.brief(shapes[key])}{_more(wrong)}"
        )


def _more(keys: list[str]) -> str:
    return f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""


@cache
def _signature(backbone: str, stride: int) -> dict[str, tuple[int, ...]]:
    return {key: tuple(v.shape) for key, v in empty(backbone, stride).state_dict().items()}


def empty(backbone: str, stride: int, skip_scales: tuple[float, float] = (1.0, 1.0)) -> fcn.FCN:
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
    state = checkpoints.read(_verified(weights))
    try:
        check({key: tuple(v.shape) for key, v in state.items()}, weights.backbone, weights.stride)
    except WeightsError as error:
        raise WeightsError(f"{weights.file} does not fit {name}: {error}") from error
    model = empty(weights.backbone, weights.stride, weights.skip_scales)
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
        if wanted and (found := checkpoints.digest(weights.path, algorithm)) != wanted:
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
        found = f"its md5 is {checkpoints.digest(path, 'md5')}, not {weights.md5}"
        return f"{path} is not the published file ({found}): move it away, then {how}"
    return f"{weights.name} is not here: {how}"


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
        reason = f"{weights.name} could not be downloaded: {checkpoints.short(error)}."
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
        found = checkpoints.hashed(part, "md5", part.stat().st_size, part.stat().st_mtime_ns)
        if found == weights.md5:
            part.chmod(0o644)  # gdown makes files that only their owner may read
            return part.replace(target)
        part.unlink()
    except OSError as error:
        raise WeightsError(f"{part} cannot be moved to {target.name}: {error.strerror}") from error
    wrong = f"its md5 is {found}, not {weights.md5}; it was deleted"
    raise WeightsError(f"what was downloaded is not {weights.name} ({wrong}). {_by_hand(weights)}")
