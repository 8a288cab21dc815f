"""Counts of single images, their sums and their order."""

from __future__ import annotations

import numpy as np
import pytest
from nets import photo, random_net

from fcnviz import evaluate, metrics, trimap
from fcnviz.evaluate import Measured
from fcnviz.voc import VOID


@pytest.fixture(scope="module")
def images() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 21, (4, 30, 40)).astype(np.uint8)
    truth = random.choice([0, 8, 15, VOID], (4, 30, 40)).astype(np.uint8)
    return list(zip(labels, truth, strict=True))


def test_images_add_up_to_the_data_set(images):
    whole = evaluate.total(evaluate.measure(*pair) for pair in images)
    labels, truth = (np.concatenate(part) for part in zip(*images, strict=True))
    assert (whole.confusion == metrics.confusion(labels, truth, 21)).all()
    assert whole.near.sum(1).tolist() == [whole.confusion.trace(), whole.confusion.sum()]
    assert whole.mean_iu == metrics.scores(whole.confusion).mean_iu


def test_a_report_is_plain_numbers_and_says_what_is_absent(images):
    measured = evaluate.measure(*images[0])
    report = evaluate.report(measured)
    s = metrics.scores(measured.confusion)
    assert report["pixel_accuracy"] == round(s.pixel_accuracy, 4)
    assert report["within"]["3"] == round(float(trimap.accuracy(measured.near)[2]), 4)
    assert list(map(int, report["within"])) == list(range(1, trimap.WIDEST + 1))
    assert evaluate.counted(measured)["confusion"] == measured.confusion.tolist()
    empty = evaluate.report(evaluate.nothing())
    assert empty["mean_iu"] is None and set(empty["class_iu"].values()) == {None}
    assert "absent" in evaluate.table("net", empty)


def of(right: int, wrong: int) -> Measured:
    """An image with one class: mean IU = right / (right + 2 wrong) … of the two seen."""
    confusion = np.zeros((21, 21), np.int64)
    confusion[0, 0], confusion[0, 1] = right, wrong
    return Measured(confusion, evaluate.nothing().near)


def test_the_best_come_first_and_what_cannot_be_measured_is_left_out():
    results = {"fair": of(5, 5), "void": of(0, 0), "good": of(9, 1), "bad": of(1, 9), "also fair": of(5, 5)}
    assert [name for name, _ in evaluate.ranked(results)] == ["good", "also fair", "fair", "bad"]
    assert dict(evaluate.ranked(results))["good"] == results["good"].mean_iu


def test_gains_are_differences_on_the_same_image():
    before = {"a": of(5, 5), "b": of(9, 1), "only before": of(1, 1)}
    after = {"a": of(9, 1), "b": of(8, 2), "only after": of(1, 1)}
    (first, most), (second, least) = evaluate.gains(before, after)
    assert (first, second) == ("a", "b")
    assert most == pytest.approx(after["a"].mean_iu - before["a"].mean_iu)
    assert least < 0 < most


def test_a_reduced_photo_gets_labels_of_its_own_size():
    net, large = random_net("lite0", 8), photo((50, 90))
    full, reduced = evaluate.predict(net, large), evaluate.predict(net, large, 45)
    assert full.shape == reduced.shape == (50, 90)
    assert (evaluate.predict(net, large, 90) == full).all()
    assert not (reduced == full).all()
    assert (reduced[::2] == reduced[1::2]).all() and (reduced[:, ::2] == reduced[:, 1::2]).all()
