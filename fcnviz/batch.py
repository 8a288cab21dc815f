"""Which images a command is given, and which files its results go to: checked before a network is loaded."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fcnviz import files
from fcnviz.photos.decode import ENDINGS, UNREAD_ENDINGS

#: Files that are taken from a folder, by their endings; some are refused by name.
SUFFIXES = frozenset((*ENDINGS, *UNREAD_ENDINGS, ".jfif", ".jp2", ".dng"))

#: Instead of a file: standard output.
STDOUT = Path("-")


@dataclass(frozen=True)
class Job:
    """An image and where its results go: files ending in .png, streams, or `STDOUT`."""

    image: Path
    labels: Path
    overlay: Path | None

    @property
    def targets(self) -> list[Path]:
        """Where the results go."""
        return [self.labels] if self.overlay is None else [self.labels, self.overlay]


def plan(given: Sequence[str], out: str, overlay: str | None = None) -> list[Job]:
    """Find the images and where their results go; nothing is written.

    Args:
        given: images, folders (their images, not those of folders inside) and patterns such as "*.jpg".
        out: for one image a file, "-" or an existing folder; for a folder, a pattern or several images a
            folder, which need not exist. In a folder, each result is called as its image, with .png.
        overlay: as `out`.

    Raises:
        OSError, ValueError: there is no such image; a result would overwrite an image or another result, or
            cannot be written there. The message is a sentence.
    """
    found = list(dict.fromkeys(path for name in given for path in _images(name)))
    many = [Path(name) for name in given] != found or len(found) > 1
    jobs = [
        Job(image, _target(out, image, many), _target(overlay, image, many) if overlay is not None else None)
        for image in found
    ]
    _check(jobs)
    return jobs


def _images(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        if found := sorted(filter(_is_image, path.iterdir())):
            return found
        raise FileNotFoundError(f"{name} holds no images")
    if glob.escape(name) != name and not path.exists():
        matches = map(Path, glob.glob(name))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if found := sorted(filter(Path.is_file, matches)):
            return found
        raise FileNotFoundError(f"no file matches {name}")
    return [path]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _target(where: str, image: Path, many: bool) -> Path:
    path = Path(where)
    if not where:
        raise ValueError("the name of a result is empty: name a file or a folder")
    if path.is_dir():
        return path / f"{image.stem}.png"
    if many and (path == STDOUT or path.exists() or path.suffix.lower() == ".png"):
        raise ValueError(f"several images need a folder for their results, not {path}")
    files.check_target(path)
    if many:
        return path / f"{image.stem}.png"
    if path != STDOUT and path.suffix.lower() != ".png" and not files.is_stream(path):
        raise ValueError(f"{path} would hold a PNG: end its name in .png, or name a folder that exists")
    return path


def _check(jobs: Sequence[Job]) -> None:
    """Check that no result overwrites an image or another result."""
    images, taken = {_identity(job.image) for job in jobs}, dict[object, Job]()
    for job in jobs:
        for target in job.targets:
            if files.is_stream(target):
                continue
            if (key := _identity(target)) in images:
                raise ValueError(f"{target} is an image that is read: write the results elsewhere")
            if key in taken:
                names = " and ".join(dict.fromkeys((str(taken[key].image), str(job.image))))
                raise ValueError(f"the results of {names} would overwrite each other in {target}")
            taken[key] = job


def _identity(path: Path) -> object:
    """What two names of one file have in common, links and other spellings too."""
    try:
        about = path.stat()
        return about.st_dev, about.st_ino
    except OSError:
        return os.path.normcase(os.path.realpath(path))
