"""The network as a diagram, after the paper's figure 3, as SVG: each map with its size and a link."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote_plus

from ui.figures.theme import FRAME, MARK


@dataclass(frozen=True)
class Part:
    """One box of the diagram.

    Attributes:
        name: the authors' name of the map, as in their VGG16.
        column, row: its place.
        lite0: what EfficientNet-Lite0 calls it, or what the layer does where the name is the same.
        page: path of the page that takes it apart.
        section: the section there.
    """

    name: str
    column: int
    row: int
    lite0: str
    page: str
    section: str


PARTS = {
    part.name: part
    for part in (
        Part("photo", 0, 0, "input", "pages/alignment.py", "Pad and crop"),
        Part("pool3", 1, 0, "lite0: blocks.2", "pages/alignment.py", "Layers"),
        Part("pool4", 2, 0, "lite0: blocks.4", "pages/alignment.py", "Layers"),
        Part("fc7", 3, 0, "lite0: conv_head", "pages/convolutionalize.py", "Photo"),
        Part("score_pool3", 1, 1, "1 × 1 convolution", "pages/heatmaps.py", "Pixel"),
        Part("score_pool4", 2, 1, "1 × 1 convolution", "pages/heatmaps.py", "Pixel"),
        Part("score_fr", 3, 1, "1 × 1 convolution", "pages/heatmaps.py", "Dense"),
        Part("upscore2", 3, 2, "deconvolution × 2", "pages/upsampling.py", "Stamping"),
        Part("fuse_pool4", 2, 2, "sum", "pages/heatmaps.py", "Skips"),
        Part("upscore_pool4", 2, 3, "deconvolution × 2", "pages/upsampling.py", "Kernels"),
        Part("fuse_pool3", 1, 3, "sum", "pages/alignment.py", "Crops"),
        Part("upscore", 3, 3, "FCN-32s: × 32", "pages/upsampling.py", "Four ways"),
        Part("upscore16", 0, 2, "FCN-16s: × 16", "pages/heatmaps.py", "Kernels"),
        Part("upscore8", 0, 3, "FCN-8s: × 8", "pages/compare.py", "Skips"),
    )
}

#: What reads what: the path of each arrow, from its start to its head.
_WIDE, _HIGH, _STEP_X, _STEP_Y, _TOP = 124, 64, 146, 100, 26
#: Width and height of the diagram, and in px those of `sketch`.
SIZE = 3 * _STEP_X + _WIDE + 14, _TOP + 3 * _STEP_Y + _HIGH + 4
SKETCH = 61, 40


def _middle(name: str, side: str) -> tuple[float, float]:
    part = PARTS[name]
    x, y = 2 + part.column * _STEP_X, _TOP + part.row * _STEP_Y
    return {
        "left": (x, y + _HIGH / 2),
        "right": (x + _WIDE, y + _HIGH / 2),
        "top": (x + _WIDE / 2, y),
        "bottom": (x + _WIDE / 2, y + _HIGH),
    }[side]


#: (from, side, to, side) of each arrow.
ARROWS = (
    ("photo", "right", "pool3", "left"),
    ("pool3", "right", "pool4", "left"),
    ("pool4", "right", "fc7", "left"),
    ("pool3", "bottom", "score_pool3", "top"),
    ("pool4", "bottom", "score_pool4", "top"),
    ("fc7", "bottom", "score_fr", "top"),
    ("score_fr", "bottom", "upscore2", "top"),
    ("score_fr", "right", "upscore", "right"),
    ("upscore2", "left", "fuse_pool4", "right"),
    ("score_pool4", "bottom", "fuse_pool4", "top"),
    ("fuse_pool4", "left", "upscore16", "right"),
    ("fuse_pool4", "bottom", "upscore_pool4", "top"),
    ("upscore_pool4", "left", "fuse_pool3", "right"),
    ("score_pool3", "bottom", "fuse_pool3", "top"),
    ("fuse_pool3", "left", "upscore8", "right"),
)


def href(part: Part) -> str:
    """Write the address of the section that takes a part apart, relative to Start."""
    page = part.page.removeprefix("pages/").removesuffix(".py")
    return f"{page}?open={quote_plus(part.section)}"


def svg(sizes: Mapping[str, str]) -> str:
    """Draw the network; each box is a link with `data-part`, and each arrow says where it leads (`data-to`).

    Args:
        sizes: size of each map for this photo, by name.
    """
    arrows = "".join(_arrow(*arrow) for arrow in ARROWS)
    boxes = "".join(_box(part, sizes.get(name, "–")) for name, part in PARTS.items())
    trunk = 2 + _STEP_X - 8
    return (
        f'<svg viewBox="0 0 {SIZE[0]} {SIZE[1]}" role="group" aria-label="The network">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" '
        'markerHeight="9" markerUnits="userSpaceOnUse" '
        'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
        f'<rect class="trunk" x="{trunk}" y="1" width="{SIZE[0] - trunk - 1}" height="{_TOP + _HIGH + 6}"/>'
        f'<text class="small" x="{trunk + 8}" y="18">trunk: the layers of the classifier</text>'
        f"{_key()}{arrows}{boxes}</svg>"
    )


def _key() -> str:
    """Say in the free corner what the lines in a box are."""
    lines = enumerate(("bold: in the paper,", "which has VGG16", "width × height", "× channels"))
    y = _TOP + _STEP_Y
    return "".join(f'<text class="small" x="2" y="{y + 14 + 17 * i}">{line}</text>' for i, line in lines)


def _arrow(start: str, leaves: str, end: str, enters: str) -> str:
    (x0, y0), (x1, y1) = _middle(start, leaves), _middle(end, enters)
    around = f"L{x0 + 10} {y0} {x0 + 10} {y1} " if leaves == enters == "right" else ""
    return f'<path class="arrow" data-to="{end}" d="M{x0} {y0} {around}L{x1} {y1}" marker-end="url(#head)"/>'


def _box(part: Part, size: str) -> str:
    x, y = _middle(part.name, "left")[0], _middle(part.name, "top")[1]
    where = f"{part.page.removeprefix('pages/').removesuffix('.py').capitalize()}: {part.section}"
    lines = ((19, "name", part.name), (38, "size", size), (55, "small", part.lite0))
    texts = "".join(
        f'<text class="{kind}" x="{x + _WIDE / 2}" y="{y + down}" text-anchor="middle">{escape(text)}</text>'
        for down, kind, text in lines
    )
    said = escape(f"{part.name}, {size}, {part.lite0}. Opens {where}")
    return (
        f'<a class="box" data-part="{part.name}" href="{escape(href(part))}" aria-label="{said}">'
        f"<title>{escape(where)}</title>"
        f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="4"/>{texts}</a>'
    )


def sketch(lit: Collection[str]) -> str:
    """Draw the network small and without words, with some parts lit, as a data URI. It suits both themes."""
    lines = []
    for start, leaves, end, enters in ARROWS:
        (x0, y0), (x1, y1) = _middle(start, leaves), _middle(end, enters)
        around = f"{x0 + 10},{y0} {x0 + 10},{y1} " if leaves == enters == "right" else ""
        lines.append(f'<polyline points="{x0},{y0} {around}{x1},{y1}"/>')
    boxes = []
    for name in PARTS:
        (x, _), (_, y) = _middle(name, "left"), _middle(name, "top")
        look = f' fill="{MARK}"' if name in lit else ""
        boxes.append(f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="8"{look}/>')
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 16 {SIZE[0] + 8} {SIZE[1] - 8}" '
        f'width="{SKETCH[0]}" height="{SKETCH[1]}" fill="none" stroke="{FRAME}" stroke-width="8">'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"
