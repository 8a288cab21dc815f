"""The coarse scores before upsampling, next to what each way of upsampling makes of them."""

from functools import partial

from ui.compare import panels
from ui.compare.results import run_networks
from ui.export import shown
from ui.heatmaps import border, certainty, choice, dense, kernels, pixel, skips
from ui.page import frame, masks, sections

page = frame.begin(
    "Heatmaps",
    "Scores before and after upsampling",
    lead="FCN-32s gives one **score** for each class and each cell of 32 × 32 px. Here are these cells, and "
    "how they become pixels.",
)
panels.describe(page.photo)


@shown.fragment
def heatmaps(page: frame.Inputs) -> None:
    """Draw the sections: none of their controls acts on what is around them."""
    bar = sections.bar("Dense", "Border", "Skips", "Pixel", "Kernels", "Certainty")
    results = run_networks(page.photo, page.networks)
    if not results:
        return
    with bar.controls:
        chosen = choice.choose(page.photo, results)
    bar.show(
        {
            "Dense": partial(dense.dense, chosen),
            "Border": partial(border.border, chosen),
            "Skips": partial(skips.equations, chosen, page.palette),
            "Pixel": partial(pixel.probe, chosen, page.palette),
            "Kernels": partial(kernels.gallery, chosen),
            "Certainty": lambda: certainty.maps(chosen, masks.bundled(page.photo), page.palette),
        }
    )


heatmaps(page)
frame.end(page)
