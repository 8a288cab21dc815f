"""Padding, strides and crops: where every pixel of every map lies over the image. Pure arithmetic."""

from functools import partial

from ui.alignment import controls, crops, layers, sizes, to_scale
from ui.page import frame, sections
from ui.page.frame import Uses

page = frame.begin(
    "Alignment",
    "From the image to the grid and back",
    Uses(networks=False, palette=False),
    lead="A cell of the coarse map belongs to a square of the photo. **Padding** and **crop** make sure that "
    "it is the right one.",
)
bar = sections.bar("Pad and crop", "Crops", "Sizes", "Layers")
with bar.controls:
    choice = controls.choose(page.photo)


def why() -> None:
    """Draw the answer, and the picture that it is read from."""
    controls.answer(choice)
    to_scale.drawn_to_scale(choice)


bar.show(
    {
        "Pad and crop": why,
        "Crops": partial(crops.derivation, choice.setup),
        "Sizes": partial(sizes.working_sizes, choice),
        "Layers": partial(layers.every_layer, choice),
    }
)
frame.end(page)
