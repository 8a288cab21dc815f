"""Pictures of label maps and score maps: arrays in, uint8 arrays or PNG bytes out.

A label map is (H, W) integers, a class index at each pixel or 255 for void; a palette is (256, 3) uint8 RGB;
a photo is (H, W, 3) uint8 RGB. Layers are PNGs in palette mode: their pixels are the class indices, so they
are small and exact, and the browser draws them over the photo at any opacity.
"""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fcnviz.photos import voc

#: Twenty colours for classes 1..20 that colour-blind eyes can tell apart too. The six classes that VOC shows
#: most around people (person, cat, dog, car, motorbike, diningtable) have colours of Okabe & Ito's palette.
#: The other fourteen were found by a search (greedy replacement, random kicks, refinement) that maximises the
#: smallest CIEDE2000 difference between classes, and to black, void and white, in normal vision and in
#: Machado et al.'s (2009) full protan-, deuter- and tritanopia. In normal vision pairs had to be 1.8 times as
#: far apart (1.2 times if one is of the six). Lightness stayed in 40..90 and chroma above 20, so that tints
#: show on photos. Last, the fourteen were assigned so that classes that are often confused or seen together
#: (cow and sheep, chair and sofa, bus and train) differ most.
#: Smallest difference: 16.2 normal, 8.8 colour-blind, 10.3 for the six. VOC's own colours: 4.5 and 0.7.
COLOUR_BLIND_SAFE: tuple[str, ...] = (
    "#C7B691", "#2E685C", "#9B4059", "#C9009B", "#E4A61F",  # aeroplane, bicycle, bird, boat, bottle
    "#5E6231", "#56B4E9", "#D55E00", "#8F75FF", "#92744D",  # bus, car, cat, chair, cow
    "#009E73", "#0072B2", "#B4F399", "#CC79A7", "#F0E442",  # diningtable, dog, horse, motorbike, person
    "#C0010A", "#F8C4D1", "#00F7FF", "#92AA5D", "#6D5776",  # pottedplant, sheep, sofa, train, tvmonitor
)  # fmt: skip

#: Index of the outlines that `layer` can draw, and their colour. It is no class; VOC never uses it.
OUTLINE, OUTLINE_COLOUR = 254, (255, 255, 255)

#: Colour of a spotlight's outline, and of what changes.
SPOT_COLOUR = (255, 79, 216)

#: What a spotlight lays over the rest of the photo: its grey, and its opacity, 0..255.
REST_GREY, REST_ALPHA = (226, 229, 233), 222

#: Index of the true outline's light and dark dashes, and the length of a dash by the line's thickness.
TRUE_LIGHT, TRUE_DARK, DASH = 250, 249, 3

#: Grey of pixels without a value in a heatmap.
NO_VALUE = (128, 128, 128)

#: Index of pixels without a sure label. It is no class.
UNSURE = 253

#: Colour of pixels that flip to background, whose own black would not be visible.
FLIP_TO_BACKGROUND = (255, 255, 255)

#: What remains of the photo's brightness under flips: at most 102, darker than VOC's grey for car (128).
DIM = 0.4

#: Number of equal steps of a scale in a heatmap's file: 64 halve the file and look the same as 256.
LEVELS = 64

#: Colours of confidence, from 0 to 1.
CONFIDENCE_CMAP = "viridis"


def _colour_blind_safe() -> np.ndarray:
    """VOC's palette, (256, 3) uint8, with rows 1..20 replaced."""
    colours = voc.palette()
    colours[1:21] = [tuple(bytes.fromhex(colour[1:])) for colour in COLOUR_BLIND_SAFE]
    return colours


#: Palettes by the name that the app shows: (256, 3) uint8, row 0 black, row 255 the colour of void.
PALETTES: dict[str, np.ndarray] = {"VOC": voc.palette(), "Colour-blind safe": _colour_blind_safe()}


# Label maps


def colorize(labels: ArrayLike, palette: np.ndarray) -> np.ndarray:
    """Paint each pixel in the colour of its class.

    Returns:
        (H, W, 3) uint8.

    >>> colorize([[0, 15]], PALETTES["VOC"]).tolist()
    [[[0, 0, 0], [192, 128, 128]]]
    """
    return palette[_label_map(labels)]


