"""Two tiny label grids, truth and prediction, to follow the metrics pixel by pixel."""

from dataclasses import dataclass

import numpy as np

from fcnviz import metrics
from fcnviz.photos.voc import CLASSES, VOID

SIDE = 8
#: The labels of the sandbox: background and two classes of VOC.
LABELS = (CLASSES.index("background"), CLASSES.index("person"), CLASSES.index("bicycle"))
NAMES = tuple(CLASSES[label] for label in LABELS)
#: Characters of a grid, one per pixel, row by row; void occurs in the truth only.
LETTERS, VOID_LETTER = "012", "v"


@dataclass(frozen=True)
class Grids:
    """Truth and prediction, each `SIDE`² characters (see `LETTERS`)."""

    truth: str
    prediction: str

    @property
    def valid(self) -> bool:
        """Whether both have the right length and characters."""
        size = len(self.truth) == len(self.prediction) == SIDE**2
        return size and set(self.truth) <= {*LETTERS, VOID_LETTER} and set(self.prediction) <= {*LETTERS}

    def confusion(self, pixels: int = SIDE**2) -> np.ndarray:
        """Compute the confusion matrix, (3, 3), of the first `pixels` pixels in reading order."""
        return metrics.confusion(
            indices(self.prediction)[:pixels], indices(self.truth)[:pixels], len(LETTERS)
        )


def indices(grid: str) -> np.ndarray:
    """Turn a grid into labels, (SIDE²,) uint8: 0 to 2 and `VOID`."""
    return np.array([VOID if c == VOID_LETTER else LETTERS.index(c) for c in grid], np.uint8)


def _grid(picture: str) -> str:
    return "".join(picture.split()).replace(".", "0")


_TRUTH = _grid("........ ..11.... ..111... .1111... .1111... ...11.2. ......2. ........")
_SQUARE = _grid("........ ........ ..1111.. ..1111.. ..1111.. ..1111.. ........ ........")
_BESIDE = _grid("........ ........ ...1111. ...1111. ...1111. ...1111. ........ ........")
_RINGED = _grid("........ .vvvvvv. .v1111v. .v1111v. .v1111v. .v1111v. .vvvvvv. ........")
_SWOLLEN = _grid("........ .111111. .111111. .111111. .111111. .111111. .111111. ........")

#: Presets by name: the grids, and what to see in them.
PRESETS: dict[str, tuple[Grids, str]] = {
    "All background": (
        Grids(_TRUTH, "0" * SIDE**2),
        "The prediction finds nothing. Most pixels are background, so most are right: pixel accuracy "
        "flatters it, and mean IU, where each class counts the same, does not.",
    ),
    "One pixel off": (
        Grids(_SQUARE, _BESIDE),
        "The right shape, one pixel to the right. IU counts the error twice: missed on one side, false on "
        "the other.",
    ),
    "Class never predicted": (
        Grids(_TRUTH, _TRUTH.replace("2", "1")),
        "The small bicycle is called person. Pixel accuracy hardly notices; mean IU loses more than a third.",
    ),
    "False alarm": (
        Grids(_SQUARE, _SQUARE[:-2] + "22"),
        "The prediction has a class that the truth has not. It has an IU, of 0, but no accuracy: there is "
        "nothing to find.",
    ),
    "Void border": (
        Grids(_RINGED, _SWOLLEN),
        "Pixels marked void (255) are ignored: VOC leaves outlines open, and this prediction, swollen "
        "by one pixel, is perfect.",
    ),
    "Perfect": (Grids(_TRUTH, _TRUTH), "Everything right: all four are 1."),
}
