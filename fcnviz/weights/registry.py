"""The registry: which weights there are, where each is from, and which files in the folder cannot be used."""

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from fcnviz import fcn
from fcnviz.weights import checkpoints, signatures
from fcnviz.weights.checkpoints import WeightsError

#: What is known about the authors' checkpoints.
PUBLISHED = Path(__file__).parent / "published.json"
BUNDLED = tuple(f"lite0-fcn{stride}s" for stride in fcn.STRIDES)
#: Environment variable: the weights folder, for the library, the command line and the app alike.
FOLDER = "FCNVIZ_WEIGHTS"
SUFFIXES = (".pth", ".pt", ".pth.tar", ".safetensors")

#: Classifiers that may be in the folder too; `lessons.convolutionalize` reads them, and they are not FCNs.
DIGITS = "digits.safetensors"
VGG16 = "vgg16-397923af.pth"


@dataclass(frozen=True)
class Weights:
    """One set of weights, whether its file is here or not.

    Attributes:
        name: what `load` takes.
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8.
        file: name of the file in the weights folder.
        path: path of that file; None if it is not here.
        origin: "bundled", "published" or "unverified".
        licence: licence of the weights.
        data: what they were trained on.
        source: who made them.
        sha256: hash of a bundled file.
        md5: hash of any other file.
        skip_scales: see `fcn.build`.
        drive_id: Google Drive's id of a published file.
        size: longest side in px to which larger photos are reduced for these weights (0: as the photo is).
        metrics: what this project measured.
        reported: what the publisher reports.
        commit: commit of this repository that trained them.
        command: command that trained them.
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
    size: int = 0
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
        """Web page where a published file can be fetched by hand."""
        return self.drive_id and f"https://drive.google.com/file/d/{self.drive_id}/view"


def _own_folder() -> Path:
    here = Path(__file__).resolve()
    bundled = here.with_name("bundled")
    return bundled if bundled.is_dir() else here.parents[2] / "weights"


_OWN = _own_folder()


def folder() -> Path:
    """Find the weights folder.

    Returns:
        the folder that the variable `FOLDER` names; else, of an installed fcnviz, the one inside it; else
        `weights/` at the top of the repository.
    """
    if given := given_folder():
        return given
    return _OWN


def given_folder() -> Path | None:
    """Return the folder that the variable `FOLDER` names, if it names one."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser() if given else None


def list_weights() -> list[str]:
    """List all names: bundled, published, then unverified ones.

    Raises:
        WeightsError: the folder or its manifest cannot be read.
    """
    return list(_registry())


def available() -> list[str]:
    """List the names whose file is here, in the order of `list_weights`, with the same errors."""
    return [name for name, weights in _registry().items() if weights.available]


def find(name: str) -> Weights:
    """Look up a name, without loading the file.

    Raises:
        WeightsError: there is no such name (the message lists all names); or as `list_weights`.
    """
    known = _bundled() if name in BUNDLED else _registry()  # the bundled nets do not depend on other files
    if name not in known:
        raise WeightsError(f"there are no weights {name!r}; there are {', '.join(known)}")
    return known[name]


def problems() -> list[str]:
    """Say in one sentence each which files in the folder cannot be used, and why.

    Raises:
        WeightsError: as `list_weights`.
    """
    return [finding.problem for finding in _findings() if finding.problem]


def _registry() -> dict[str, Weights]:
    findings = _findings()
    here = {f.md5: f.path for f in reversed(findings)}
    known = _bundled() | {w.name: _with_path(w, here.get(w.md5)) for w in published()}
    for finding in findings:
        if finding.net:
            name = _free_name(finding.path, known)
            known[name] = _unverified(name, finding)
    return known


def _with_path(weights: Weights, path: Path | None) -> Weights:
    if path is None or not path.is_file():
        return weights
    return replace(weights, path=path, file=path.name)


def _bundled() -> dict[str, Weights]:
    where = folder()
    described = _described(where, *_version(where / "manifest.json"))
    return {name: _with_path(w, where / w.file if w.sha256 else None) for name, w in described.items()}


