"""The four metrics, against torchmetrics and against the definitions written out as loops."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_jaccard_index,
)

from fcnviz.metrics import Scores, confusion, scores

VOID = 255


def random_pair(seed: int, classes: int = 21) -> tuple[np.ndarray, np.ndarray]:
    """Labels and truth with absent classes, false alarms, void pixels and plenty of agreement."""
    rng = np.random.default_rng(seed)
    in_truth = rng.choice(classes, rng.integers(1, classes + 1), replace=False)
    in_labels = rng.choice(classes, rng.integers(1, classes + 1), replace=False)
    truth = rng.choice(in_truth, (23, 31))
    labels = np.where(rng.random(truth.shape) < rng.random(), truth, rng.choice(in_labels, truth.shape))
    truth[rng.random(truth.shape) < 0.1] = VOID
    return labels.astype(np.uint8), truth.astype(np.uint8)


def by_definition(labels: np.ndarray, truth: np.ndarray, classes: int) -> tuple[list[float], list[float]]:
    """(accuracies, IUs) from sets of pixels, without a confusion matrix."""
    accuracy, iu = [], []
    for c in range(classes):
        true, labelled = truth == c, (labels == c) & (truth != VOID)
        both, either = (true & labelled).sum(), (true | labelled).sum()
        accuracy.append(both / true.sum() if true.any() else math.nan)
        iu.append(both / either if either else math.nan)
    return accuracy, iu


@pytest.mark.parametrize("seed", range(30))
def test_confusion_equals_torchmetrics(seed):
    labels, truth = random_pair(seed)
    theirs = multiclass_confusion_matrix(
        torch.tensor(labels).int(), torch.tensor(truth).int(), 21, ignore_index=VOID
    )
    ours = confusion(labels, truth, 21)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("seed", range(30))
def test_scores_equal_torchmetrics(seed):
    labels, truth = random_pair(seed)
    ours = scores(confusion(labels, truth, 21))
    options = {"num_classes": 21, "ignore_index": VOID}
    pair = torch.tensor(labels).long(), torch.tensor(truth).long()
    in_truth = np.isin(np.arange(21), truth)

    assert ours.pixel_accuracy == pytest.approx(float(multiclass_accuracy(*pair, average="micro", **options)))
    assert ours.mean_iu == pytest.approx(float(multiclass_jaccard_index(*pair, average="macro", **options)))
    assert ours.frequency_weighted_iu == pytest.approx(
        float(multiclass_jaccard_index(*pair, average="weighted", **options))
    )
    # torchmetrics scores a class without true pixels 0; the paper's rule leaves it out
    accuracy = multiclass_accuracy(*pair, average="none", **options).numpy()
    assert ours.mean_accuracy == pytest.approx(float(accuracy[in_truth].mean()))


@pytest.mark.parametrize("seed", range(30))
def test_class_scores_equal_their_definition(seed):
    labels, truth = random_pair(seed)
    ours = scores(confusion(labels, truth, 21))
    accuracy, iu = by_definition(labels, truth, 21)
    np.testing.assert_allclose(ours.class_accuracy, accuracy)
    np.testing.assert_allclose(ours.class_iu, iu)
    assert ours.mean_accuracy == pytest.approx(np.nanmean(accuracy))
    assert ours.mean_iu == pytest.approx(np.nanmean(iu))


def test_worked_example():
    s = scores([[50, 10], [20, 20]])
    assert s.pixel_accuracy == pytest.approx(70 / 100)
    assert s.mean_accuracy == pytest.approx((50 / 60 + 20 / 40) / 2)
    assert s.mean_iu == pytest.approx((50 / 80 + 20 / 50) / 2)
    assert s.frequency_weighted_iu == pytest.approx((60 * 50 / 80 + 40 * 20 / 50) / 100)


def test_perfect_labels_score_one():
    _, truth = random_pair(3)
    s = scores(confusion(np.where(truth == VOID, 7, truth), truth, 21))
    assert (s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu) == (1, 1, 1, 1)


def test_false_alarm_costs_iu_but_not_accuracy():
    s = scores(confusion([0, 0, 0, 2], [0, 0, 0, 0], 4))
    np.testing.assert_array_equal(s.class_iu, [0.75, math.nan, 0, math.nan])
    np.testing.assert_array_equal(s.class_accuracy, [0.75, math.nan, math.nan, math.nan])
    assert (s.mean_iu, s.mean_accuracy) == (0.375, 0.75)


@given(seed=st.integers(0, 2**31), parts=st.integers(1, 4))
@settings(max_examples=40)
def test_confusions_add_up(seed, parts):
    pairs = [random_pair(seed + i) for i in range(parts)]
    whole = confusion(np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs]), 21)
    np.testing.assert_array_equal(whole, sum(confusion(*p, 21) for p in pairs))


@given(seed=st.integers(0, 2**31))
@settings(max_examples=40)
def test_metrics_do_not_depend_on_class_order_and_iu_not_on_sides(seed):
    counts = confusion(*random_pair(seed), 21)
    ours, order = scores(counts), np.random.default_rng(seed).permutation(21)
    shuffled, swapped = scores(counts[np.ix_(order, order)]), scores(counts.T)
    for name in ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu"):
        assert getattr(shuffled, name) == pytest.approx(getattr(ours, name), nan_ok=True)
    np.testing.assert_array_equal(swapped.class_iu, ours.class_iu)
    assert swapped.pixel_accuracy == ours.pixel_accuracy


@pytest.mark.parametrize("truth", [np.full((4, 5), VOID, np.uint8), np.empty((0, 5), np.uint8)])
def test_nothing_to_measure_is_nan_without_warnings(truth):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s = scores(confusion(np.full(truth.shape, 9), truth, 3))
    for value in vars(s).values():
        assert np.isnan(value).all()
    assert isinstance(s, Scores)
    assert type(s.mean_iu) is float
    assert s.class_iu.shape == (3,)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_tensors_are_accepted(dtype):
    labels, truth = random_pair(5)
    tensors = torch.tensor(labels).to(dtype), torch.tensor(truth).to(dtype)
    np.testing.assert_array_equal(confusion(*tensors, 21), confusion(labels, truth, 21))


def test_labels_under_void_are_free():
    assert confusion([255, -3, 1], [255, 255, 1], 2).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("labels", "truth", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "sizes must match"),
        ([0, 3], [0, 1], "class 3 in the labels"),
        ([0, -1], [0, 1], "class -1 in the labels"),
        ([0, 255], [0, 1], "class 255 in the labels"),
        ([0, 1], [0, 3], "class 3 in the truth"),
        ([0, 1], [0, -1], "outside 0 to 2"),
        ([0.0, 1.0], [0, 1], "integer"),
        ([0, 1], [0.5, 1.0], "integer"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(labels, truth, message):
    with pytest.raises(ValueError, match=message) as error:
        confusion(labels, truth, 3)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_scores_refuse_a_matrix_that_is_not_square():
    with pytest.raises(ValueError, match="square"):
        scores(np.zeros((2, 3)))
