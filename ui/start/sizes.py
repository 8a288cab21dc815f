"""The size of each map of the network for one photo, as the diagram on Start writes it."""

import functools

from fcnviz.backbones import TAPS, Backbone
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup
from fcnviz.photos import voc
from ui.figures.diagram import PARTS


def sizes(backbone: Backbone, shape: tuple[int, int]) -> dict[str, str]:
    """Write width × height × channels of each part of the diagram; nothing for a photo that is too small.

    Args:
        backbone: lite0 or VGG16; of another one, nothing is known on paper.
        shape: (H, W) of the network's input, in px.
    """
    if backbone.name not in ("lite0", "vgg16"):
        return {}
    try:
        sides = [_after(backbone.name, n) for n in shape]
    except ValueError:
        return {}
    found = {}
    for name in PARTS:
        layer, channels = _layer(backbone, name, list(sides[0]))
        height, width = (side[layer] for side in sides)
        found[name] = f"{width} × {height} × {channels:,}"
    return found


@functools.lru_cache(maxsize=64)
def _after(backbone: str, n: int) -> dict[str, int]:
    """The side of each layer's map for an image side of n px."""
    return {step.name: step.after for step in layout.steps(Setup(backbone, 8), n)}


def _layer(backbone: Backbone, name: str, layers: list[str]) -> tuple[str, int]:
    """Find the layer that makes a part, and its number of channels."""
    if name == "photo":
        return "image", 3
    if name in TAPS["vgg16"]:
        at = TAPS["vgg16"].index(name)
        tap = TAPS[backbone.name][at]  # of a stage, its last block
        return [layer for layer in layers if f"{layer}.".startswith(f"{tap}.")][-1], backbone.channels[at]
    # what is upsampled last is cropped onto the image
    return name if name in layers and name != "upscore8" else "image", len(voc.CLASSES)
