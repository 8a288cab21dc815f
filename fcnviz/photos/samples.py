"""Five sample photos from installed packages, and this project's ground truth for them.

No photo is copied into this project: `load` reads it from the installed package (four from scikit-image, one
from matplotlib), so that no network is needed. The labels are ours: polygons in `annotations.json`, with a
note on every decision, rasterised here as Pascal VOC does.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from fcnviz import files
from fcnviz.photos.images import fit
from fcnviz.photos.voc import CLASSES, VOID

ANNOTATIONS = Path(__file__).parent / "annotations.json"

#: Width of the void border over the photo's longest side: VOC draws about 5 px on photos of 500 px.
BORDER_WIDTH = 5 / 500


@dataclass(frozen=True)
class Sample:
    """One sample photo with its title, credit and licence.

    Attributes:
        name: key in `SAMPLES`.
        title: what the photo shows, in a few words.
        credit: who made it, and which package contains it.
        licence: what that package says about its use.
        note: what makes it interesting to segment.
        missed: classes of its truth of which every bundled network misses most (IU below 0.5).
    """

    name: str
    title: str
    credit: str
    licence: str
    note: str
    missed: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """The note, and what the networks fail on."""
        failure = (
            f" A failure: every network misses most of the {' and the '.join(self.missed)}."
            if self.missed
            else ""
        )
        return self.note + failure


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            name="cat",
            title="Chelsea the cat",
            credit="Stefan van der Walt; scikit-image, skimage.data.chelsea()",
            licence="CC0 by the photographer, no copyright restrictions",
            note="One object fills the frame; part of its outline is out of focus.",
        ),
        Sample(
            name="astronaut",
            title="Astronaut Eileen Collins",
            credit="NASA Great Images database; scikit-image, skimage.data.astronaut()",
            licence="Public domain, no known copyright restrictions",
            note="A person in a suit. The helmet is not worn and the shuttle is a model: both background.",
        ),
        Sample(
            name="motorbike",
            title="Motorbike in a garage",
            credit="Nesic et al., Middlebury College; scikit-image, skimage.data.stereo_motorcycle()",
            licence="scikit-image states none; Middlebury 2014 stereo benchmark (Scharstein et al. 2014)",
            note="Thin parts and clutter: forks, mirrors, a child's bicycle, a bottle on the shelf.",
            missed=("bicycle", "bottle"),
        ),
        Sample(
            name="coffee",
            title="Espresso on a table",
            credit="Rachel Michetti, Pikolo Espresso Bar; scikit-image, skimage.data.coffee()",
            licence="CC0 by the photographer, no copyright restrictions",
            note="VOC has no cup, so the truth is a diningtable with all that is on it.",
            missed=("background",),
        ),
        Sample(
            name="grace",
            title="Grace Hopper",
            credit="commons.wikimedia.org/wiki/File:Grace_Hopper.jpg; matplotlib, grace_hopper.jpg",
            licence="Public domain, says the matplotlib pull request that added it (#1599)",
            note="A person against a plain backdrop; the dark hat almost melts into the flag.",
        ),
    )
}

#: The photo that the app shows first: all scores rise from FCN-32s to 8s (`python -m fcnviz samples`).
DEFAULT = "motorbike"

#: Package and the photo's path inside it.
_FILES: dict[str, tuple[str, str]] = {
    "cat": ("skimage", "data/chelsea.png"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "motorbike": ("skimage", "data/motorcycle_left.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "grace": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}


def load(name: str) -> Image.Image:
    """Load a photo from the installed package.

    Args:
        name: a key of `SAMPLES`.

    Returns:
        RGB image at its native size.

    Raises:
        ValueError: there is no sample of that name.
        FileNotFoundError: the photo's package is not installed, or no longer contains it.

    >>> load("cat").size
    (451, 300)
    """
    with Image.open(_path(name)) as image:
        return image.convert("RGB")


def annotation(name: str, *, border: bool = True) -> np.ndarray:
    """Draw a sample's ground truth from its polygons.

    Args:
        name: a key of `SAMPLES`.
        border: whether pixels along outlines are void, as in VOC; without, objects end where they were drawn.

    Returns:
        (H, W) uint8 VOC labels at the photo's native size; `voc.VOID` along outlines and on difficult parts.

    Raises:
        ValueError: there is no sample of that name.
        FileNotFoundError: as in `load`.

    >>> labels = annotation("cat")
    >>> labels.shape, sorted(set(labels.ravel().tolist()))
    ((300, 451), [0, 8, 255])
    """
    with Image.open(_path(name)) as image:
        size = image.size
    entry = json.loads(ANNOTATIONS.read_text(encoding="utf-8"))["photos"][name]
    labels = _paint(size, entry["objects"])
    if border:
        labels[_border(labels, BORDER_WIDTH * max(size))] = VOID
    labels[_fill(size, entry["void"])] = VOID
    return labels


def small(side: int = 400) -> list[Image.Image]:
    """Load all photos, reduced to a longest side of `side` pixels, to try a network on."""
    return [fit(load(name), side) for name in SAMPLES]


def _path(name: str) -> Path:
    """Find the photo's file, without importing its package."""
    if name not in _FILES:
        raise ValueError(f"no sample photo is called {name!r}; choose one of {', '.join(SAMPLES)}")
    package, inside = _FILES[name]
    path = files.in_package(package, inside)
    if path is None:
        raise FileNotFoundError(
            f"the sample photo {name!r} is {inside} of the package {package}: not found here"
        )
    return path


def _paint(size: tuple[int, int], objects: list[dict[str, Any]]) -> np.ndarray:
    """Draw (H, W) uint8 labels without void: objects in order, later ones over earlier ones."""
    labels = np.zeros(size[::-1], np.uint8)
    for thing in objects:
        labels[_fill(size, thing["outlines"]) & ~_fill(size, thing["holes"])] = CLASSES.index(thing["class"])
    return labels


def _fill(size: tuple[int, int], polygons: list[list[list[int]]]) -> np.ndarray:
    """Fill the union of polygons, (H, W) bool; `size` is (width, height), as in PIL."""
    canvas = Image.new("1", size)
    draw = ImageDraw.Draw(canvas)
    for polygon in polygons:
        draw.polygon([(x, y) for x, y in polygon], fill=1)
    return np.array(canvas)


def _border(labels: np.ndarray, width: float) -> np.ndarray:
    """Mark a ring `width` px wide along every outline, (H, W) bool, but not along the photo's edge."""
    from skimage.morphology import isotropic_dilation  # here, not above: they take a second
    from skimage.segmentation import find_boundaries

    outline = find_boundaries(labels, mode="inner")  # the outermost pixels of each object
    return isotropic_dilation(outline, radius=width / 2)
