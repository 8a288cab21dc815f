"""From a decoded image of any mode to 8-bit RGB, one strip at a time, and what had to be decided on the way.

Values of more than 8 bits are scaled by the first usual depth that holds them all: data of 10 or 12 bits in a
file of 16 would be nearly black otherwise. A picture that uses all 16 bits but is very dark is brightened
too; its user is told, and nothing in it is lost.
"""

import sys
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

from fcnviz.photos.decode import DAMAGED, ImageError, opened, strips

Colour = tuple[int, int, int]
Levels = tuple[float, float]
Box = tuple[int, int, int, int]

_WHITE, _GREY = (255, 255, 255), (128, 128, 128)
_DEPTHS = (8, 10, 12, 14, 16)  # bits per value of cameras, microscopes and scanners
_MAX_EXIF = 2**16  # bytes of EXIF that are read: the size of one JPEG segment


def to_rgb(image: Image.Image, data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert a decoded image to opaque RGB in sRGB.

    Args:
        image: any mode; it may be changed.
        data: the file that it comes from.

    Returns:
        the image, RGB, and full sentences for the user on what had to be decided.
    """
    deep = _scale_deep_colours(image, data)
    levels, scaled = _levels(image)
    pixel = image.crop((0, 0, 1, 1))
    ground, laid = _ground(image) if pixel.has_transparency_data and not levels else (_WHITE, ())
    to_srgb = _profile_transform(image, _flat(pixel, levels, ground).mode)
    rgb = Image.new("RGB", image.size)
    for box in strips(image.size):
        strip = _flat(image.crop(box), levels, ground)
        rgb.paste(to_srgb.apply(strip) if to_srgb else strip.convert("RGB"), box)
    return rgb, deep + scaled + laid


def orientation(image: Image.Image) -> int:
    """Read the EXIF orientation of a decoded image; 1 (upright) if there is none.

    Only the first 64 KB of EXIF are parsed, because Pillow unpacks all of it into Python objects. Pillow's
    TIFF reader has already turned the image and removed the orientation.
    """
    for key in ("exif", "Raw profile type exif"):
        if key in image.info:
            image.info[key] = image.info[key][:_MAX_EXIF]
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 (damaged EXIF raises almost anything; the photo is shown all the same)
        return 1


def _flat(strip: Image.Image, levels: Levels | None, ground: Colour) -> Image.Image:
    """Convert to 8 bits per channel and opaque: mode L, CMYK or RGB."""
    if levels:
        return Image.fromarray(_to_8_bits(np.asarray(strip), levels))
    if strip.has_transparency_data:
        return _laid(strip, ground)
    return strip if strip.mode in ("L", "CMYK", "RGB") else strip.convert("RGB")


def _profile_transform(image: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform from the image's ICC profile to sRGB; None without a profile valid for `mode`."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    try:
        return ImageCms.buildTransform(BytesIO(profile), ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # noqa: BLE001 (a damaged profile raises more than PyCMSError; the photo is shown)
        return None


# Transparency


def _rgba(strip: Image.Image) -> Image.Image:
    strip = strip.convert("LA") if strip.mode == "La" else strip  # Pillow cannot convert La to RGBA
    return strip.convert("RGBA")


def _laid(strip: Image.Image, ground: Colour) -> Image.Image:
    under = Image.new("RGBA", strip.size, (*ground, 255))
    return Image.alpha_composite(under, _rgba(strip)).convert("RGB")


def _ground(image: Image.Image) -> tuple[Colour, tuple[str, ...]]:
    """Choose what a picture with transparency is laid on: white, but grey if white would swallow it."""
    dark, clearest, most = 0, 255, 0
    for box in strips(image.size):
        strip = _rgba(image.crop(box))
        dark += int((np.asarray(_laid(strip, _WHITE)).min(-1) < 245).sum())
        if 1000 * dark > image.width * image.height:
            return _WHITE, ()
        alpha = np.asarray(strip)[..., 3]
        clearest, most = min(clearest, int(alpha.min())), max(most, int(alpha.max()))
    if most == 0:
        return _WHITE, ("The picture is transparent everywhere, so nothing but white is left of it.",)
    if most - clearest < 32:
        return _WHITE, ()
    return _GREY, ("The picture is white where it is not transparent, so it was laid on grey, not on white.",)


# More than 8 bits


def _levels(image: Image.Image) -> tuple[Levels | None, tuple[str, ...]]:
    """Return the values that become black and white, for modes of one channel of more than 8 bits.

    These are 0 and the first usual scale that contains all values: 1 (floats only), or the largest of 8, 10,
    12, 14 or 16 bits; otherwise the image's own smallest and largest value.
    """
    if not image.mode.startswith("I;16") and image.mode not in ("I", "F"):
        return None, ()
    low, high = _finite_range(image)
    if low < 0 or high > 65535:
        told = f"The values go from {low:.6g} to {high:.6g}: these two were made black and white."
        return (low, high), (told,)
    if image.mode == "F" and high <= 1:
        return (0, 1), ()
    bits = _depth(high)
    return (0, 2**bits - 1), _told(16 if image.mode.startswith("I;16") else 32, bits, high)


def _depth(high: float) -> int:
    return next(bits for bits in _DEPTHS if high < 2**bits)


def _told(stored: int, bits: int, high: float) -> tuple[str, ...]:
    if bits == 16 or high <= 0:
        return ()
    return (
        f"The file has {stored} bits per value, but no value is above {high:,.6g}: "
        f"it was read as {bits}-bit data, where {2**bits - 1:,} is white.",
    )


def _finite_range(image: Image.Image) -> tuple[float, float]:
    low, high = np.inf, -np.inf  # without any finite value these fit the scale 0 to 1
    for box in strips(image.size):
        values = np.asarray(image.crop(box), np.float64)
        finite = values[np.isfinite(values)]
        low, high = finite.min(initial=low), finite.max(initial=high)
    return float(low), float(high)


def _to_8_bits(values: np.ndarray, levels: Levels) -> np.ndarray:
    low, high = levels
    scaled = (values.astype(np.float64) - low) * (255 / ((high - low) or 1))
    return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).round().astype(np.uint8)


# 16 bits per colour. Pillow keeps the high byte of each value only; the low bytes are read anew, by telling
# Pillow that the file has the other byte order.


def _scale_deep_colours(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """Scale colours of 16 bits in place, if they use 14 or fewer."""
    if not _is_deep(image, data):
        return ()
    if _is_planar(image) and _tag(image, ExifTags.Base.Compression) == 1:
        raise ImageError(DAMAGED)  # Pillow takes each byte of these for a value
    if max(_colours(image, box).max() for box in strips(image.size)) >= 2**6:
        return ()
    low = _low_bytes(image, data)
    high = max(int(_deep(image, low, box).max()) for box in strips(image.size))
    bits = _depth(high)
    for box in strips(image.size):
        pixels = np.array(image.crop(box))
        pixels[..., :3] = _to_8_bits(_deep(image, low, box), (0, 2**bits - 1))
        image.paste(Image.fromarray(pixels), box)
    return _told(16, bits, high)


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Tell whether the file has 16 bits per colour."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if image.format == "PNG":
        return data[24] == 16  # from the header
    return 16 in (_tag(image, ExifTags.Base.BitsPerSample) or ())


def _tag(image: Image.Image, tag: int) -> Any:
    """Return a tag of a TIFF; None for other images."""
    return getattr(image, "tag_v2", {}).get(tag)


def _is_planar(image: Image.Image) -> bool:
    """Tell whether a TIFF holds one colour after the other."""
    return _tag(image, ExifTags.Base.PlanarConfiguration) == 2


def _low_bytes(image: Image.Image, data: bytes) -> Image.Image:
    again: Any = opened(data, (str(image.format),))
    if _is_planar(again):
        raise ImageError(DAMAGED)
    again.tile = [tile._replace(args=_other_order(tile.args)) for tile in again.tile]
    again.load()
    if data[25:26] == b"\4" and image.format == "PNG":  # grey with alpha: both bytes of both, as RGBA
        return Image.merge("RGB", [again.getchannel("G")] * 3)
    return again


def _other_order(args: tuple | str) -> tuple | str:
    """Change the byte order in a tile's raw mode, e.g. "RGB;16B" (big endian) to "RGB;16L"."""
    if isinstance(args, tuple):
        return (_other_order(args[0]), *args[1:])
    mode, there, order = args.partition(";16")
    if mode == "LA":
        return "RGBA"
    if not there or mode not in ("RGB", "RGBA"):
        raise ImageError(DAMAGED)
    native = "L" if sys.byteorder == "little" else "B"
    return f"{mode};16{'B' if order.replace('N', native) == 'L' else 'L'}"


def _deep(high: Image.Image, low: Image.Image, box: Box) -> np.ndarray:
    """Join both bytes of a strip's colours, (rows, W, 3) uint16."""
    return _colours(high, box).astype(np.uint16) << 8 | _colours(low, box)


def _colours(image: Image.Image, box: Box) -> np.ndarray:
    return np.asarray(image.crop(box))[..., :3]
