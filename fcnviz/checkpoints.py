"""Checkpoint files that are not to be trusted: told by their first bytes, limited in size, never executed.

Whatever is wrong with one becomes a `WeightsError` of one sentence.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import textwrap
import threading
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

#: Larger files are not read at all; the largest net here has 545 MB.
MAX_BYTES = 2 * 10**9

#: Where training checkpoints keep the network: pytorch-fcn, many others, `fcnviz.train`.
_NESTED = ("model_state_dict", "state_dict", "model")


class WeightsError(ValueError):
    """Weights that are missing, damaged, refused or of another network; the message is for the user."""


class _Ignored:
    """Stands for any numpy value in a checkpoint: pytorch-fcn keeps its best score as one. Does nothing."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


_NUMPY = [(_Ignored, f"numpy.{n}") for n in ("core.multiarray.scalar", "_core.multiarray.scalar", "dtype")]
_READING = threading.Lock()  # torch's list of allowed names is one for all threads


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of a file's tensors, read without the tensors where the format allows; raises as `read`."""
    if _kind(path) != "safetensors":
        return {key: tuple(v.shape) for key, v in read(path).items()}
    try:
        with safe_open(path, "pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise _damaged(path, error) from error


def read(path: Path) -> dict[str, Tensor]:
    """State dict of a file, as stored. Nothing in it is executed.

    Raises:
        WeightsError: whatever is wrong with it.
    """
    kind = _kind(path)
    try:
        found = load_file(path) if kind == "safetensors" else _unpickle(path, kind)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{shown(path)} is refused: it holds Python objects that are not tensors. Nothing was executed."
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
    stat(path)
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {error.strerror}") from error
    magic = {"zip": head[:4] == b"PK\3\4", "pickle": head[:1] == b"\x80", "safetensors": head[8:9] == b"{"}
    if found := next((kind for kind, here in magic.items() if here), None):
        return found
    what = "empty" if not head else "a web page" if head.lstrip()[:1] == b"<" else "no checkpoint"
    raise WeightsError(f"{shown(path)} is {what}, not weights saved by PyTorch or safetensors")


def _state(path: Path, found: object) -> dict[str, Tensor]:
    """The network's tensors in what a checkpoint holds."""
    if isinstance(found, dict):
        found = next((found[key] for key in _NESTED if isinstance(found.get(key), dict)), found)
    if not isinstance(found, dict) or not found:
        raise WeightsError(f"{shown(path)} holds no tensors by name")
    if odd := [key for key, value in found.items() if not (isinstance(key, str) and _plain(value))]:
        what = brief(repr(odd[0]))
        raise WeightsError(f"{shown(path)} is no network's state dict: {what} is no plain tensor")
    return found


def _plain(value: object) -> bool:
    if not isinstance(value, Tensor) or value.is_complex() or value.is_quantized:
        return False
    return value.layout is torch.strided and value.device.type == "cpu"


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = f"{type(error).__name__}: {short(error)}"
    return WeightsError(f"{shown(path)} is truncated or damaged ({reason})")


def short(error: Exception) -> str:
    """What an exception says, in one line that can be printed."""
    text = textwrap.shorten(str(error) or type(error).__name__, 300, placeholder=" …").rstrip(".")
    return printable(text)


def printable(text: str) -> str:
    """With a question mark for what a terminal may take for a command."""
    return "".join(c if c.isprintable() else "?" for c in text)


def shown(path: Path) -> str:
    """A file's name as it can be printed: any byte may be in a name."""
    return printable(path.name)


def stat(path: Path) -> os.stat_result:
    """Size and time of a file.

    Raises:
        WeightsError: it cannot be read, or is larger than `MAX_BYTES`.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {error.strerror}") from error
    if about.st_size > MAX_BYTES:
        size = f"{about.st_size / 1e9:.1f} GB"
        raise WeightsError(f"{shown(path)} has {size}: too large to be one of these nets")
    return about


def digest(path: Path, algorithm: str) -> str:
    """A file's md5 or sha256, in hexadecimal; raises as `stat`."""
    about = stat(path)
    try:
        return hashed(path, algorithm, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=256)
def hashed(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:
    """Computed once per process and version of a file."""
    with path.open("rb") as file:
        # for recognition and against damage, not for security: allowed where md5 is otherwise switched off
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def brief(what: object) -> str:
    """A name or a shape from a file as it can be printed: either may be anything, and of any length."""
    text = printable(str(what))
    return text if len(text) <= 80 else f"{text[:79]}…"
