"""Photos and their masks: uploaded, in zips, in a VOC folder on the server, or bundled.

Which of the uploaded files are masks, the first rule that fits:

1. a name says so: of a folder, SegmentationClass, masks, labels, annotations, gt or the like; or of a PNG, if
   it ends in _mask, _label, _labels, _gt or _truth;
2. a folder says that it is a photo: JPEGImages, images or photos;
3. a PNG with a palette or 8 bits of grey whose name another file shares, or any PNG beside a photo of the
   same name in another format;
4. all else are photos.

A photo and a mask belong together if their names are the same without folder, ending and _mask. Masks are
PNGs as `images.open_mask` reads them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from fcnviz import archive, images, samples
from fcnviz.archive import Member
from fcnviz.images import ImageError
from fcnviz.voc import VocFolder

_MASK_FOLDERS = frozenset(
    ("segmentationclass", "segmentationclassaug", "mask", "masks", "label", "labels", "annotation",
     "annotations", "gt", "truth")
)  # fmt: skip
_PHOTO_FOLDERS = frozenset(("jpegimages", "image", "images", "photo", "photos"))
_MASK_ENDING = re.compile(r"[ _.-](mask|label|labels|gt|truth)$", re.IGNORECASE)
#: VOC's instance masks, which number objects and not classes; and what computers put into zips unasked.
_OTHER_FOLDERS = frozenset(("segmentationobject", "__macosx"))
_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"))
_PNG_HEAD = 26  # bytes of a PNG up to its colour type
_GREY, _PALETTE = 0, 3


@dataclass(frozen=True, eq=False)
class Pair:
    """A photo and its mask, not read yet.

    Attributes:
        name: what both files are called.
        open: reads them: RGB photo and (H, W) uint8 labels of the same size; raises ImageError.
    """

    name: str
    open: Callable[[], tuple[Image.Image, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Found:
    """What matched, and what did not.

    Attributes:
        pairs: in the order of their names.
        problems: (file, one sentence) for each that cannot be used.
        ignored: how many files are neither photos nor masks.
    """

    pairs: tuple[Pair, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    ignored: int = 0


@dataclass(frozen=True, eq=False)
class _File:
    member: Member
    key: str
    folders: frozenset[str]
    suffix: str
    head: bytes


def match(uploads: Iterable[tuple[str, bytes]]) -> Found:
    """Find the pairs among uploaded files; zips are looked into, one level deep.

    Args:
        uploads: (name, bytes) of each file.
    """
    members, problems = _members(uploads)
    files: list[_File] = []
    for member in members:
        if _wanted(member.name):
            try:
                files.append(_file(member))
            except ImageError as error:
                problems.append((shown(member.name), str(error)))
    pairs, unmatched = _match(files)
    return Found(tuple(pairs), (*problems, *unmatched), sum(not _wanted(m.name) for m in members))


def from_folder(folder: VocFolder) -> Found:
    """The pairs of a VOC folder's split, in its order."""
    return Found(tuple(Pair(name, _from_folder(folder, i)) for i, name in enumerate(folder.ids)))


def from_samples() -> Found:
    """The bundled photos with our annotations."""
    return Found(tuple(Pair(name, partial(_sample, name)) for name in samples.SAMPLES))


def splits(root: str | Path) -> list[str]:
    """The splits that a VOC folder lists; none if it is no such folder."""
    root = Path(root)
    root = root / "VOC2012" if (root / "VOC2012").is_dir() else root
    return sorted(path.stem for path in (root / "ImageSets" / "Segmentation").glob("*.txt"))


def shown(name: str) -> str:
    r"""A file's name for a message: printable, and its end if it is long.

    >>> shown("a/b\n.png")
    'a/b�.png'
    """
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return name if len(name) <= 60 else f"…{name[-59:]}"


# --- reading


