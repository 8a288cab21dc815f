"""Panel: a photo's loss is a sum over its pixels, and a random share of them gives nearly its gradient."""

import math
from functools import partial

import numpy as np
import streamlit as st

from fcnviz import render, weights
from fcnviz.lessons.training.sampling import Trial
from fcnviz.render import Scale
from ui.compare.results import run_networks
from ui.components.grids import grids
from ui.export import offline, shown
from ui.figures.grids import Bar, Colours, Layer, Panel, Row, Values, coarse
from ui.figures.marks import Line, Numbers
from ui.figures.numbers import fixed, percent
from ui.figures.pictures import Extent
from ui.page.frame import Inputs
from ui.running import layers, waiting
from ui.state import Networks, Photo
from ui.training import cached
from ui.training.cached import DRAWS, SHARES, SIDES, Compared, Draw, Drawn

_KEEP = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
#: Bins on each axis of the picture that compares two gradients, an odd number: the middle one is around zero.
_BINS = 41
_GREY = (138, 148, 160, 205)


@waiting.panel
def sampled(page: Inputs) -> None:
    """Draw the loss of each pixel, the pixels that are kept, and the gradient of both."""
    st.markdown(
        "**A photo is a batch of patches.** Its loss is the mean of its pixels' losses, so its gradient is a "
        "sum too: one term per pixel, and each term depends on that pixel's patch, its receptive field. Drop "
        "terms at random, divide the rest by their probability to be kept, and on average the gradient is "
        "the same. Patchwise training does no more (section 3.4), but computes what patches share again and "
        "again."
    )
    results = run_networks(page.photo, Networks("lite0", weights.BUNDLED[:1], page.networks.device))
    if not results:
        return
    net, scores = results[0].net, results[0].segmentation.scores
    draw, further = _choose()
    found = cached.drawn(page.photo, net, draw, scores)
    compared = cached.compared(page.photo, net, draw) if further else None
    grids(Row(pictures(page.photo, found, compared), least=240), "loss")
    with shown.section():
        if compared is not None:
            _numbers(compared)
    st.caption(_about(page.photo, compared))
    if further and st.toggle(
        f"{DRAWS * len(SHARES) * len(SIDES)} draws and their means", key="l_many", bind="query-params"
    ):
        _many(cached.many(page.photo, net))
    st.caption("This project trains on crops of photos, with the loss of all of their pixels.")


def _choose() -> tuple[Draw, bool]:
    """Draw the choices of a draw; → the draw, and whether gradients are compared."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        what = st.segmented_control(
            "Keep or drop", list(SIDES), default=next(iter(SIDES)), required=True, key="l_what",
            bind="query-params",
        )  # fmt: skip
        share = st.select_slider(
            "Probability to be kept", _KEEP, 0.25, format_func=lambda p: percent(p, 0), key="l_keep",
            bind="query-params", width=320,
        )  # fmt: skip
        if st.button("Draw again", icon=":material/casino:", key="l_again"):
            st.session_state["l_seed"] = st.session_state.get("l_seed", 0) + 1
        further = st.toggle("Compare the gradients (one pass)", key="l_grad", bind="query-params")
    return Draw(SIDES[what or next(iter(SIDES))], share, st.session_state.get("l_seed", 0)), further


# --- pictures


def pictures(photo: Photo, found: Drawn, compared: Compared | None) -> tuple[Panel, ...]:
    """Draw each pixel's loss, what is kept of it, and the gradients if they are compared."""
    where = Extent.of(photo.input.size)
    scale = Scale(0, float(found.pixels.max()) or 1.0, "magma")
    losses = Layer(render.heatmap_png(found.pixels, scale), where, reads=Colours(scale, "loss"))
    dropped = np.where(found.kept[..., None], 0, np.array(_GREY)).astype(np.uint8)
    below, above = Layer(layers.small_photo(photo), where), Layer(render.to_png(dropped), where)
    panels = [
        Panel(
            shows=where,
            layers=(losses,),
            title="Loss of each pixel",
            caption=f"Mean {fixed(found.mean, 3)}",
            bar=Bar("Cross-entropy, nats", scale, 1),
        ),
        Panel(
            shows=where,
            layers=(below, above),
            title="What is kept",
            caption=(
                f"{percent(float(found.kept.mean()))} of the pixels; grey: dropped. From these, the loss is "
                f"{fixed(found.estimate, 3)}"
            ),
        ),
    ]
    if compared is not None:
        panels.append(_gradients(compared))
    return tuple(panels)


