"""Read untrusted image files: an upright RGB image or a label mask, or one clear error.

Pixels are converted one strip at a time, so that the largest allowed image needs well below 1 GB. `decode`
says what is refused, and `rgb` and `masks` what a file's values mean.
"""

from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps

from fcnviz.photos import rgb
from fcnviz.photos.decode import MAX_BYTES, MAX_PIXELS, ImageError, Source, decode, plain_errors, read_bytes
from fcnviz.photos.masks import BinaryMaskError, Mask, open_mask, read_mask

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "BinaryMaskError",
    "ImageError",
    "Mask",
    "Opened",
    "Source",
    "fit",
    "fit_labels",
    "open_image",
    "open_mask",
    "read_mask",
    "read_photo",
    "resize_labels",
]

#: Formats that are tried, by Pillow's names; the JPEG reader also reads MPO, which phones write.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo, read.

    Attributes:
        image: RGB, upright.
        notes: full sentences for the user on what the reader had to decide.
        orientation: EXIF orientation by which the image was turned upright; 1 if it was not turned.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()
    orientation: int = 1


def open_image(source: Source, *, max_bytes: int = MAX_BYTES) -> Image.Image:
    """Read a photo as an upright RGB image: the image of `read_photo`, without its notes."""
    return read_photo(source, max_bytes=max_bytes).image


def read_photo(source: Source, *, max_bytes: int = MAX_BYTES) -> Opened:
    """Read a photo as an upright RGB image.

    Transparent pixels are put on white (on grey, if all that is to be seen is white), an ICC profile is
    converted to sRGB, deep images are scaled to 8 bits, and only the first frame of an animation is read.

    Args:
        source: the file's bytes, its path, or a binary file object, which is read from where it stands.
        max_bytes: largest file that is read.

    Returns:
        RGB image, at most `MAX_PIXELS` pixels, turned upright by its EXIF orientation; with notes.

    Raises:
        ImageError: the file is missing, too big, damaged, or not in one of `FORMATS`.
        TypeError: `source` is something else.
    """
    data = read_bytes(source, max_bytes)
    with plain_errors():
        image = decode(data, FORMATS)
        orientation = rgb.orientation(image)
        photo, notes = rgb.to_rgb(image, data)
        del image  # frees its pixels and its reader's data before the turn needs memory
        photo.getexif()[ExifTags.Base.Orientation] = orientation
        ImageOps.exif_transpose(photo, in_place=True)
        return Opened(photo, notes, orientation if orientation in range(2, 9) else 1)


#: Longest side in px of a photo on screen; networks may be given less, and scores are interpolated to it.
SCREEN = 640


def fit(image: Image.Image, longest: int) -> Image.Image:
    """Scale an image down so that its longest side is at most `longest` pixels; never up.

    Args:
        image: any image.
        longest: longest side in pixels, at least 1.

    Returns:
        the scaled image with the same aspect and each side at least 1, or `image` itself if it already fits.

    Raises:
        ValueError: `longest` is below 1.

    >>> fit(Image.new("RGB", (400, 300)), 100).size
    (100, 75)
    """
    size = _fitted(image.size, longest)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def fit_labels(labels: np.ndarray, longest: int) -> np.ndarray:
    """Reduce an (H, W) uint8 label map as `fit` reduces its photo, by nearest neighbour."""
    height, width = labels.shape
    return resize_labels(labels, _fitted((width, height), longest))


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an (H, W) uint8 label map to (width, height) by nearest neighbour: labels are never mixed."""
    return np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    if longest < 1:
        raise ValueError(f"longest must be at least 1 pixel, got {longest}")
    scale = longest / max(size)
    if scale >= 1:
        return size
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
