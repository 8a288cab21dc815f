"""Counts of single images, their sums and their order."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.transform
import torch

from fcnviz import metrics
from fcnviz.evaluation import measure, single, trimap
from fcnviz.evaluation.measure import Measured
from fcnviz.evaluation.report import as_text
from fcnviz.photos.images import fit
from fcnviz.photos.voc import VOID
from tests.nets import photo, random_net


@pytest.fixture(scope="module")
def images() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 21, (4, 30, 40)).astype(np.uint8)
    truth = random.choice([0, 8, 15, VOID], (4, 30, 40)).astype(np.uint8)
    return list(zip(labels, truth, strict=True))


def test_images_add_up_to_the_data_set(images):
    whole = measure.total(measure.measure(*pair) for pair in images)
    labels, truth = (np.concatenate(part) for part in zip(*images, strict=True))
    assert (whole.confusion == metrics.confusion(labels, truth, 21)).all()
    assert whole.near.sum(1).tolist() == [whole.confusion.trace(), whole.confusion.sum()]
    assert whole.mean_iu == metrics.scores(whole.confusion).mean_iu


def test_a_report_is_plain_numbers_and_says_what_is_absent(images):
    measured = measure.measure(*images[0])
    report = measure.report(measured)
    s = metrics.scores(measured.confusion)
    assert report["pixel_accuracy"] == round(s.pixel_accuracy, 4)
    assert report["within"]["3"] == round(float(trimap.accuracy(measured.near)[2]), 4)
    assert list(map(int, report["within"])) == list(range(1, trimap.WIDEST + 1))
    assert measure.counted(measured)["confusion"] == measured.confusion.tolist()
    empty = measure.report(Measured.zeros())
    assert empty["mean_iu"] is None
    assert set(empty["class_iu"].values()) == {None}
    assert "absent" in as_text("net", empty)


def of(right: int, wrong: int) -> Measured:
    """An image with one class: mean IU = right / (right + 2 wrong) … of the two seen."""
    confusion = np.zeros((21, 21), np.int64)
    confusion[0, 0], confusion[0, 1] = right, wrong
    return Measured(confusion, Measured.zeros().near)


def test_the_best_come_first_and_what_cannot_be_measured_is_left_out():
    results = {"fair": of(5, 5), "void": of(0, 0), "good": of(9, 1), "bad": of(1, 9), "also fair": of(5, 5)}
    assert [name for name, _ in single.ranked(results)] == ["good", "also fair", "fair", "bad"]
    assert dict(single.ranked(results))["good"] == single.single(results["good"]).mean_iu


def test_gains_are_differences_on_the_same_image():
    before = {"a": of(5, 5), "b": of(9, 1), "only before": of(1, 1)}
    after = {"a": of(9, 1), "b": of(8, 2), "only after": of(1, 1)}
    (first, most), (second, least) = single.gains(before, after)
    assert (first, second) == ("a", "b")
    assert most == pytest.approx(single.single(after["a"]).mean_iu - single.single(before["a"]).mean_iu)
    assert least < 0 < most


def test_a_reduced_photo_gets_labels_of_its_own_size():
    net, large = random_net("lite0", 8), photo((50, 90))
    full, reduced = measure.predict(net, large), measure.predict(net, large, 45)
    assert full.shape == reduced.shape == (50, 90)
    assert (measure.predict(net, large, 90) == full).all()
    assert not (reduced == full).all()
    with torch.no_grad():
        small = net(net.backbone.preprocess(fit(large, 45)))
    scores = np.asarray(small[0].permute(1, 2, 0))
    enlarged = skimage.transform.resize(scores, (50, 90), order=1, mode="edge", anti_aliasing=False)
    assert (reduced == enlarged.argmax(2)).mean() > 0.999
    assert (reduced[::2] != reduced[1::2]).any(), "scores are enlarged, not labels"
