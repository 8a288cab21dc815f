"""The outline of a label map as lines that the browser draws, as thick at any size of the picture."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from fcnviz.photos import voc

_Corner = tuple[int, int]  # (row, column), counted in pixels from the upper left corner

#: Two lines over each other, in CSS px: a black one, and shorter dashes of white on it.
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" preserveAspectRatio="none">
<g fill="none" stroke-linejoin="round"><path d="{path}" stroke="#000" stroke-width="2.5"
vector-effect="non-scaling-stroke"/><path d="{path}" stroke="#fff" stroke-width="1.5" stroke-dasharray="5 4"
vector-effect="non-scaling-stroke"/></g></svg>"""


def outline_uri(labels: np.ndarray, keep: int | None = None) -> str:
    """Write the outlines of a label map as an SVG in a data URI.

    Args:
        labels: (H, W) class indices; background and void have no outline of their own.
        keep: outline this class alone.
    """
    height, width = labels.shape
    classes = [c for c in np.unique(labels) if c not in (0, voc.VOID)] if keep is None else [keep]
    path = "".join(_written(line) for c in classes for line in lines(labels == c))
    text = _SVG.format(width=width, height=height, path=path)
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"


def lines(mask: np.ndarray) -> Iterator[list[_Corner]]:
    """Follow the edges of a mask, (H, W) bool: lines of corners, closed or ending at the border."""
    after = _edges(mask)
    ends = {corner for corners in after.values() for corner in corners}
    for start in [*(corner for corner in after if corner not in ends), *after]:
        while after[start]:
            line = [start]
            while following := after.get(line[-1]):
                line.append(following.pop())
            yield line


def _edges(mask: np.ndarray) -> dict[_Corner, list[_Corner]]:
    """Map each corner to where edges go from it, one px long, with the mask on their right."""
    after: dict[_Corner, list[_Corner]] = defaultdict(list)
    down, across = np.diff(mask.astype(np.int8), axis=0), np.diff(mask.astype(np.int8), axis=1)
    for row, column in np.argwhere(down).tolist():  # an edge below this pixel
        left, right = (row + 1, column), (row + 1, column + 1)
        start, end = (left, right) if down[row, column] > 0 else (right, left)
        after[start].append(end)
    for row, column in np.argwhere(across).tolist():  # an edge to the right of this pixel
        top, bottom = (row, column + 1), (row + 1, column + 1)
        start, end = (bottom, top) if across[row, column] > 0 else (top, bottom)
        after[start].append(end)
    return after


def _written(line: list[_Corner]) -> str:
    """Write a line as an SVG path, its straight parts as one step each."""
    corners, steps = np.array(line), np.diff(line, axis=0)
    turns = np.flatnonzero((steps[1:] != steps[:-1]).any(1)) + 1
    parts = np.diff(corners[[0, *turns, -1]], axis=0)
    return f"M{line[0][1]} {line[0][0]}" + "".join(f"v{y}" if y else f"h{x}" for y, x in parts)
