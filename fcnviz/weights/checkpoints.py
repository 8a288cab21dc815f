"""Read untrusted checkpoint files: told by their first bytes, limited in size, never executed.

Any problem with a file becomes a `WeightsError` of one sentence.
"""

import hashlib
import logging
import os
import pickle
import textwrap
import threading
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

log = logging.getLogger(__name__)

#: Larger files are not read; the largest net here has 545 MB.
MAX_BYTES = 2 * 10**9

#: Where checkpoints keep the network, the first choice first: pytorch-fcn, many others, `fcnviz.training`.
_NESTED = ("model_state_dict", "state_dict", "model")


class WeightsError(ValueError):
    """Weights that are missing, damaged, refused or of another network; the message is for the user."""


class _Ignored:
    """Replaces any NumPy value in a checkpoint (pytorch-fcn stores its best score as one); does nothing."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, _: object) -> None:
        pass


_NUMPY = [(_Ignored, f"numpy.{n}") for n in ("core.multiarray.scalar", "_core.multiarray.scalar", "dtype")]
_READING = threading.Lock()  # torch keeps one list of allowed names for all threads


def read(path: Path) -> dict[str, Tensor]:
    """Read a file's state dict, as stored; nothing in the file is executed.

    Raises:
        WeightsError: the file is missing, too large, damaged, refused, or holds no state dict.
    """
    kind = _kind(path)
    try:
        found = load_file(path) if kind == "safetensors" else _unpickle(path, kind)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{shown(path)} is refused: it holds Python objects that are not tensors. Nothing was executed."
        ) from error
    except Exception as error:  # a corrupt file can raise any exception
        raise _damaged(path, error) from error
    return _state(path, found)


def _unpickle(path: Path, kind: str) -> object:
    # memory mapping needs a path, but torch.load treats any path *.safetensors as that format
    mapped = kind == "zip" and path.suffix.lower() != ".safetensors"
    with _READING, torch.serialization.safe_globals(_NUMPY), path.open("rb") as file:  # type: ignore[arg-type]
        return torch.load(path if mapped else file, map_location="cpu", weights_only=True, mmap=mapped)


def _kind(path: Path) -> str:
    """Tell the format by the first bytes: "zip" (torch.save), "pickle" (PyTorch < 1.6) or "safetensors"."""
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
    """Find the network's tensors in what a checkpoint holds."""
    if isinstance(found, dict):
        found = _nested(path, found)
    if not isinstance(found, dict) or not found:
        raise WeightsError(f"{shown(path)} holds no tensors by name")
    if odd := [key for key, value in found.items() if not (isinstance(key, str) and _plain(value))]:
        what = brief(repr(odd[0]))
        raise WeightsError(f"{shown(path)} is no network's state dict: {what} is no plain tensor")
    return found


def _nested(path: Path, found: dict) -> dict:
    """Choose the one dict of tensors in a checkpoint, or one of `_NESTED`; else the checkpoint itself."""
    if kept := [found[key] for key in _NESTED if isinstance(found.get(key), dict)]:
        return kept[0]
    dicts = {id(value): key for key, value in found.items() if isinstance(value, dict)}  # each looked at once
    names = [key for key in dicts.values() if found[key] and all(map(_plain, found[key].values()))]
    if len(names) > 1:
        both = " and ".join(brief(repr(name)) for name in names[:2])
        raise WeightsError(f"{shown(path)} holds tensors under {both}: save only the network's")
    return found[names[0]] if names else found


def _plain(value: object) -> bool:
    if not isinstance(value, Tensor) or value.is_complex() or value.is_quantized:
        return False
    return value.layout is torch.strided and value.device.type == "cpu"


def _damaged(path: Path, error: Exception) -> WeightsError:
    log.warning("a weights file cannot be read", exc_info=error)
    reason = f"{type(error).__name__}: {short(error)}"
    return WeightsError(f"{shown(path)} is truncated or damaged ({reason})")


def short(error: Exception) -> str:
    """Shorten an exception's message to one printable line."""
    text = textwrap.shorten(str(error) or type(error).__name__, 300, placeholder=" …").rstrip(".")
    return printable(text)


def printable(text: str) -> str:
    """Replace unprintable characters, which a terminal may take for a command, by question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def shown(path: Path) -> str:
    """Return a file's name in printable form: a name may hold any byte."""
    return printable(path.name)


def stat(path: Path) -> os.stat_result:
    """Return size and time of a file.

    Raises:
        WeightsError: the file cannot be read, or is larger than `MAX_BYTES`.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {error.strerror}") from error
    if about.st_size > MAX_BYTES:
        size = f"{about.st_size / 1e9:.1f} GB"
        raise WeightsError(f"{shown(path)} has {size}: too large to be one of these networks")
    return about


def digest(path: Path, algorithm: str) -> str:
    """Return a file's md5 or sha256 in hexadecimal; raises as `stat`."""
    about = stat(path)
    try:
        return hashed(path, algorithm, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"{shown(path)} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=256)
def hashed(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:
    """Hash a file; computed once per process and version (size and time) of the file."""
    with path.open("rb") as file:
        # md5 only recognises files and finds damage: saying so allows it where md5 is disabled for security
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def brief(what: object) -> str:
    """Return a name or a shape from a file in printable form, at most 80 characters."""
    text = printable(str(what))
    return text if len(text) <= 80 else f"{text[:79]}…"
