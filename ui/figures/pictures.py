"""Where pictures lie on the photo's plane, and pictures as data URIs.

The plane counts pixels of the photo. Centres of pixels are integers, so W pixels span −0.5 … W − 0.5.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """A part of the photo's plane, in pixels of the photo: pixel i spans i − 0.5 … i + 0.5."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels of the photo."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels of the photo."""
        return self.bottom - self.top

    @classmethod
    def of(cls, size: tuple[int, int]) -> Extent:
        """Return the extent of a whole photo of (width, height) pixels."""
        return cls(-0.5, -0.5, size[0] - 0.5, size[1] - 0.5)

    @classmethod
    def cells(
        cls, shape: tuple[int, ...], start: tuple[float, float] = (0.0, 0.0), step: float = 1.0
    ) -> Extent:
        """Return the extent of a map of (rows, columns) cells.

        Args:
            shape: (rows, columns).
            start: (x, y) of the centre of cell 0.
            step: The distance between cells.
        """
        left, top = (v - step / 2 for v in start)
        return cls(left, top, left + step * shape[1], top + step * shape[0])

    @classmethod
    def around(cls, *boxes: Extent) -> Extent:
        """Return the smallest extent that contains all of these."""
        return cls(
            min(b.left for b in boxes),
            min(b.top for b in boxes),
            max(b.right for b in boxes),
            max(b.bottom for b in boxes),
        )


#: How encoded pictures begin.
_KINDS = {b"\x89PNG": "png", b"RIFF": "webp", b"\xff\xd8": "jpeg"}


def data_uri(image: bytes) -> str:
    """Write an encoded picture (PNG, JPEG or WebP) as a data URI.

    Raises:
        StopIteration: the bytes are no picture.
    """
    kind = next(kind for first, kind in _KINDS.items() if image.startswith(first))
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