def layer(
    labels: ArrayLike,
    palette: np.ndarray,
    *,
    keep: int | None = None,
    opaque: bool = False,
    outline: bool = False,
) -> bytes:
    """Encode labels as a PNG to lay over the photo; its pixels are exactly the class indices.

    Args:
        labels: (H, W) class indices.
        palette: (256, 3) uint8.
        keep: show this class alone; all others become transparent.
        opaque: show background too, in its own colour (ignored with `keep`).
        outline: draw the shown classes' inner edge white, as index `OUTLINE`: dark colours need it.

    Returns:
        A PNG in mode P; hidden classes are transparent, shown ones opaque.
    """
    labels = _label_map(labels)
    shown = np.arange(256) > 0 if keep is None else np.arange(256) == keep
    shown[0] |= opaque and keep is None
    if outline:
        palette = palette.copy()
        palette[OUTLINE] = OUTLINE_COLOUR
        labels = np.where(_edges(labels, keep), np.uint8(OUTLINE), labels)
        shown[OUTLINE] = True
    return _palette_png(labels, palette, alpha=shown * np.uint8(255))


def sure_layer(labels: ArrayLike, sure: np.ndarray, palette: np.ndarray) -> bytes:
    """Encode labels as a PNG to lay over the photo, with the unsure pixels grey.

    Args:
        labels: (H, W) class indices.
        sure: (H, W) bool.
        palette: (256, 3) uint8.

    Returns:
        A PNG in mode P as from `layer`; unsure pixels have the index `UNSURE`.
    """
    palette = palette.copy()
    palette[UNSURE] = NO_VALUE
    return layer(np.where(sure, _label_map(labels), np.uint8(UNSURE)), palette)


def label_png(labels: ArrayLike, palette: np.ndarray) -> bytes:
    """Encode labels as VOC stores annotations: a PNG in mode P with exact indices, void too, and opaque."""
    return _palette_png(_label_map(labels), palette)


def boundaries(labels: ArrayLike) -> np.ndarray:
    """Find the pixels that have another label to the left, to the right, above or below.

    Both sides of an edge are marked, so edges are 2 pixels thick and mirror images have mirrored edges. Void
    is never marked, but pixels next to void are, because an annotated object ends there.

    Args:
        labels: (H, W) class indices.

    Returns:
        (H, W) bool.

    >>> boundaries([[0, 0, 5, 5]]).tolist()
    [[False, True, True, False]]
    """
    labels = _label_map(labels)
    # skimage.segmentation.find_boundaries, and scipy.ndimage.binary_dilation for `_grow`, give equal results
    # but are 28 to 40 times slower
    edge = np.zeros(labels.shape, bool)
    below, beside = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= below
    edge[:-1] |= below
    edge[:, 1:] |= beside
    edge[:, :-1] |= beside
    return edge & (labels != voc.VOID)


def boundary_layer(labels: ArrayLike, palette: np.ndarray, *, keep: int | None = None) -> bytes:
    """Encode outlines as a PNG to lay over the photo: just inside each object, in the colour of its class.

    Args:
        labels: (H, W) class indices.
        palette: (256, 3) uint8.
        keep: outline this class alone (background has no outline of its own).

    Returns:
        A PNG in mode P as from `layer`, transparent but for lines that are 2 pixels thick at 500 pixels.
    """
    labels = _label_map(labels)
    return layer(np.where(_edges(labels, keep), labels, 0), palette)


def spotlight(labels: ArrayLike, *, keep: int | None = None) -> tuple[bytes, bytes]:
    """Encode a spotlight to lay over the photo: grey over the rest, an outline around each object.

    Args:
        labels: (H, W) class indices.
        keep: leave this class alone uncovered.

    Returns:
        Two PNGs in mode P: the spotlight, in which what is segmented is transparent, so that the photo shows
        there as it is; and its outlines alone, transparent elsewhere.
    """
    labels = _label_map(labels)
    shown, edges = _shown(labels, keep), _edges(labels, keep)
    indices = (~shown).view(np.uint8) + 2 * edges.view(np.uint8)  # edges are shown
    palette = np.array([(0, 0, 0), REST_GREY, SPOT_COLOUR], np.uint8)
    alpha = np.array([0, REST_ALPHA, 255], np.uint8)
    return _palette_png(indices, palette, alpha, **_RUNS), _mask_png(edges.view(np.uint8))


