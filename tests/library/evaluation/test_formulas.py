"""The sandbox's formulas: what is put in comes to what `metrics.scores` says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcnviz import metrics
from fcnviz.evaluation.formulas import formulas
from fcnviz.photos.voc import VOID
from ui.evaluate import grids as sandbox

FOUR = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")


def value(lines: tuple[str, ...]) -> float:
    """What a formula comes to, read from its TeX alone."""
    tex = " ".join(lines).replace(r"\Bigl(", "(").replace(r"\Bigr)", ")").replace(r"\cdot", "*")
    while r"\frac" in tex:
        tex = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", tex)
    assert not re.search(r"[^\d\s()+*/.-]", tex), tex
    return eval(re.sub(r"\)\s*\(", ")*(", tex))  # noqa: S307


def assert_agree(confusion: np.ndarray) -> None:
    scores = metrics.scores(confusion)
    for formula, name in zip(formulas(confusion), FOUR, strict=True):
        expected = getattr(scores, name)
        if np.isnan(expected):
            assert formula.numbers == ()
            assert np.isnan(formula.value)
        else:
            assert value(formula.numbers) == pytest.approx(expected, abs=1e-12)
            assert formula.value == expected


@pytest.mark.parametrize("preset", sandbox.PRESETS)
def test_every_preset_agrees_with_the_library_at_every_pixel(preset):
    grids, _ = sandbox.PRESETS[preset]
    assert grids.valid
    for pixels in range(sandbox.SIDE**2 + 1):
        assert_agree(grids.confusion(pixels))


@settings(max_examples=100)
@given(arrays(np.int64, (3, 3), elements=st.one_of(st.just(0), st.integers(0, 999))))
def test_any_matrix_agrees_with_the_library(confusion):
    assert_agree(confusion)


def scores(preset: str) -> metrics.Scores:
    return metrics.scores(sandbox.PRESETS[preset][0].confusion())


def test_the_presets_show_what_they_say():
    nothing_found, clean = scores("All background"), scores("Perfect")
    assert nothing_found.pixel_accuracy > 0.7
    assert nothing_found.mean_iu < 0.3
    assert nothing_found.class_iu[1:].tolist() == [0, 0]
    assert (clean.pixel_accuracy, clean.mean_iu) == (1, 1)
    never = scores("Class never predicted")
    assert never.pixel_accuracy > 0.95
    assert never.class_iu[2] == 0
    assert never.mean_iu < 2 / 3
    alarm = scores("False alarm")
    assert alarm.class_iu[2] == 0
    assert np.isnan(alarm.class_accuracy[2])
    grids, _ = sandbox.PRESETS["Void border"]
    differ = sandbox.indices(grids.truth) != sandbox.indices(grids.prediction)
    assert scores("Void border").pixel_accuracy == 1
    assert differ.sum() > 10
    assert (sandbox.indices(grids.truth)[differ] == VOID).all()
    grids, _ = sandbox.PRESETS["One pixel off"]
    shifted = np.roll(sandbox.indices(grids.truth).reshape(8, 8), 1, 1)
    assert (sandbox.indices(grids.prediction).reshape(8, 8) == shifted).all()


def test_the_matrix_builds_up_pixel_by_pixel():
    grids, _ = sandbox.PRESETS["Void border"]
    counted = [grids.confusion(n).sum() for n in range(65)]
    void = sandbox.indices(grids.truth) == VOID
    assert np.diff(counted).tolist() == (~void).astype(int).tolist()


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [("", ""), ("0" * 64, "0" * 63), ("0" * 64, "v" * 64), ("x" * 64, "0" * 64), ("0" * 65, "0" * 65)],
)
def test_what_is_no_grid_is_not_valid(truth, prediction):
    assert not sandbox.Grids(truth, prediction).valid