@lru_cache(maxsize=4)
def _described(where: Path, *version: int) -> dict[str, Weights]:
    """Read what a folder's manifest says of the bundled nets, without their paths; once per version of it."""
    entries = {entry["name"]: entry for entry in _entries(where)}
    try:
        return {name: _bundled_one(name, entries.get(name)) for name in BUNDLED}
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{where / 'manifest.json'} is damaged: {error!r}") from error


def _bundled_one(name: str, entry: dict[str, Any] | None) -> Weights:
    stride = fcn.STRIDES[BUNDLED.index(name)]
    weights = Weights(name, "lite0", stride, f"{name}.safetensors", None, "bundled", source="this project")
    if entry is None:
        return weights
    keys = ("backbone", "stride", "file", "licence", "data", "sha256", "metrics", "commit", "command")
    size = entry["preprocessing"].get("size", 0)
    return replace(weights, size=size, **{key: entry[key] for key in keys})


def manifest(where: Path) -> list[dict[str, Any]]:
    """Read the bundled nets' entries from a weights folder's manifest, to change them; none if it has none.

    Raises:
        WeightsError: the manifest is damaged.
    """
    return copy.deepcopy(_entries(where))


def _entries(where: Path) -> list[dict[str, Any]]:
    path = where / "manifest.json"
    version = _version(path)
    return _manifest(path, *version) if version else []


def _version(path: Path) -> tuple[int, ...]:
    """The size and the time of a file; nothing if there is none."""
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_size, about.st_mtime_ns


@lru_cache(maxsize=4)
def _manifest(path: Path, size: int, mtime_ns: int) -> list[dict[str, Any]]:
    """Read a manifest; once per version of the file."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        if all(entry["name"] in BUNDLED for entry in entries):
            return entries
        raise KeyError("an entry of no bundled network")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is damaged: {error!r}") from error


def published() -> tuple[Weights, ...]:
    """List the authors' checkpoints, without looking for their files."""
    return _published(PUBLISHED)


@cache
def _published(path: Path) -> tuple[Weights, ...]:
    return tuple(_published_one(**entry) for entry in json.loads(path.read_text("utf-8")))


def _published_one(reported: dict[str, Any], skip_scales: list[float], **rest: Any) -> Weights:
    says = "mean IU {mean_iu} on {on}, says {by}".format(**reported)
    scales = (skip_scales[0], skip_scales[1])
    return Weights(path=None, origin="published", reported=says, skip_scales=scales, **rest)


@dataclass(frozen=True)
class _Finding:
    """A user's file with its md5, and either the net that it fits, (backbone, stride), or its problem."""

    path: Path
    md5: str | None = None
    net: tuple[str, int] | None = None
    problem: str | None = None


def _findings() -> list[_Finding]:
    known = {weights.md5 for weights in published()}
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
    """(backbone, stride) of the net that a file fits, or why there is none; read once per version."""
    try:
        state = checkpoints.read(path)
        try:
            return signatures.infer(state)
        except WeightsError as error:
            return f"{checkpoints.shown(path)} cannot be used: {error}"
    except WeightsError as error:
        return str(error)


def _free_name(path: Path, known: Mapping[str, Weights]) -> str:
    """Name an unverified file: unverified-<stem>, or unverified-<stem>-2 and so on if that is taken."""
    suffix = max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len)
    stem = path.name[: -len(suffix)]
    name = base = "unverified-" + (re.sub(r"[^A-Za-z0-9_.-]+", "_", stem) or "file")
    count = 1
    while name in known:
        count += 1
        name = f"{base}-{count}"
    return name


def _unverified(name: str, finding: _Finding) -> Weights:
    assert finding.net is not None
    weights = Weights(name, *finding.net, finding.path.name, None, "unverified", md5=finding.md5)
    # an "at once" net, whose skips are scaled, has the same tensors as a staged one: only its name may tell
    if finding.net == ("vgg16", 8) and "atonce" in re.sub("[^a-z]", "", name.lower()):
        weights = replace(weights, skip_scales=(0.01, 0.0001))
    return _with_path(weights, finding.path)
