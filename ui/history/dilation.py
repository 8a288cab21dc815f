"""Panel: lite0's last stage at stride 16 by dilation, beside stride 32, on the visitor's photo."""

import math
from functools import partial

import numpy as np
import streamlit as st
import torch

from fcnviz.lessons.history import dilation
from fcnviz.lessons.history.dilation import DENSE, STRIDE, Comparison
from fcnviz.render import Scale
from ui.compare.results import grid_text
from ui.components.grids import grids
from ui.export import offline, shown
from ui.figures.grids import Bar, Panel, Row, Values, coarse
from ui.figures.numbers import delta, fixed, span
from ui.figures.pictures import Extent
from ui.figures.theme import OPACITY
from ui.history.choice import Choice, choose
from ui.page.frame import Inputs
from ui.running import waiting, worker
from ui.running.networks import model
from ui.running.photo_cache import of_photo
from ui.state import Net, Photo


@waiting.panel
def stride_16(page: Inputs) -> None:
    """Draw one class's scores at both strides; on demand, compare with shift-and-stitch."""
    st.markdown(
        "**DeepLab's idea.** Take the last stride out of EfficientNet-Lite0, and move the weights of all "
        "later kernels apart by 2 (*dilation*, à trous): one pass, the same weights, four times the cells."
    )
    c = choose(page)
    if c is None:
        return
    scores = _dense(c.photo, c.result.net)
    shown.add(f"scores/{c.result.net.name}-dilated-stride{DENSE}.npy", partial(offline.array, scores))
    _maps(c, scores[c.index])
    apart = float(np.abs(scores[:, ::2, ::2] - c.result.segmentation.scores.s32[0].numpy()).max())
    st.caption(
        "Every second cell of the denser map is a cell of the coarse one: max |Δ| over all classes = "
        f"{delta(apart)}, computed here; cell 0 has one centre in both. The cells between are new answers, "
        "not interpolated. They see no finer detail: the filters are the same. This network was not "
        "trained with dilation."
    )
    with shown.section():
        if st.toggle("Compare with shift-and-stitch (four passes)", key="h_stitch", bind="query-params"):
            _against_stitching(c, scores)


@of_photo(st.cache_resource, show_spinner="Running the dilated network …", max_entries=16, own=2)
def _dense(photo: Photo, net: Net) -> np.ndarray:
    """Run the dilated network once → (C, h, w) of stride 16."""
    return worker.run(dilation.dense, model(net), photo.input)[0].numpy()


def _maps(c: Choice, dense: np.ndarray) -> None:
    maps = {STRIDE: c.coarse, DENSE: dense}
    bar = Bar(f"Score of {c.name}, one scale for both", Scale.over(*maps.values()), 1)
    places = {stride: Extent.cells(values.shape, c.start, stride) for stride, values in maps.items()}
    whole = Extent.around(*places.values())
    titles = {STRIDE: "As it is: striding", DENSE: "Dilated, same weights"}
    panels = (
        Panel(
            shows=whole,
            layers=(c.below, coarse(values, bar.scale, places[stride], OPACITY, Values(values, "score"))),
            title=titles[stride],
            caption=f"{grid_text(values.shape, stride)} · {span(values, 1)}",
            bar=bar,
        )
        for stride, values in maps.items()
    )
    grids(Row(tuple(panels), least=280), "dilation")


# --- the same by shift-and-stitch


def _against_stitching(c: Choice, dense: np.ndarray) -> None:
    stitched = _stitched(c.photo, c.result.net)
    apart, found = dilation.compare(torch.from_numpy(dense)[None], torch.from_numpy(stitched)[None])
    bar = Bar("Largest |Δ| over the classes", Scale(0.0, found.between or 1.0, "magma"), 1)
    where = Extent.cells(apart.shape, c.start, DENSE)
    layer = coarse(apart, bar.scale, where, reads=Values(apart, "|Δ|"))
    caption = grid_text(apart.shape, DENSE)
    picture, words = st.columns(2, gap="large")
    with picture:
        panel = Panel(shows=where, layers=(layer,), title="Dilated − stitched", caption=caption, bar=bar)
        grids(panel, "apart")
    words.markdown(_where_equal(c.photo, found))


@of_photo(st.cache_resource, show_spinner="Four passes …", max_entries=16, own=2)
def _stitched(photo: Photo, net: Net) -> np.ndarray:
    """Shift and stitch → (C, h, w) of stride 16."""
    *_, whole = worker.run_steps(dilation.stitched(model(net), photo.input))
    return whole[0].numpy()


def _where_equal(photo: Photo, found: Comparison) -> str:
    sides = [-(-n // STRIDE) * STRIDE for n in photo.input.size]
    unpadded = math.prod(len(dilation.unpadded(n)) for n in sides)
    cells, field = math.prod(n // DENSE for n in sides), dilation.field()
    return (
        f"**Equal where no padding is seen.** On every second cell, max |Δ| = **{delta(found.same)}**. On "
        "the cells between, both ways give the same numbers if a cell sees no padding. But lite0 pads "
        f"each layer with zeros, and its cells see {field} × {field} px: in this photo, {unpadded} of "
        f"{cells:,} cells see none.\n\n"
        "The others may differ, since the moved photo has its zeros in other places: max |Δ| = "
        f"**{fixed(found.between, 1)}**, for half of them under {fixed(found.typical, 1)}. Scores reach "
        f"{fixed(found.largest, 1)}."
    )