def true_outline(labels: ArrayLike, *, keep: int | None = None, thick: int = 2) -> bytes:
    """Encode the outline of the ground truth as a PNG to lay over a result: dashes of white and black.

    Args:
        labels: (H, W) class indices; void has no outline of its own.
        keep: outline this class alone.
        thick: thickness of the line in px, an even number.

    Returns:
        A PNG in mode P, transparent but for the line.
    """
    labels = _label_map(labels)
    row, column = np.ogrid[: labels.shape[0], : labels.shape[1]]
    dashes = np.where((row + column) // (DASH * thick) % 2, np.uint8(TRUE_LIGHT), np.uint8(TRUE_DARK))
    palette, alpha = np.zeros((256, 3), np.uint8), np.zeros(256, np.uint8)
    palette[TRUE_LIGHT] = 255
    alpha[[TRUE_LIGHT, TRUE_DARK]] = 255
    line = boundaries(labels if keep is None else labels == keep)
    for _ in range(thick // 2 - 1):
        line = _grow(line)
    return _palette_png(np.where(line, dashes, np.uint8(0)), palette, alpha)


def change_layer(before: ArrayLike, after: ArrayLike) -> bytes:
    """Encode the pixels that change their label as a PNG in mode P: `SPOT_COLOUR`, transparent elsewhere."""
    before = _label_map(before)
    flipped = _flipped(before, _label_map(after, like=before)).astype(np.uint8)
    return _mask_png(flipped)


#: Most pixels along a side of what `label_spots` looks at: of a larger map it takes every second, third, …
_SPOT_SIDE = 320


def label_spots(labels: ArrayLike, least: float = 0.005) -> dict[int, tuple[int, int]]:
    """Find where to write each class's name: the middle of the largest square within the class.

    Args:
        labels: (H, W) class indices.
        least: share of the pixels below which a class gets no name.

    Returns:
        (x, y) by class, the largest first, without background and void.

    >>> label_spots(np.pad(np.full((3, 3), 8), 2))
    {8: (3, 3)}
    """
    from scipy.ndimage import distance_transform_cdt  # here, not above: it takes a while

    labels = _label_map(labels)
    step = max(1, -(-max(labels.shape) // _SPOT_SIDE))
    labels = labels[::step, ::step]
    counts = np.bincount(labels.ravel(), minlength=256) / max(labels.size, 1)
    counts[[0, voc.VOID]] = 0
    places = {}
    for found in (c for c in np.argsort(-counts, kind="stable") if counts[c] > least):
        mask = labels == found
        (top, bottom), (left, right) = (np.flatnonzero(mask.any(axis))[[0, -1]] for axis in (1, 0))
        part = np.pad(mask[top : bottom + 1, left : right + 1], 1)
        depth = np.asarray(distance_transform_cdt(part, "chessboard"))  # a seventh of Euclid's time
        row, column = divmod(int(depth[1:-1, 1:-1].argmax()), depth.shape[1] - 2)
        places[int(found)] = (step * (int(left) + column), step * (int(top) + row))
    return places


def overlay(
    image: np.ndarray, labels: ArrayLike, palette: np.ndarray, opacity: float, keep: int | None = None
) -> np.ndarray:
    """Tint the photo with the colours of its classes; background stays untouched.

    Args:
        image: (H, W, 3) uint8 photo.
        labels: (H, W) class indices.
        palette: (256, 3) uint8.
        opacity: 0 (photo) to 1 (colours).
        keep: tint this class alone.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: opacity is outside 0..1, or the labels do not fit the photo.
    """
    labels = _label_map(labels, like=image)
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be from 0 to 1, not {opacity}.")
    tinted = labels != 0 if keep is None else labels == keep
    result = image.copy()
    result[tinted] = np.rint((1 - opacity) * image[tinted] + opacity * palette[labels[tinted]])
    return result


def shares(labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Share of the pixels of each class; void pixels are ignored.

    Args:
        labels: (H, W) class indices.
        num_classes: C, background included.

    Returns:
        (C,) float64 that sums to 1; zeros if every pixel is void.

    Raises:
        ValueError: a label is neither a class nor void.

    >>> shares([[0, 0, 2, 255]], 3).round(2).tolist()
    [0.67, 0.0, 0.33]
    """
    labels = _label_map(labels)
    counts = np.bincount(labels.ravel(), minlength=num_classes)[: voc.VOID]
    if counts[num_classes:].any():
        last = int(np.flatnonzero(counts)[-1])
        raise ValueError(f"class {last} in the labels is outside 0 to {num_classes - 1}.")
    counts = counts[:num_classes]
    return counts / max(counts.sum(), 1)


# Two or more label maps


def flips(image: np.ndarray, before: ArrayLike, after: ArrayLike, palette: np.ndarray) -> bytes:
    """Encode which pixels change their label, in the colour of the new one, on a grey and dimmed photo.

    Pixels that become background are white (`FLIP_TO_BACKGROUND`). Void pixels do not flip.

    Args:
        image: (H, W, 3) uint8 photo.
        before: (H, W) class indices.
        after: (H, W) class indices.
        palette: (256, 3) uint8; classes up to 152.

    Returns:
        An opaque PNG in mode P.

    Raises:
        ValueError: the labels do not fit the photo.
    """
    before, after = _label_map(before, like=image), _label_map(after, like=image)
    levels = np.rint(DIM * np.arange(256)).astype(np.uint8)  # of grey, 0…102: below the classes' indices
    first = int(levels[-1]) + 1
    grey = levels[np.asarray(Image.fromarray(image).convert("L"))]
    indices = np.where(_flipped(before, after), after + np.uint8(first), grey)
    shown = np.concatenate([np.arange(first).repeat(3).reshape(-1, 3), [FLIP_TO_BACKGROUND], palette[1:]])
    return _palette_png(indices, shown[:256].astype(np.uint8), compress_level=3)


def flipped_share(before: ArrayLike, after: ArrayLike) -> float:
    """Share of the pixels that change their label, 0..1; pixels that are void in either map are ignored.

    >>> flipped_share([[0, 0, 8, 8]], [[0, 8, 8, 255]])
    0.3333333333333333
    """
    before = _label_map(before)
    after = _label_map(after, like=before)
    counted = (before != voc.VOID) & (after != voc.VOID)
    return float(_flipped(before, after).sum() / max(counted.sum(), 1))


def disagreement_window(
    label_maps: Sequence[np.ndarray], fraction: float = 0.25
) -> tuple[int, int, int, int]:
    """Find the window in which label maps disagree at the most pixels.

    Of equally good windows, the one nearest to the mean position of all disagreeing pixels is taken, then the
    first by row and column. Maps that agree everywhere give the central window.

    Args:
        label_maps: one or more (H, W) arrays of the same size.
        fraction: side of the window as a fraction of the image's side, on both axes.

    Returns:
        (top, left, height, width) in pixels; sides are at least 8 pixels, and at most the image's.

    Raises:
        ValueError: no maps, or maps of different sizes.
    """
    maps = np.stack(label_maps)
    differ = (maps[1:] != maps[0]).any(0)  # (H, W)
    height, width = (min(side, max(8, round(side * fraction))) for side in differ.shape)
    total = differ.cumsum(0, np.int32).cumsum(1, np.int32)
    total = np.pad(total, ((1, 0), (1, 0)))  # total[y, x] = differ[:y, :x].sum()
    inside = total[height:] - total[:-height]
    inside = inside[:, width:] - inside[:, :-width]  # inside[top, left] = disagreement in that window
    where = np.argwhere(differ if differ.any() else ~differ).mean(0)
    tops, lefts = np.nonzero(inside == inside.max())
    distance = np.hypot(tops + (height - 1) / 2 - where[0], lefts + (width - 1) / 2 - where[1])
    best = int(distance.argmin())
    return int(tops[best]), int(lefts[best]), height, width


def most_disputed(label_maps: Sequence[np.ndarray], fraction: float = 0.125) -> tuple[int, int] | None:
    """Find the pixel that label maps disagree about most: in the window with the most such pixels.

    In that window (see `disagreement_window`) it is one with the most different labels, and of these the
    nearest to the window's centre.

    Args:
        label_maps: one or more (H, W) arrays of the same size.
        fraction: side of the window as a fraction of the image's side, on both axes.

    Returns:
        its (x, y); None if the maps agree everywhere.

    >>> most_disputed([np.array([[0, 0, 0, 8]]), np.array([[0, 0, 15, 8]])])
    (2, 0)
    """
    top, left, height, width = disagreement_window(label_maps, fraction)
    maps = np.sort(np.stack(label_maps)[:, top : top + height, left : left + width], 0)
    different = (maps[1:] != maps[:-1]).sum(0)  # (height, width), different labels less one
    if not different.any():
        return None
    rows, columns = np.indices(different.shape)
    distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    y, x = divmod(int(np.where(different == different.max(), distance, np.inf).argmin()), width)
    return left + x, top + y


# Score maps and other numbers


@dataclass(frozen=True)
class Scale:
    """A range of numbers and its colours; pictures that are compared share one scale.

    Attributes:
        low: value of the first colour.
        high: value of the last colour.
        cmap: name of a matplotlib colormap.
    """

    low: float
    high: float
    cmap: str = "viridis"

    @classmethod
    def over(cls, *arrays: ArrayLike) -> Scale:
        """A scale from the smallest to the largest value of all arrays.

        >>> Scale.over([1, 2], [[5]])
        Scale(low=1.0, high=5.0, cmap='viridis')
        """
        low = min(float(np.min(a)) for a in arrays)
        return cls(low, max(float(np.max(a)) for a in arrays))

    @classmethod
    def diverging(cls, *arrays: ArrayLike) -> Scale:
        """A scale that is symmetric about zero: blue below, white at zero, red above.

        >>> Scale.diverging([1, -3])
        Scale(low=-3.0, high=3.0, cmap='RdBu_r')
        """
        largest = max(float(np.abs(a).max()) for a in arrays)
        return cls(-largest, largest, "RdBu_r")


def heatmap_png(values: ArrayLike, scale: Scale, levels: int = LEVELS) -> bytes:
    """Encode numbers as colours in a small file: an opaque PNG in mode P.

    Args:
        values: (H, W) float without NaN; what is outside the scale is clipped.
        scale: the colours; draw their legend with `colorbar`.
        levels: number of equal steps of the scale, at most 256.
    """
    image = Image.fromarray(_level(np.asarray(values, np.float32), scale, levels))
    image.putpalette(colours(scale.cmap, levels).tobytes())
    return _encode(image, "PNG", compress_level=3)  # 6 takes 2.5 times as long for a fifth of the size


def heatmap(values: ArrayLike, scale: Scale) -> np.ndarray:
    """Paint numbers as colours.

    Args:
        values: (H, W) float; what is outside the scale is clipped, and NaN becomes grey (`NO_VALUE`).
        scale: the colours.

    Returns:
        (H, W, 3) uint8.
    """
    values = np.asarray(values, np.float64)
    missing = np.isnan(values)
    result = colours(scale.cmap, 256)[_level(np.where(missing, scale.low, values), scale, 256)]
    result[missing] = NO_VALUE
    return result


def colorbar(cmap: str, width: int, height: int) -> np.ndarray:
    """The colours of a colormap as a horizontal bar, lowest on the left.

    Returns:
        (height, width, 3) uint8.
    """
    return np.tile(colours(cmap, 256)[np.arange(width) * 256 // width], (height, 1, 1))


def nearest(array: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge a coarse grid, (H, W, …), into flat squares of scale × scale pixels.

    >>> nearest(np.array([[1, 2]]), 2).tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    return array.repeat(scale, axis=0).repeat(scale, axis=1)


# Files


def to_png(array: np.ndarray) -> bytes:
    """Encode (H, W), (H, W, 3) or (H, W, 4) uint8 as a PNG."""
    # (H, W, 3) are mostly photos: less compression is four times as fast
    options = {"compress_level": 3} if array.shape[2:] == (3,) else {"optimize": True}
    return _encode(Image.fromarray(array), "PNG", **options)


def to_webp(array: np.ndarray, quality: int = 80) -> bytes:
    """Encode (H, W, 3) or (H, W, 4) uint8 as a lossy WebP of a quality from 0 to 100."""
    return _encode(Image.fromarray(array), "WEBP", quality=quality, method=1)  # 4 takes three times as long


def to_jpeg(array: np.ndarray, quality: int = 85) -> bytes:
    """Encode (H, W, 3) uint8 as a JPEG of a quality from 0 to 100, in a tenth of the time of a WebP."""
    return _encode(Image.fromarray(array), "JPEG", quality=quality)


def _encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """What `image.save` writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _mask_png(mask: np.ndarray) -> bytes:
    """A mask, (H, W) uint8 of 0 and 1, as a PNG in mode P: `SPOT_COLOUR`, transparent elsewhere."""
    colours, alpha = np.array([(0, 0, 0), SPOT_COLOUR], np.uint8), np.array([0, 255], np.uint8)
    return _palette_png(mask, colours, alpha, **_RUNS)


#: How a PNG in mode P is compressed where it has large areas of one index: in a third of the time, no larger.
_RUNS = {"compress_level": 6, "compress_type": zlib.Z_RLE}


def _palette_png(
    indices: np.ndarray, palette: np.ndarray, alpha: np.ndarray | None = None, **how: object
) -> bytes:
    """Indices, (H, W) uint8, as a PNG in mode P; palette and alpha, (256,), are cut to what is used."""
    used = int(indices.max(initial=0)) + 1
    image = Image.fromarray(indices)
    image.putpalette(palette[:used].tobytes())
    if alpha is not None:
        how["transparency"] = alpha[:used].tobytes()
    return _encode(image, "PNG", **{"compress_level": 6, **how})  # `optimize` takes four times as long


def _label_map(labels: ArrayLike, like: np.ndarray | None = None) -> np.ndarray:
    """Check that labels are (H, W) integers in 0..255 and of `like`'s size; return them as uint8."""
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise ValueError(f"labels must be (H, W) integers, not {labels.shape} {labels.dtype}.")
    if like is not None and labels.shape != like.shape[:2]:
        raise ValueError(f"labels are {labels.shape} but should be {like.shape[:2]}: the sizes must match.")
    if labels.size and not 0 <= labels.min() <= labels.max() <= 255:
        raise ValueError(f"labels must be from 0 to 255, not {labels.min()} to {labels.max()}.")
    return labels.astype(np.uint8, copy=False)


def _flipped(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W) bool: the labels differ and neither is void."""
    return (before != after) & (before != voc.VOID) & (after != voc.VOID)


def _edges(labels: np.ndarray, keep: int | None) -> np.ndarray:
    """(H, W) bool: the inner edge of each object, or of one class; 2 pixels thick at 500 pixels."""
    line = boundaries(labels)
    for _ in range(round(2 * max(labels.shape) / 500) - 1):
        line = _grow(line)
    return line & _shown(labels, keep)


def _shown(labels: np.ndarray, keep: int | None) -> np.ndarray:
    """(H, W) bool: the pixels of any class but background, or of one class; never void."""
    return (labels != 0 if keep is None else labels == keep) & (labels != voc.VOID)


def _grow(mask: np.ndarray) -> np.ndarray:
    """The mask, (H, W) bool, and the pixels to the left and right of it, above and below."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def _level(values: np.ndarray, scale: Scale, levels: int) -> np.ndarray:
    """Index, uint8, of the step of the scale that each value is in; there are at most 256 equal steps."""
    fraction = (values.clip(scale.low, scale.high) - scale.low) / ((scale.high - scale.low) or 1.0)
    return np.minimum(fraction * levels, levels - 1).astype(np.uint8)


@functools.cache
def colours(cmap: str, levels: int) -> np.ndarray:
    """(levels, 3) uint8, read-only: a matplotlib colormap from its first colour to its last."""
    from matplotlib import colormaps  # here, not above: the first page needs none, and it takes a while

    found = colormaps[cmap](np.linspace(0, 1, levels), bytes=True)[:, :3]
    found.setflags(write=False)
    return found
