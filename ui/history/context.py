"""Panel: averages of a class's score map on coarse grids: what PSPNet's pyramid sees."""

import streamlit as st

from fcnviz.lessons.history import pyramid
from fcnviz.render import Scale
from ui.compare.results import grid_text
from ui.components.grids import grids
from ui.figures.grids import Bar, Panel, Row, Values, coarse
from ui.figures.numbers import span
from ui.figures.pictures import Extent
from ui.figures.theme import OPACITY
from ui.history.choice import choose
from ui.page.frame import Inputs
from ui.running import waiting


@waiting.panel
def pooling(page: Inputs) -> None:
    """Draw a class's stride-32 scores, and the levels of the pyramid at the same size."""
    st.markdown(
        "**PSPNet's idea.** Average the last map over the whole photo, and over 2 × 2, 3 × 3 and 6 × 6 parts "
        "of it; upsample the averages, and give them to every cell beside its own values."
    )
    c = choose(page)
    if c is None:
        return
    scores = c.result.segmentation.scores.s32[:, c.index : c.index + 1]
    titles = {f"{n} × {n}" if n > 1 else "1 × 1, whole photo": n for n in pyramid.GRIDS}
    maps = {"Scores as they are": c.coarse}
    maps |= {title: pyramid.seen(scores, n)[0, 0].numpy() for title, n in titles.items()}
    bar = Bar(f"Score of {c.name}, one scale for all", Scale.over(*maps.values()), 1)
    where = Extent.cells(c.coarse.shape, c.start, 32)
    panels = (
        Panel(
            shows=where,
            layers=(c.below, coarse(values, bar.scale, where, OPACITY, Values(values, "score"))),
            title=title,
            caption=grid_text(values.shape, 32) if title not in titles else span(values, 1),
            bar=bar,
        )
        for title, values in maps.items()
    )
    grids(Row(tuple(panels)), "pyramid")
    st.caption(
        "PSPNet pools features. Here scores are pooled, and these are the scores of pooled features: a 1 "
        "× 1 convolution of averages is the average of its outputs. So each level shows how much a part "
        f"of the photo as a whole speaks for {c.name}, by this network's own classifier."
    )
    st.info(
        "Nothing improves here. This network was not trained to use such maps: PSPNet puts them behind the "
        "features and trains a classifier on both. The figure shows what it is given, not what it makes of "
        "it.",
        icon=":material/info:",
    )
