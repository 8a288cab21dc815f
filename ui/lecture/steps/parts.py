"""What the steps share: a photo with its close-up, a colour bar, and numbers in print."""

from fcnviz.render import Scale
from ui import paper
from ui.figures.grids import Layer
from ui.figures.marks import Box
from ui.lecture.scene import Scene
from ui.lecture.slide import Picture

#: Colour of the outline of the part that is shown enlarged.
CLOSE = "#ffffff"


def probability(name: str, scale: Scale) -> tuple[str, Scale, tuple[str, str]]:
    """Describe a colour bar of probabilities (see `Figure.bar`)."""
    high = "1" if scale.high == 1 else f"{scale.high:.3f}"
    return f"probability of {name}", scale, ("0", high)


def with_closeup(s: Scene, stack: tuple[Layer, ...], caption: str) -> tuple[Picture, Picture]:
    """Draw the whole photo, and beside it the window in which the networks differ most."""
    return (
        Picture("", s.extent, stack, (Box.at(s.disputed, "dash", CLOSE),), caption=caption),
        Picture("", s.disputed, stack, caption="dashed part: where they differ most"),
    )


def printed(name: str) -> str:
    """Write the paper's mean IU of a network, with its source."""
    return (
        f"{paper.VOC2011_VAL[name][2]} % mean IU for {name} (the paper, table 2, VOC2011 validation, VGG16)"
    )
