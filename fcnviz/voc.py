"""Pascal VOC segmentation: the 21 classes, their colours, and folders that hold the data."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

#: Class names by index, as in VOCdevkit. Index 0 is background.
CLASSES: tuple[str, ...] = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip

#: Label of pixels that count neither for nor against a network: object borders and difficult objects.
VOID = 255


def palette() -> np.ndarray:
    """The VOC colour map, computed from the bits of the class index as the VOC development kit defines it.

    Returns:
        (256, 3) uint8, RGB. Row 0 is black (background), row 255 is (224, 224, 192) (void).

    >>> palette()[[0, 8, 15, 255]].tolist()
    [[0, 0, 0], [64, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    index = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):  # three bits of the index, lowest first, fill R, G, B from the highest bit down
        for channel in range(3):
            colours[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours


@dataclass(frozen=True)
class VocFolder:
    """One split of a folder laid out as VOCdevkit/VOC2012; photos may be JPEG, PNG or WebP.

    Attributes:
        root: holds JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/.
        split: name of a list in ImageSets/Segmentation, without ".txt"; NAME-held is the part of it that is
            kept from training to choose settings by, NAME-fit is the rest (see `held`).
        ids: the photos' names in that list.
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
            FileNotFoundError: no such folder or list, with what was looked for.
        """
        root = Path(root)
        root = root / "VOC2012" if (root / "VOC2012").is_dir() else root
        name, _, part = split.rpartition("-")
        if part not in ("fit", "held"):
            return cls(root, split, _listing(root, split))
        official = set(_listing(root, "train"))
        kept = tuple(i for i in _listing(root, name) if (i in official and held(i)) == (part == "held"))
        return cls(root, split, kept)

    def __len__(self) -> int:
        return len(self.ids)

    def photo(self, index: int) -> Image.Image:
        """Photo number `index`, RGB."""
        stem = self.root / "JPEGImages" / self.ids[index]
        candidates = (stem.with_name(stem.name + ext) for ext in (".jpg", ".webp", ".png"))
        path = next((p for p in candidates if p.is_file()), None)
        if path is None:
            raise FileNotFoundError(f"no photo {stem}.jpg, .webp or .png")
        with Image.open(path) as image:
            return image.convert("RGB")

    def mask(self, index: int) -> np.ndarray:
        """Its labels, (H, W) uint8: class index, or 255 for void."""
        with Image.open(self.root / "SegmentationClass" / f"{self.ids[index]}.png") as image:
            return np.array(image, dtype=np.uint8)


def held(photo: str) -> bool:
    """Is this photo among the fifth of the official `train` list that settings are chosen by?

    Decided by the name alone, so that no list has to be kept; only photos of `train` qualify, as its masks
    have VOC's void borders and those of SBD do not.
    """
    return zlib.crc32(photo.encode()) % 5 == 0


def _listing(root: Path, split: str) -> tuple[str, ...]:
    path = root / "ImageSets" / "Segmentation" / f"{split}.txt"
    if not path.is_file():
        raise FileNotFoundError(f"no split {split!r}: there is no file {path}")
    return tuple(path.read_text().split())
