"""Bootstrap intervals against scipy's, and what pairing does."""

import numpy as np
import pytest
from scipy import stats

from fcnviz import metrics
from fcnviz.evaluation import bootstrap, measure, trimap


def images(rights, pixels=1000) -> list[measure.Measured]:
    """Images of two classes whose shares of right pixels are given."""
    found = []
    for right in rights:
        n = round(pixels * right)
        near = np.zeros((2, trimap.WIDEST + 1), np.int64)
        near[:, 0] = n, pixels
        confusion = np.array([[n // 2, (pixels - n) // 2], [pixels - n - (pixels - n) // 2, n - n // 2]])
        found.append(measure.Measured(confusion, near))
    return found


def test_intervals_of_a_mean_are_scipys():
    # with images of one size, pixel accuracy is the mean of the images' accuracies
    rights = np.random.default_rng(1).beta(8, 2, 60).round(3)
    mine = bootstrap.intervals(bootstrap.draws(images(rights), 20_000))
    for name in ("pixel_accuracy", "within_5"):
        theirs = stats.bootstrap((rights,), np.mean, n_resamples=20_000, method="percentile", rng=0)
        assert mine[name] == pytest.approx(theirs.confidence_interval, abs=2e-3)


def test_every_reported_metric_has_an_interval_around_it():
    some = images(np.random.default_rng(4).uniform(0.5, 0.9, 30))
    found = bootstrap.record(some)["intervals"]
    assert list(found)[-2:] == ["iu_background", "iu_aeroplane"]
    scores = metrics.scores(sum(m.confusion for m in some))
    values = dict(zip(["iu_background", "iu_aeroplane"], scores.class_iu, strict=True))
    values |= {name: getattr(scores, name) for name in measure.FOUR}
    for name, value in values.items():
        assert found[name][0] < value < found[name][1], name


def test_a_class_that_no_image_shows_has_no_interval():
    confusion = np.zeros((21, 21), np.int64)
    confusion[0, 0] = 9
    found = bootstrap.record([measure.Measured(confusion, measure.Measured.zeros().near)] * 3)["intervals"]
    assert found["iu_train"] == [None, None]
    assert found["iu_background"] == [1, 1]


def test_more_images_make_it_surer():
    rights = np.random.default_rng(2).beta(8, 2, 400)
    few, many = (bootstrap.intervals(bootstrap.draws(images(rights[:n]), 500))["mean_iu"] for n in (25, 400))
    assert many[1] - many[0] < 0.5 * (few[1] - few[0])


def test_a_small_gain_on_every_image_is_sure_because_it_is_paired():
    rights = np.random.default_rng(3).uniform(0.4, 0.9, 50)
    before, after = images(rights), images(rights + 0.01)
    record = bootstrap.record(after, ("a", before))
    value, low, high = record["gain"]["points"]["pixel_accuracy"]
    assert 0.008 < low <= value <= high < 0.012
    alone = record["intervals"]["pixel_accuracy"]
    assert alone[1] - alone[0] > 10 * (high - low)
    assert record["gain"]["over"] == "a"


def test_one_network_against_itself_gains_nothing():
    same = images([0.5, 0.7, 0.9])
    points = bootstrap.record(same, ("a", same))["gain"]["points"]
    assert all(v == [0, 0, 0] for v in points.values())


def test_no_images():
    with pytest.raises(ValueError, match="no images"):
        bootstrap.draws([])