def checked(photo: Image.Image, mask: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """A photo and its mask, if they are of one size.

    Raises:
        ImageError: they are not.
    """
    height, width = mask.shape
    if photo.size != (width, height):
        raise ImageError(
            f"The mask is {width} × {height} px and the photo {photo.width} × {photo.height} px: "
            "they must be the same."
        )
    return photo, mask


def reduced(photo: Image.Image, mask: np.ndarray, longest: int) -> tuple[Image.Image, np.ndarray]:
    """Both scaled down to a longest side of at most `longest` pixels, the mask by nearest neighbour."""
    small = images.fit(photo, longest)
    return small, np.asarray(Image.fromarray(mask).resize(small.size, Image.Resampling.NEAREST))


def _sample(name: str) -> tuple[Image.Image, np.ndarray]:
    return samples.load(name), samples.annotation(name)


def _from_folder(folder: VocFolder, index: int) -> Callable[[], tuple[Image.Image, np.ndarray]]:
    def read() -> tuple[Image.Image, np.ndarray]:
        try:
            return checked(folder.photo(index), folder.mask(index))
        except ImageError:
            raise
        except Exception as error:  # whatever a damaged file raises; its path is the owner's business
            raise ImageError("The photo or the mask is missing or damaged.") from error

    return read


def _from_members(photo: Member, mask: Member) -> Callable[[], tuple[Image.Image, np.ndarray]]:
    def read() -> tuple[Image.Image, np.ndarray]:
        return checked(images.open_image(photo.bytes()), images.open_mask(mask.bytes()))

    return read


# --- matching


def _members(uploads: Iterable[tuple[str, bytes]]) -> tuple[list[Member], list[tuple[str, str]]]:
    members: list[Member] = []
    problems: list[tuple[str, str]] = []
    for name, data in uploads:
        if not name.lower().endswith(".zip"):
            members.append(archive.plain(name, data))
            continue
        try:
            members += archive.unpack(shown(name), data)
        except ImageError as error:
            problems.append((shown(name), str(error)))
    return members, problems


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _folders(name: str) -> frozenset[str]:
    return frozenset(part.lower() for part in _path(name).parts[:-1])


def _wanted(name: str) -> bool:
    path = _path(name)
    hidden = path.name.startswith(".") or _folders(name) & _OTHER_FOLDERS
    return not hidden and path.suffix.lower() in _SUFFIXES


def _file(member: Member) -> _File:
    path = _path(member.name)
    key = _MASK_ENDING.sub("", path.stem) if path.suffix.lower() == ".png" else path.stem
    return _File(member, key, _folders(member.name), path.suffix.lower(), member.read(_PNG_HEAD))


def _match(files: Sequence[_File]) -> tuple[list[Pair], list[tuple[str, str]]]:
    groups: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        groups[file.key].append(file)
    pairs: list[Pair] = []
    problems: list[tuple[str, str]] = []
    for key, group in sorted(groups.items()):
        masks = [f for f in group if _is_mask(f, group)]
        photos = [f for f in group if f not in masks]
        if len(masks) == len(photos) == 1:
            pairs.append(Pair(shown(key), _from_members(photos[0].member, masks[0].member)))
        else:
            problems += [(shown(f.member.name), _unmatched(photos, masks)) for f in group]
    return pairs, problems


def _unmatched(photos: list[_File], masks: list[_File]) -> str:
    if not masks:
        return "No mask has this name." if len(photos) == 1 else "Several photos have this name, and no mask."
    if not photos:
        return "No photo has this name." if len(masks) == 1 else "Several masks have this name, and no photo."
    return f"{len(photos)} photos and {len(masks)} masks have this name: one of each is needed."


def _is_mask(file: _File, group: Sequence[_File]) -> bool:
    """By the rules at the top of this module."""
    if file.folders & _MASK_FOLDERS or file.key != _path(file.member.name).stem:
        return True
    if file.folders & _PHOTO_FOLDERS or file.suffix != ".png":
        return False
    others = [other for other in group if other is not file]
    return bool(others) and (_looks_like_labels(file.head) or all(o.suffix != ".png" for o in others))


def _looks_like_labels(head: bytes) -> bool:
    """A PNG with a palette, or with 8 bits of grey (by its header's bit depth and colour type)."""
    if len(head) < _PNG_HEAD:
        return False
    depth, colour = head[24], head[25]
    return colour == _PALETTE or (colour == _GREY and depth == 8)
