"""The gradient of a random share of the loss, against autograd through the network itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fcnviz import fcn, weights
from fcnviz.lessons.training import sampling
from fcnviz.lessons.training.sampling import Forward, Loss
from fcnviz.photos import images, samples
from fcnviz.photos.voc import VOID

NAME = "lite0-fcn32s"


@pytest.fixture(scope="module")
def net() -> fcn.FCN:
    return weights.load(NAME, "cpu", fold=True)


@pytest.fixture(scope="module")
def photo():
    """An image whose sides no stride divides, and its labels with void ones."""
    image = images.fit(samples.load("astronaut"), 150)
    labels = images.resize_labels(samples.annotation("astronaut"), image.size)
    assert (labels == VOID).any()
    return image, labels


@pytest.fixture(scope="module")
def loss(net, photo) -> Loss:
    image, labels = photo
    return Loss(net, sampling.forward(net, image), labels.shape, labels)


def by_autograd(net, photo, kept=None) -> tuple[float, np.ndarray]:
    """The mean loss over all counted pixels, of which only those kept are in the sum, and its gradient."""
    image, labels = photo
    target = torch.tensor(labels).long()[None]
    parameters = (net.score_fr.weight, net.score_fr.bias)
    for p in parameters:
        p.requires_grad_(True)
    try:
        each = F.cross_entropy(
            net(net.backbone.preprocess(image)), target, ignore_index=VOID, reduction="none"
        )
        counts = torch.ones_like(each) if kept is None else torch.tensor(kept)[None]
        mean = (each * counts).sum() / (target != VOID).sum()
        weight, bias = torch.autograd.grad(mean, parameters)
    finally:
        for p in parameters:
            p.requires_grad_(False)
    return float(mean.detach()), torch.cat([weight[:, :, 0, 0], bias[:, None]], 1).numpy()


def test_all_of_it_is_autograds_gradient_of_the_mean_loss(net, photo, loss):
    mean, gradient = by_autograd(net, photo)
    assert loss.mean == pytest.approx(mean, rel=1e-5)
    np.testing.assert_allclose(loss.gradient(), gradient, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("side", [1, 32])
def test_a_share_of_it_is_autograds_gradient_of_the_kept_pixels(net, photo, loss, side):
    kept = sampling.draw(loss.labels.shape, 0.5, side, np.random.default_rng(1))
    part, gradient = by_autograd(net, photo, kept)
    np.testing.assert_allclose(loss.gradient(kept, 0.5), 2 * gradient, atol=1e-5 * np.abs(gradient).max())
    assert loss.of(kept, 0.5) == pytest.approx(2 * part, rel=1e-5)


@pytest.mark.parametrize("side", [1, 32])
def test_the_mean_over_draws_approaches_the_full_gradient(loss, side):
    """Without a bias, the mean of n draws is √n times as near as one draw."""
    few, many = (next(sampling.trials(loss, [side], [0.5], n)) for n in (4, 144))
    assert many.mean == pytest.approx(many.one / 12, rel=0.5)
    assert many.mean < few.mean
    undivided = sampling.distance(0.5 * loss.gradient(), loss.gradient())
    assert undivided.error == pytest.approx(0.5)  # what the mean would be without the division
    assert many.mean < 0.5 * undivided.error


def test_more_is_kept_and_finer_squares_are_nearer(loss):
    found = list(sampling.trials(loss, [1, 32], [0.1, 0.5, 1.0], 12))
    fine, coarse = found[:3], found[3:]
    for part in (fine, coarse):
        errors = [trial.one for trial in part]
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 1e-9
    assert fine[0].one < coarse[0].one


def test_a_draw_keeps_whole_squares_with_that_probability():
    kept = sampling.draw((1000, 990), 0.3, 10, np.random.default_rng(0))
    squares = kept.reshape(100, 10, 99, 10)
    assert (squares.any((1, 3)) == squares.all((1, 3))).all()
    assert kept.mean() == pytest.approx(0.3, abs=0.02)
    assert sampling.draw((33, 31), 1.0, 32, np.random.default_rng(0)).shape == (33, 31)


def test_without_a_mask_the_labels_are_the_networks_own(net, photo):
    image, labels = photo
    own = Loss(net, sampling.forward(net, image), labels.shape)
    assert own.counted == labels.size
    assert (own.labels == net(net.backbone.preprocess(image))[0].argmax(0).numpy()).all()
    assert own.pixels.max() <= np.log(net.num_classes) + 1e-4  # the best class has a share of 1 / C at least


def test_all_void_has_no_loss_and_no_gradient(net, photo):
    image, labels = photo
    nothing = Loss(net, sampling.forward(net, image), labels.shape, np.full_like(labels, VOID))
    assert nothing.mean == 0
    assert not nothing.gradient().any()
    assert np.isnan(sampling.distance(nothing.gradient(), nothing.gradient()).cosine)


def test_the_loss_alone_needs_only_scores(net, photo, loss):
    image, labels = photo
    scores = Forward(net.scores(net.backbone.preprocess(image)).s32)
    light = Loss(net, scores, labels.shape, labels)
    np.testing.assert_allclose(light.pixels, loss.pixels, atol=1e-5)
    with pytest.raises(ValueError, match="what the score layer has read"):
        light.gradient()


def test_networks_with_skips_are_refused():
    with pytest.raises(ValueError, match="more score layers"):
        sampling.forward(fcn.build("lite0", 16, imagenet=False), images.fit(samples.load("cat"), 64))
