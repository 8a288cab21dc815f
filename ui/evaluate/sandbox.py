"""Panel: two label grids to paint, their confusion matrix, and the metrics as formulas."""

import numpy as np
import streamlit as st

from fcnviz import metrics, render
from fcnviz.evaluation.formulas import Formula, formulas
from fcnviz.photos import voc
from ui.components.grids import grids as draw_grids
from ui.components.label_grid import Label, Marks, label_grid
from ui.evaluate import figures
from ui.evaluate.grids import LABELS, LETTERS, NAMES, PRESETS, SIDE, VOID_LETTER, Grids, indices
from ui.export import shown
from ui.figures.numbers import percent
from ui.figures.theme import hex_colour
from ui.page import link

_DEFAULT = next(iter(PRESETS))
#: What is asked of the visitor's own grids: more pixel accuracy than this, and less mean IU than that.
ACCURATE, POOR = 0.70, 0.25


@shown.fragment
def play(palette: str) -> None:
    """Draw the sandbox; the link holds the painted grids."""

    def paint_truth(cells: str) -> None:
        _paint(Grids(cells, _chosen()[0].prediction))

    def paint_prediction(cells: str) -> None:
        _paint(Grids(_chosen()[0].truth, cells))

    grids, preset = _chosen()
    _presets(preset)
    st.caption(PRESETS[preset][1] if preset else "Your own. Click a pixel to change its label.")
    pixels = st.slider(
        "Pixels counted, in reading order", 0, SIDE**2, SIDE**2, key="e_pixels", bind="query-params"
    )
    truth, prediction, matrix = st.columns([4, 4, 5], gap="medium")
    labels = _labels(palette)
    with truth:
        st.markdown("**Truth**")
        key = "sandbox_truth"
        label_grid(grids.truth, labels, Marks(pixels), title="Truth", key=key, on_paint=paint_truth)
    with prediction:
        st.markdown("**Prediction**")
        marks, key = Marks(pixels, _wrong(grids)), "sandbox_prediction"
        label_grid(
            grids.prediction, labels[:-1], marks, title="Prediction", key=key, on_paint=paint_prediction
        )
    counts = grids.confusion(pixels)
    with matrix:
        draw_grids(figures.sandbox_matrix(counts, NAMES, _last(grids, pixels)), "sandbox_matrix")
    _exercise(grids, preset)
    _formulas(counts)


def _chosen() -> tuple[Grids, str | None]:
    """Return the grids in the link, else its preset, else the first; and the name of an equal preset."""
    painted = Grids(link.get("e_truth", ""), link.get("e_prediction", ""))
    wanted = link.get("e_preset", _DEFAULT)
    grids = painted if painted.valid else PRESETS.get(wanted, PRESETS[_DEFAULT])[0]
    return grids, next((name for name, (other, _) in PRESETS.items() if other == grids), None)


def _presets(preset: str | None) -> None:
    state = st.session_state
    if state.get("sandbox_preset") != preset:  # setting it unchanged would undo a click that has just come in
        state["sandbox_preset"] = preset

    def pick() -> None:
        if name := state["sandbox_preset"]:
            _paint(PRESETS[name][0])

    st.pills("Presets", list(PRESETS), key="sandbox_preset", on_change=pick)


def _paint(grids: Grids) -> None:
    """Put grids into the link, a preset by its name."""
    name = next((name for name, (other, _) in PRESETS.items() if other == grids), None)
    cells = (None, None) if name or not grids.valid else (grids.truth, grids.prediction)
    link.put({"e_preset": None if name == _DEFAULT else name, "e_truth": cells[0], "e_prediction": cells[1]})


def _labels(palette: str) -> list[Label]:
    colours = [hex_colour(c) for c in render.PALETTES[palette][[*LABELS, voc.VOID]]]
    classes = [Label(letter, name, c) for letter, name, c in zip(LETTERS, NAMES, colours, strict=False)]
    return [*classes, Label(VOID_LETTER, "void, does not count", colours[-1], striped=True)]


def _wrong(grids: Grids) -> tuple[int, ...]:
    truth, prediction = indices(grids.truth), indices(grids.prediction)
    return tuple(np.flatnonzero((truth != prediction) & (truth != voc.VOID)).tolist())


def _last(grids: Grids, pixels: int) -> tuple[int, int] | None:
    """Return (truth, label) of the pixel counted last; None if all or none are counted, or it is void."""
    if not 0 < pixels < SIDE**2:
        return None
    truth, label = (int(indices(grid)[pixels - 1]) for grid in (grids.truth, grids.prediction))
    return None if truth == voc.VOID else (truth, label)


def _exercise(grids: Grids, preset: str | None) -> None:
    """Ask for grids that one metric praises and another does not, and mark those of the visitor."""
    counts = grids.confusion()
    asked = f"**Paint it**: pixel accuracy over {percent(ACCURATE, 0)}, mean IU under {percent(POOR, 0)}."
    if preset or not counts.any():
        st.markdown(f"{asked} {'A preset does not count' if preset else 'All is void'}: click some pixels.")
        return
    found = metrics.scores(counts)
    accuracy, mean_iu = found.pixel_accuracy, found.mean_iu
    now = f"All {SIDE**2} pixels: {percent(accuracy)} and {percent(mean_iu)}."
    done = accuracy > ACCURATE and mean_iu < POOR
    st.markdown(f"{asked} {now} {':material/check: **Done.**' if done else 'Not yet.'}")


def _formulas(counts: np.ndarray) -> None:
    """Write the four metrics, and how each is computed from the matrix, one at a time."""
    found = formulas(counts)
    with st.container(horizontal=True, gap="medium"):
        for formula in found:
            value = f": {percent(formula.value)}" if formula.numbers else " · nothing counted"
            st.markdown(f"**{formula.name}{value}**", width="content")
    for tab, formula in zip(st.tabs([f.name for f in found], default=found[2].name), found, strict=True):
        with tab:
            _formula(formula)
    true, labelled = counts.sum(1), counts.sum(0)
    absent = [name for name, n in zip(NAMES, true + labelled, strict=True) if not n]
    false = [name for name, n, m in zip(NAMES, true, labelled, strict=True) if m and not n]
    notes = ["t_i: sum of row i. Σ_j n_ji: sum of column i. n_ii: the diagonal."]
    notes += [f"{', '.join(absent)}: nowhere, so not in the means."] if absent else []
    notes += [f"{', '.join(false)}: labelled but not there, so IU 0 and no accuracy."] if false else []
    st.caption(" ".join(notes))


def _formula(formula: Formula) -> None:
    if not formula.numbers:
        st.latex(formula.symbols)
        return
    first, *others = formula.numbers
    lines = [formula.symbols, f"= {first}", *(rf"\qquad {line}" for line in others), f"= {formula.value:.3f}"]
    st.latex(r"\begin{aligned}" + r" \\[10pt] ".join(f"&{line}" for line in lines) + r"\end{aligned}")
