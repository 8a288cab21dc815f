"""The true outline as lines: they run along each edge of the mask once, and nowhere else."""

import base64
import itertools
import re

import numpy as np

from fcnviz.photos import voc
from ui.figures.outline import lines, outline_uri


def blobs() -> np.ndarray:
    return np.random.default_rng(0).random((13, 17)) > 0.4


def test_lines_run_along_each_edge_once():
    mask = blobs()
    found = [frozenset(step) for line in lines(mask) for step in itertools.pairwise(line)]
    height, width = mask.shape
    wanted = {
        frozenset(((y, x), (y, x + 1)))
        for y in range(1, height) for x in range(width) if mask[y - 1, x] != mask[y, x]
    } | {
        frozenset(((y, x), (y + 1, x)))
        for y in range(height) for x in range(1, width) if mask[y, x - 1] != mask[y, x]
    }  # fmt: skip
    assert len(found) == len(wanted)
    assert set(found) == wanted


def test_the_path_is_the_outline_and_void_has_none():
    labels = np.zeros((5, 6), np.uint8)
    labels[1:3, 2:4] = 8
    labels[4, 5] = voc.VOID
    text = base64.b64decode(outline_uri(labels).partition(",")[2]).decode()
    (path,) = set(re.findall(r' d="([^"]*)"', text))
    assert sorted(re.findall(r"[hv]-?\d+", path)) == ["h-2", "h2", "v-2", "v2"]
    assert text.count("non-scaling-stroke") == 2
    assert ' d=""' in base64.b64decode(outline_uri(labels, keep=15).partition(",")[2]).decode()
