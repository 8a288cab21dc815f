"""What the steps share: pages' panels as pictures, a photo with its close-up, and numbers in print."""

from collections.abc import Sequence

import numpy as np

from fcnviz.render import Scale
from ui import paper
from ui.compare.results import Result, legend
from ui.figures.grids import Bar, Layer, Panel
from ui.figures.marks import Box, Numbers
from ui.figures.pictures import Extent
from ui.lecture.scene import Scene
from ui.lecture.slide import Picture

#: Colour of the outline of the part that is shown enlarged.
CLOSE = "#ffffff"
#: A colour bar: its meaning, its colours, and the text at both ends.
ColourBar = tuple[str, Scale, tuple[str, str]]


def probability(name: str, scale: Scale) -> ColourBar:
    """Describe a colour bar of probabilities."""
    high = "1" if scale.high == 1 else f"{scale.high:.3f}"
    return f"probability of {name}", scale, ("0", high)


def colour_bar(bar: Bar | None) -> ColourBar:
    """Describe the colour bar of a page's panel."""
    assert bar is not None
    return bar.what, bar.scale, bar.ends


def picture(panel: Panel, title: str | None = None, caption: str | None = None) -> Picture:
    """Turn a page's panel into a picture, with other words if they are given."""
    title = panel.title if title is None else title
    caption = panel.caption if caption is None else caption
    return Picture(title, panel.shows, panel.layers, panel.marks, caption, panel.sign)


def sheet(panel: Panel, width: float) -> Picture:
    """Turn a panel of one row per name into a picture; the names take `width` units on its left."""
    shows = panel.shows
    names = Extent(shows.left - width, shows.top, shows.left, shows.bottom)
    texts = np.array([[name] for name in panel.rows], object)
    written = Numbers(names, texts, np.full(texts.shape, "currentColor", object))
    wide = Extent(names.left, shows.top, shows.right, shows.bottom)
    return Picture("", wide, panel.layers, (*panel.marks, written))


def with_closeup(s: Scene, stack: tuple[Layer, ...], caption: str) -> tuple[Picture, Picture]:
    """Draw the whole photo, and beside it the window in which the networks differ most."""
    return (
        Picture("", s.extent, stack, (Box.at(s.disputed, "dash", CLOSE),), caption=caption),
        Picture("", s.disputed, stack, caption="dashed part: where they differ most"),
    )


def classes(results: Sequence[Result], palette: str) -> tuple[tuple[str, str], ...]:
    """Name each class that is found, except background, with its colour."""
    return tuple((e.name, e.colour) for e in legend(list(results), palette) if e.index)


def printed(name: str) -> str:
    """Write the paper's mean IU of a network, with its source."""
    return (
        f"{paper.VOC2011_VAL[name][2]} % mean IU for {name} (the paper, table 2, VOC2011 validation, VGG16)"
    )
