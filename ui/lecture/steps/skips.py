"""The skips: A + B = C in scores, and where the class wins."""

from dataclasses import replace

from fcnviz.lessons.heatmaps import sums
from ui.figures.numbers import percent
from ui.figures.pictures import Extent
from ui.heatmaps.skips import MARGIN, OWN_SCALES, drawn, equation
from ui.lecture.scene import Scene
from ui.lecture.slide import Figure, Slide
from ui.lecture.steps.heat import PAGE
from ui.lecture.steps.parts import picture, printed
from ui.running import worker
from ui.running.networks import model

_MARGIN = (
    "Below, the margin: the class's score less the highest of the other classes, in each map alone; where "
    "it is red, this map alone would choose the class. Margins do not add up, and each map has colours of "
    "its own."
)


def pool4(s: Scene) -> Slide:
    """The sum at stride 16."""
    notes = (
        "Section 4.2: a 1 × 1 convolution scores pool4, the deep scores are upsampled by a factor of 2, and "
        f"the two are summed. {_MARGIN} This is FCN-16s, fine-tuned from FCN-32s. lite0 has no pooling: "
        f"pool4 is its layer of stride 16. In print: {printed('FCN-16s')}."
    )
    return _added(
        s, 16, "A skip is a sum: deep scores, upsampled, plus the scores of pool4, twice as fine.", notes
    )


def pool3(s: Scene) -> Slide:
    """The sum at stride 8."""
    notes = (
        "Section 4.2: the same once more, with pool3, gives FCN-8s. Shown is the window in which the "
        f"networks differ most; the shares are of all cells. {_MARGIN} The paper goes no further, as the "
        f"gain gets small: {printed('FCN-8s')}."
    )
    return _added(
        s, 8, "And again with pool3, here close up: now the grid has a stride of 8.", notes, s.disputed
    )


def _added(s: Scene, stride: int, sentence: str, notes: str, shows: Extent | None = None) -> Slide:
    """Draw the sum of this stride in its network, and below it the class's margin in each of its maps."""
    source = s.heatmap(stride, probability=False)
    lines = worker.run_short(sums.sums, model(source.result.net), source.result.segmentation.scores)
    rows, won = [], []
    for view, signs in ((OWN_SCALES, ("", "+", "=")), (MARGIN, ("", "", ""))):
        maps, bars = next(
            (maps, bars) for line, maps, bars in drawn(source, lines, view) if line.stride == stride
        )
        rows.append(equation(source, stride, maps, bars, signs).panels)
        won = [f"“{s.name}” wins in {percent(float((m > 0).mean()))} of the cells" for m in maps]
    parts = [picture(panel) for panel in rows[0]]
    parts += [picture(panel, "", text) for panel, text in zip(rows[1], won, strict=True)]
    if shows:
        parts = [replace(part, shows=shows) for part in parts]
    return Slide(
        sentence,
        notes,
        Figure(tuple(parts), columns=3),
        PAGE,
        {"section": "Skips", "class": s.name, "net": f"{source.result.stride}s", "terms": OWN_SCALES},
    )
