"""How good the networks are: on VOC and in print, on pairs of your own; what the metrics mean; how fast."""

import streamlit as st

from ui.evaluate import bench, control, published, results, sandbox, source
from ui.export import shown
from ui.page import frame, sections
from ui.page.frame import Uses

page = frame.begin(
    "Evaluate",
    "How good, and compared with what?",
    Uses(photo=False),
    lead="Labels are compared with the truth pixel by pixel: in four **metrics**, and near boundaries.",
)
bar = sections.bar("VOC", "By class", "Pairs", "Sandbox", "Speed")
if bar.open != "Pairs":
    source.away()


def on_voc() -> None:
    """Draw what was measured by this project, and what is in print."""
    published.bundled()
    control.control()
    st.subheader("In print", anchor=False)
    published.in_print()


def your_pairs() -> None:
    """Draw the choice of pairs, and the results on them."""
    with shown.section():
        job = source.run(page.networks, page.working)
    if not (job and job.good):
        return
    found = results.Results.of(job)
    results.four(found)
    st.subheader("Where do the skips help?", anchor=False)
    st.markdown(
        "The share of pixels labelled right among those within d pixels of a true boundary, "
        f"**on {found.extent}**. Few photos say little: VOC's are in section By class."
    )
    results.boundaries(found)
    st.subheader("Class by class", anchor=False)
    name, in_percent = results.choose(found)
    bars, matrix = st.columns(2, gap="large")
    with bars:
        results.classes(found)
    with matrix:
        results.confusion(found, name, in_percent)
    st.subheader("Image by image", anchor=False)
    results.images(found, name, page.palette)
    results.downloads(found)


def metric_sandbox() -> None:
    """Draw the sandbox."""
    st.markdown("Why pixel accuracy flatters, and mean IU does not: paint, and watch the numbers.")
    sandbox.play(page.palette)


bar.show(
    {
        "VOC": on_voc,
        "By class": published.by_class,
        "Pairs": your_pairs,
        "Sandbox": metric_sandbox,
        "Speed": bench.show,
    }
)
frame.end(page)
