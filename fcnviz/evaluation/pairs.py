"""Pairs of photos and masks: uploaded, in zips, in a VOC folder on the server, or bundled."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image

from fcnviz.evaluation import archive, matching
from fcnviz.evaluation.archive import Member
from fcnviz.photos import images, samples
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.images import ImageError, Mask, Opened


@dataclass(frozen=True, eq=False)
class Read:
    """A pair, read.

    Attributes:
        photo: RGB, upright.
        labels: (H, W) uint8, of the photo's size.
        notes: full sentences for the user on what the readers had to decide.
    """

    photo: Image.Image
    labels: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Pair:
    """A photo and its mask, not read yet.

    Attributes:
        name: name of both files.
        open: reads both; raises ImageError.
    """

    name: str
    open: Callable[[], Read]


@dataclass(frozen=True, eq=False)
class Found:
    """The pairs among some files, and the files that are in none.

    Attributes:
        pairs: the pairs, sorted by name; no two have one name.
        problems: (file, one sentence) for each file that is left out; many of one kind are one line.
    """

    pairs: tuple[Pair, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def match(
    uploads: Iterable[tuple[str, bytes]], *, max_bytes: int = images.MAX_BYTES, white: int | None = None
) -> Found:
    """Find the pairs among uploaded files and the files in uploaded zips, but not in zips inside zips.

    Args:
        uploads: (name, bytes) of each file.
        max_bytes: largest photo or mask that is read.
        white: class of the white pixels of black-and-white masks.
    """
    members: list[Member] = []
    problems: list[tuple[str, str]] = []
    for name, data in uploads:
        if not name.lower().endswith(".zip"):
            members.append(archive.plain(name, data, max_bytes))
            continue
        try:
            members += archive.unpack(name, data, max_bytes)
        except ImageError as error:
            problems.append((archive.shown(name), str(error)))
    matched, left_out = matching.match(members)
    pairs = (Pair(one.name, partial(_from_members, one.photo, one.mask, white)) for one in matched)
    return Found(tuple(pairs), (*problems, *left_out))


def from_folder(folder: VocFolder, white: int | None = None) -> Found:
    """List the pairs of a VOC folder's split, in its order.

    Args:
        folder: the split.
        white: class of the white pixels of black-and-white masks.
    """
    return Found(
        tuple(Pair(name, partial(_from_folder, folder, i, white)) for i, name in enumerate(folder.ids))
    )


def from_samples() -> Found:
    """List the bundled photos with our annotations."""
    return Found(tuple(Pair(name, partial(_sample, name)) for name in samples.SAMPLES))


# --- reading


def checked(photo: Opened, mask: Mask) -> Read:
    """Join a photo and its mask after checking that their sizes are equal.

    Raises:
        ImageError: the sizes differ.
    """
    height, width = mask.labels.shape
    if photo.image.size != (width, height):
        raise ImageError(sizes_differ(photo.image.size, (width, height), photo.orientation))
    return Read(photo.image, mask.labels, photo.notes + mask.notes + _turned(photo))


def sizes_differ(photo: tuple[int, int], mask: tuple[int, int], orientation: int) -> str:
    """Say that a mask does not fit its photo, and what to do.

    Args:
        photo: (width, height) of the photo, upright.
        mask: (width, height) of the mask.
        orientation: EXIF orientation of the photo's file, 1 if it was upright.
    """
    sizes = f"The mask is {mask[0]} × {mask[1]} px and the photo {photo[0]} × {photo[1]} px"
    if photo[::-1] != mask:
        return f"{sizes}: they must be the same."
    if orientation == 1:
        return f"{sizes}: one of them is turned by a quarter, so turn it back."
    return f"{sizes} since its EXIF orientation turned it upright: turn the mask in the same way."


def _turned(photo: Opened) -> tuple[str, ...]:
    """Note that sizes cannot show whether the mask was drawn on the photo before it was turned."""
    if photo.orientation == 1 or (photo.orientation > 4 and photo.image.width != photo.image.height):
        return ()
    return ("The photo's EXIF orientation turned or mirrored it; the mask must show it that way, too.",)


def reduced(read: Read, longest: int) -> Read:
    """Scale both down to a longest side of at most `longest` pixels, the mask by nearest neighbour."""
    small = images.fit(read.photo, longest)
    return replace(read, photo=small, labels=images.resize_labels(read.labels, small.size))


def _sample(name: str) -> Read:
    return Read(samples.load(name), samples.annotation(name))


def _from_folder(folder: VocFolder, index: int, white: int | None) -> Read:
    return checked(folder.read_photo(index), folder.read_mask(index, white))


def _from_members(photo: Member, mask: Member, white: int | None) -> Read:
    return checked(
        images.read_photo(photo.bytes(), max_bytes=photo.max_bytes),
        images.read_mask(mask.bytes(), max_bytes=mask.max_bytes, white=white),
    )
