"""Folders laid out as Pascal VOC's: the lists of their splits, photos and masks."""

from __future__ import annotations

import os
import re
import unicodedata
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from fcnviz.photos import images
from fcnviz.photos.decode import ENDINGS, UNREAD_ENDINGS, ImageError

_PHOTOS, _MASKS = "JPEGImages", "SegmentationClass"
#: A name and its flag in ImageSets/Main.
_FLAGGED = re.compile(r"(.*\S)\s+(-1|0|1)")


@dataclass(frozen=True)
class VocFolder:
    """One split of a folder laid out as VOCdevkit/VOC2012; photos may be of any format that `images` reads.

    Attributes:
        root: folder with JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/.
        split: name of a list in ImageSets/Segmentation, without ".txt"; NAME-held is the part of it that is
            held out from training to choose settings, NAME-fit is the rest (see `held`).
        ids: the photos' names in that list, each once.
    """

    root: Path
    split: str
    ids: tuple[str, ...]

    @classmethod
    def open(cls, root: str | Path, split: str) -> VocFolder:
        """Read the list of a split.

        Args:
            root: the folder, or a VOCdevkit folder that holds VOC2012/.
            split: e.g. "train_aug" or "val".

        Raises:
            FileNotFoundError: there is no such folder or list; the message names the missing file.
        """
        root = _voc2012(root)
        name, _, part = split.rpartition("-")
        if part not in ("fit", "held"):
            return cls(root, split, _listing(root, split))
        official = set(_listing(root, "train"))
        kept = tuple(i for i in _listing(root, name) if (i in official and held(i)) == (part == "held"))
        return cls(root, split, kept)

    def __len__(self) -> int:
        return len(self.ids)

    def photo(self, index: int) -> Image.Image:
        """Read photo number `index`, RGB; errors as in `read_photo`."""
        return self.read_photo(index).image

    def mask(self, index: int) -> np.ndarray:
        """Read the labels of photo number `index`, (H, W) uint8: class index, or `VOID`; see `read_mask`."""
        return self.read_mask(index).labels

    def read_photo(self, index: int) -> images.Opened:
        """Read photo number `index` as an upload is read.

        Raises:
            ImageError: it is missing, or `images.read_photo` refuses it; the message names the file.
        """
        path = self._path(_PHOTOS, ENDINGS, self.ids[index])
        with _naming(path):
            return images.read_photo(self.root / path)

    def read_mask(self, index: int, white: int | None = None) -> images.Mask:
        """Read the mask of photo number `index` as an upload is read.

        Args:
            index: of the photo.
            white: class of the white pixels of a black-and-white mask.

        Raises:
            ImageError: it is missing, or `images.read_mask` refuses it; the message names the file.
        """
        path = self._path(_MASKS, (".png",), self.ids[index])
        with _naming(path):
            return images.read_mask(self.root / path, white=white)

    def _path(self, folder: str, endings: Sequence[str], name: str) -> str:
        """Return a file's path in `root`: by its very name if there is one, else by its normalised name."""
        for ending in endings:
            if os.path.isfile(self.root / folder / f"{name}{ending}"):  # noqa: PTH113 (False for any odd name)
                return f"{folder}/{name}{ending}"
        if found := self._others[folder].get(key(name)):
            return f"{folder}/{found}"
        raise ImageError(
            f"There is no {folder}/{name}{endings[0]}: add it, or take its name out of the list."
        )

    @cached_property
    def _others(self) -> dict[str, dict[str, str]]:
        """The files of both folders by their normalised names."""
        return {folder: _index(self.root / folder) for folder in (_PHOTOS, _MASKS)}


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file's name before the message of an `ImageError`."""
    try:
        yield
    except ImageError as error:
        raise type(error)(f"{path}: {error}") from error


def key(name: str) -> str:
    """Normalise a name for comparing: systems differ in accents' and Hangul's code points, and in case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _split(file: str) -> tuple[str, str]:
    """Split a file's name into its stem and its ending in lower case."""
    stem, _, ending = file.rpartition(".")
    return (stem, f".{ending.lower()}") if stem else (file, "")


def _index(folder: Path) -> dict[str, str]:
    """List a folder's images by their normalised names without ending."""
    files = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else ()
    split = ((*_split(file), file) for file in reversed(files))  # the first of equal names stays
    return {key(stem): file for stem, ending, file in split if ending in ENDINGS + UNREAD_ENDINGS}


def held(photo: str) -> bool:
    """Tell whether a photo is in the fifth of the official `train` list that is held out to choose settings.

    The name alone decides, so that no list has to be stored. Only photos of `train` are held out, because
    their masks have VOC's void borders and those of SBD do not.
    """
    return zlib.crc32(photo.encode()) % 5 == 0


def splits(root: str | Path) -> list[str]:
    """List the splits of a VOC folder; none if it is no such folder."""
    return sorted(path.stem for path in (_voc2012(root) / "ImageSets" / "Segmentation").glob("*.txt"))


def _voc2012(root: str | Path) -> Path:
    """Return VOC2012/ inside a VOCdevkit folder, or the folder itself."""
    inner = Path(root) / "VOC2012"
    return inner if inner.is_dir() else Path(root)


def _listing(root: Path, split: str) -> tuple[str, ...]:
    """Read a list: one name per line, as it is or with an ending, or with a flag as in ImageSets/Main."""
    path = root / "ImageSets" / "Segmentation" / f"{split}.txt"
    if not path.is_file():
        raise FileNotFoundError(f"no split {split!r}: there is no file {path}")
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines()))
    photos = _index(root / _PHOTOS) if any(map(_FLAGGED.fullmatch, lines)) else {}
    return tuple(dict.fromkeys(filter(None, (_name(line, photos) for line in lines))))


def _name(line: str, photos: Container[str]) -> str:
    """Return the photo's name in a line; "" for a photo whose flag says that it has no object (-1)."""
    flagged = _FLAGGED.fullmatch(line)
    if flagged and key(line) not in photos:
        line = flagged[1] if flagged[2] != "-1" else ""
    stem, ending = _split(line)
    return stem if ending in ENDINGS + UNREAD_ENDINGS else line