def _gradients(found: Compared) -> Panel:
    """Count the weights by their gradient from all pixels (across) and from those kept (up)."""
    largest = float(np.abs(found.full).max()) or 1.0
    edges = np.linspace(-largest, largest, _BINS + 1)
    across, up = (np.clip(g.ravel(), -largest, largest) for g in (found.full, found.kept))
    counts = np.histogram2d(-up, across, bins=(edges, edges))[0]
    shown = np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan)
    where = Extent(-1, -1, 1, 1)
    texts = [f"{int(n):,} weights" if n else "" for n in counts.flat]
    layer = coarse(
        shown, Scale(-0.6, math.log10(counts.max())), where, reads=Values(shown, texts=texts), lines=False
    )
    return Panel(
        shows=where,
        layers=(layer,),
        title="Gradient of each weight",
        caption="Across: from all pixels. Up: from those kept. On the line: equal",
        marks=(Line(((-1, 1), (1, -1)), "dash"),),
        tall=240,
    )


# --- words


def _numbers(found: Compared) -> None:
    for name, gradient in (("all", found.full), ("kept", found.kept)):
        shown.add(f"gradients/score_fr-{name}.npy", partial(offline.array, gradient))
    error, cosine, _ = st.columns(3)
    error.metric("Relative error of the gradient", percent(found.far.error, 0))
    missing = math.isnan(found.far.cosine)
    cosine.metric("Cosine to the full gradient", "–" if missing else fixed(found.far.cosine, 3))


def _about(photo: Photo, found: Compared | None) -> str:
    labels = (
        "Your photo has no mask, so the labels are the network's own answer, and its loss is only what it is "
        "unsure of."
        if photo.own
        else "The labels are this project's annotation of the photo; void pixels have no loss."
    )
    return f"Computed here, with the trained FCN-32s. {labels} {_which(found) if found else ''}"


def _which(found: Compared) -> str:
    """Say which gradient it is."""
    classes, columns = found.full.shape
    return (
        f"The gradient is that of score_fr, the 1 × 1 score layer: {classes} × {columns - 1:,} weights and "
        f"{classes} biases, {found.full.size:,} numbers in all. One pass gives what score_fr reads; a draw "
        "then needs no pass through the trunk, whose own gradient is not computed. Relative error: the "
        "length of the difference over that of the full gradient."
    )


# --- many draws


def _many(found: list[Trial]) -> None:
    rows = {
        f"{name}, {what}": [getattr(t, field) for t in found if t.side == side]
        for name, side in SIDES.items()
        for what, field in (("one draw", "one"), (f"mean of {DRAWS}", "mean"))
    }
    values = np.array(list(rows.values()))
    scale, where = Scale(0, 1, "viridis"), Extent(0, 0, 2.2 * len(SHARES), len(rows))
    texts = np.array([[percent(v, 0 if v >= 0.1 else 1) for v in line] for line in values], object)
    panel = Panel(
        shows=where,
        layers=(coarse(values, scale, where, reads=Values(values, "of the gradient's length")),),
        title="Relative error of the gradient, by the share that is kept",
        marks=(Numbers.on(values, scale, where, texts),),
        rows=list(rows),
        columns=[percent(share, 0) for share in SHARES],
        tall=190,
    )
    grids(panel, "loss_many")
    st.markdown(
        f"The error of a draw is chance without bias, so the mean of {DRAWS} draws is nearer, by about "
        f"√{DRAWS} ≈ {math.sqrt(DRAWS):.1f}. Single pixels do far better than cells at the same share: "
        "neighbours say nearly the same, so most of them can go."
    )
