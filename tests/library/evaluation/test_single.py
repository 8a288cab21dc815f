"""Scores of a single photo, against scikit-learn's, and the app's first photo."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, jaccard_score

from fcnviz import weights
from fcnviz.evaluation import on_samples, trimap
from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import WITHIN, single
from fcnviz.photos import images, samples
from fcnviz.photos.voc import CLASSES, VOID


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    truth = np.kron(random.choice([0, 3, 8, VOID], (6, 7)), np.ones((9, 9), int)).astype(np.uint8)
    labels = np.where(random.random(truth.shape) < 0.7, truth, random.choice([0, 3, 5, 15], truth.shape))
    return np.where(labels == VOID, 5, labels).astype(np.uint8), truth


def test_the_scores_are_scikit_learns_over_the_classes_in_the_truth(pair):
    labels, truth = pair
    counted = truth != VOID
    found = single(measure(labels, truth))
    assert found.pixel_accuracy == pytest.approx(accuracy_score(truth[counted], labels[counted]))
    for c, value in found.class_iu.items():
        assert value == pytest.approx(jaccard_score(truth[counted] == c, labels[counted] == c))
    assert list(found.class_iu) == [0, 3, 8]
    assert found.mean_iu == pytest.approx(np.mean(list(found.class_iu.values())))
    near = counted & (trimap.distances(truth) < WITHIN)
    assert found.near == pytest.approx(accuracy_score(truth[near], labels[near]))


def test_false_alarms_are_named_and_cost_the_mean_nothing(pair):
    labels, truth = pair
    found = single(measure(labels, truth))
    counted = labels[truth != VOID]
    assert found.false_alarms == {c: int((counted == c).sum()) for c in found.false_alarms}
    assert set(found.false_alarms) == {5, 15}
    perfect = truth.copy()
    perfect[truth == VOID] = 0
    perfect[0, np.flatnonzero(truth[0] != VOID)[0]] = 5  # one stray pixel
    assert single(measure(perfect, truth)).mean_iu > 0.99


def test_a_photo_without_counted_pixels_has_no_scores():
    void = np.full((4, 4), VOID, np.uint8)
    assert np.isnan(single(measure(np.zeros_like(void), void)).three).all()


@pytest.fixture(scope="module")
def models():
    return {name: weights.load(name, "cpu", fold=True) for name in weights.BUNDLED}


def test_on_the_photo_shown_first_all_scores_rise_from_32s_to_8s(models):
    for size in (weights.find(weights.BUNDLED[0]).size, images.SCREEN):
        found = list(on_samples.scores(models, samples.DEFAULT, size).values())
        assert on_samples.rise(found)
    assert not on_samples.rise(found[::-1])


def test_a_sample_names_the_classes_that_every_network_misses(models):
    for name, sample in samples.SAMPLES.items():
        found = [one.class_iu for one in on_samples.scores(models, name).values()]
        missed = {CLASSES[c] for c in found[0] if max(iu[c] for iu in found) < 0.5}
        assert missed == set(sample.missed), name
