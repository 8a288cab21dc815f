"""Write files whole or not at all, and never over what is no file; find files of installed packages."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; at the end of the block that file replaces the one at `path`.

    If the block fails, the temporary file is removed and `path` stays as it was. A killed process leaves
    <path>.part behind: nothing reads it, and the next writer overwrites it. A file that is replaced hands on
    its permissions, a link stays and its target is replaced, and a device or a pipe is written into.

    Raises:
        OSError: the file cannot be written; the message is a sentence that names `path`.
    """
    check_target(path)
    try:
        with _piped(path) if is_stream(path) else _replaced(Path(os.path.realpath(path))) as part:
            yield part
    except OSError as error:
        if not error.strerror:
            raise
        raise OSError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch()  # with the permissions of any new file
        mode = stat.S_IMODE((path if path.exists() else part).stat().st_mode)
        yield part
        part.chmod(mode)  # safetensors makes files that only their owner may read
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _piped(path: Path) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield (part := Path(folder) / "part")
        with part.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step, see `atomic_write`."""
    with atomic_write(path) as part:
        part.write_bytes(data)


def check_target(path: Path) -> None:
    """Check, before the work begins, that a file can be at this path.

    Raises:
        OSError: there is a folder, or the folder to write to is missing; the message is a sentence.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")


def is_stream(path: Path) -> bool:
    """Tell whether a device, a pipe or a socket is at this path."""
    return path.exists() and not path.is_file() and not path.is_dir()


def sentence(error: Exception) -> str:
    """Say what went wrong, without the error number that the system's errors begin with."""
    if isinstance(error, OSError) and error.strerror:
        return ": ".join(str(part) for part in (error.filename, error.strerror) if part is not None)
    return str(error)


def in_package(package: str, inside: str) -> Path | None:
    """Find a file by its path in a package's folder, without importing the package; None if it is missing."""
    spec = find_spec(package)
    path = Path(spec.origin).parent / inside if spec and spec.origin else None
    return path if path and path.is_file() else None
