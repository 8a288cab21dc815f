"""How the networks are trained: what the loss sums over, what each choice was worth, and what was run."""

from functools import partial

from ui.page import frame, sections
from ui.page.frame import Uses
from ui.training import choices, loss, runs, sizes

page = frame.begin(
    "Training",
    "How the networks learn",
    Uses(networks=False, palette=False),
    lead="A network learns by making the **loss** of its training photos small, step by step: what a photo's "
    "loss is made of, what each choice of the training changed, and the trainings themselves.",
)
bar = sections.bar("Loss", "Choices", "Input size", "Runs")
bar.show(
    {
        "Loss": partial(loss.sampled, page),
        "Choices": choices.choices,
        "Input size": sizes.sizes,
        "Runs": runs.bundled,
    }
)
frame.end(page)
