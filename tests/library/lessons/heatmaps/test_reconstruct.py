"""Every step between the coarse scores and the labels, against the networks and against plain torch."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcnviz import fcn, geometry, inference, weights
from fcnviz.fcn import FCN
from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.sizes import Setup
from fcnviz.lessons.heatmaps import border, certainty, reconstruct, sums
from fcnviz.lessons.heatmaps.cells import cells_of
from fcnviz.lessons.heatmaps.learned_kernels import learned_kernels
from fcnviz.photos import samples
from tests.nets import grid, photo, random_net

STRIDES = (32, 16, 8)
SIZES = [(61, 94), (64, 96), (1, 1), (150, 33)]


@pytest.fixture(scope="module", params=[(b, s) for b in ("lite0", "vgg16") for s in STRIDES], ids=str)
def net(request) -> FCN:
    return random_net(*request.param)


@pytest.mark.parametrize("size", SIZES)
def test_coarse_and_deconvolution_give_the_networks_logits(net, size):
    scores, logits = inference.forward(net, photo(size))
    mine = reconstruct.dense(net, scores.at(net.stride), net.stride, size, "learned")
    assert mine.shape == logits.shape == (1, 5, *size)
    assert (mine - logits).abs().max() < 1e-4 * max(1, float(logits.abs().max()))
    for index in (0, 3):
        one = reconstruct.dense(net, scores.at(net.stride), net.stride, size, "learned", only=index)
        assert (one[:, 0] - logits[:, index]).abs().max() < 1e-4 * max(1, float(logits.abs().max()))


@pytest.mark.parametrize("stride", STRIDES)
def test_bundled_nets_logits_follow_from_their_scores(stride):
    model = weights.load(f"lite0-fcn{stride}s")
    image = samples.load("cat")
    scores, logits = inference.forward(model, image)
    mine = reconstruct.dense(model, scores.at(stride), stride, (image.height, image.width), "learned")
    assert (mine - logits).abs().max() < 1e-4


def test_a_stage_without_later_skips_is_the_network_with_those_skips_zero(net):
    size = (70, 90)
    scores, _ = inference.forward(net, photo(size))
    silent = random_net(net.backbone.name, net.stride)
    for name, p in silent.named_parameters():
        if name.startswith(("score_pool4", "score_pool3")):
            p.zero_()
    silent.load_state_dict({k: v for k, v in net.state_dict().items() if "pool" not in k}, strict=False)
    for name in silent.upsamplers:
        silent.get_submodule(name).load_state_dict(net.get_submodule(name).state_dict())
    _, expected = inference.forward(silent, photo(size))
    mine = reconstruct.dense(net, scores.s32, 32, size, "learned")
    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("way", reconstruct.WAYS)
def test_every_way_fills_the_photo_and_puts_a_blob_where_it_was(net, way):
    """A smooth blob on the grid stays within half a cell of where the cells' places say it is."""
    if way == "learned":
        for name, factor in net.upsamplers.items():
            fresh = fcn.deconvolution(5, factor, per_class=net.backbone.per_class)
            net.get_submodule(name).load_state_dict(fresh.state_dict())
    size = (400, 500)
    for stride in (s for s in STRIDES if s >= net.stride):
        h, w = grid(net, size, stride)
        at = cells_of(net, torch.empty(1, 5, h, w), stride)
        assert at.shape == (h, w)
        row, column = h // 2, w // 2
        coarse = torch.zeros(1, 5, h, w)
        coarse[0, 2, row, column] = 1.0
        dense = reconstruct.dense(net, coarse, stride, size, way, only=2)[0, 0]
        assert dense.shape == size
        y, x = np.indices(size)
        mass = dense.numpy() / dense.sum().item()
        centre = (mass * x).sum(), (mass * y).sum()
        expected = at.start[0] + stride * column, at.start[1] + stride * row
        np.testing.assert_allclose(centre, expected, atol=0.51)
        assert at.at(*expected) == (column, row)
        left, top, right, bottom = at.edges(column, row)
        assert (right - left, bottom - top) == (stride, stride)


@pytest.mark.parametrize("width", [1, 17, 64, 375, 500, 511])
def test_every_way_reaches_the_last_pixel_of_any_size(net, width):
    size = (width, 40)
    for stride in (s for s in STRIDES if s >= net.stride):
        coarse = torch.rand(1, 5, *grid(net, size, stride))
        for way in reconstruct.WAYS:
            assert reconstruct.dense(net, coarse, stride, size, way, only=0).shape == (1, 1, *size)


def test_reconstructions_as_scores_and_as_probabilities(net):
    size = (40, 70)
    coarse = torch.randn(1, 5, *grid(net, size, net.stride)) * 3
    score = reconstruct.reconstruct(net, coarse, net.stride, size, 2)
    np.testing.assert_array_equal(score.coarse, coarse[0, 2].numpy())
    log_sums = reconstruct.all_classes(net, coarse, net.stride, size).log_sums
    chance = reconstruct.reconstruct(net, coarse, net.stride, size, 2, log_sums)
    assert set(score.dense) == set(chance.dense) == set(reconstruct.WAYS)
    for way in reconstruct.WAYS:
        every = reconstruct.dense(net, coarse, net.stride, size, way)
        np.testing.assert_allclose(score.dense[way], every[0, 2].numpy(), atol=1e-5)
        np.testing.assert_allclose(chance.dense[way], every.softmax(1)[0, 2].numpy(), atol=1e-5)
    np.testing.assert_allclose(chance.coarse, coarse.softmax(1)[0, 2].numpy(), atol=1e-6)
    np.testing.assert_array_equal(score.border, score.dense["fixed"] - score.dense["bilinear"])
    np.testing.assert_array_equal(score.learning, score.dense["learned"] - score.dense["fixed"])


def test_labels_by_each_way_are_the_best_classes(net):
    size = (40, 70)
    coarse = torch.randn(1, 5, *grid(net, size, net.stride)) * 3
    found = reconstruct.all_classes(net, coarse, net.stride, size).labels
    for way, labels in found.items():
        dense = reconstruct.dense(net, coarse, net.stride, size, way)
        np.testing.assert_array_equal(labels, dense[0].argmax(0).numpy())
    assert set(found) == {"bilinear", "fixed", "learned"}


# --- the border


@pytest.mark.parametrize("stride", [2, 8, 16, 32])
def test_deconvolution_is_interpolation_but_for_the_border(stride):
    torch.manual_seed(0)
    coarse = torch.randn(7, 9)
    found = border.compare(coarse, stride)
    assert found.difference.shape == (7 * stride, 9 * stride)
    assert found.inside <= 1e-6
    assert found.outside > 0.1
    # by hand: zeros around the map are what the deconvolution sees beyond the border
    padded = F.pad(coarse, (1, 1, 1, 1))[None, None]
    zero_sided = F.interpolate(padded, scale_factor=stride, mode="bilinear")[0, 0]
    cut = zero_sided[stride:-stride, stride:-stride]
    plain = F.interpolate(coarse[None, None], scale_factor=stride, mode="bilinear")[0, 0]
    np.testing.assert_allclose(found.difference, (cut - plain).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("backbone", "first"), [("lite0", (16, 8, 4)), ("vgg16", (13, 0, 0))]
)  # read off the crops: stride − crop, or nothing
def test_the_border_reaches_into_the_photo_unless_the_crop_cuts_it_off(backbone, first):
    for stride, wanted in zip(STRIDES, first, strict=True):
        setup = Setup(backbone, stride)
        scores = geometry.stages(*map(setup.place, range(3)))[stride]
        step = next(s for s in layout.steps(setup, 500) if s.name == geometry.SCORE_MAPS[stride])
        assert border.reach(scores, 500, step.after)[0] == wanted == max(stride - setup.crops.final, 0)
    assert border.reach(geometry.Place(Fraction(8), Fraction(7, 2)), 64, 8) == (4, 4)  # 8 cells fill 64 px
    assert border.reach(geometry.Place(Fraction(8), Fraction(7, 2)), 5, 1) == (5, 5)


def test_weight_sums_at_the_edge():
    line = border.weight_sums(32)
    assert line.shape == (32,)
    assert line[0] == pytest.approx(0.515625)  # 33/64: the facts' 0.516
    np.testing.assert_allclose(line[16:], 1, atol=1e-6)
    assert (np.diff(line[:16]) > 0).all()
    assert border.weight_sums(2)[0] == pytest.approx(0.75)


# --- skips


def test_the_margin_is_the_distance_to_the_best_other_class():
    scores = torch.tensor([[[[3.0, 1.0]], [[2.0, 4.0]], [[0.0, 6.0]]]])  # (1, 3, 1, 2)
    assert sums.margin(scores, 0).tolist() == [[1.0, -5.0]]
    assert sums.margin(scores, 2).tolist() == [[-3.0, 2.0]]
    scores = torch.randn(1, 5, 4, 6)
    won = np.stack([sums.margin(scores, c) > 0 for c in range(5)])
    assert (won.argmax(0) == scores[0].argmax(0).numpy()).all()
    assert (won.sum(0) == 1).all()


def test_the_terms_add_up(net):
    scores, _ = inference.forward(net, photo((90, 130)))
    found = sums.sums(net, scores)
    assert [s.stride for s in found] == [s for s in (16, 8) if s >= net.stride]
    for s in found:
        assert s.upscored.shape == s.skip.shape == s.fused.shape
        assert (s.upscored + s.skip - s.fused).abs().max() < 1e-5 * max(1, float(s.fused.abs().max()))
        assert s.fused.equal(scores.at(s.stride))
        # the skip is the score layer's own output, not a difference of the other two
        seen: list[Tensor] = []
        layer = net.get_submodule({16: "score_pool4", 8: "score_pool3"}[s.stride])
        hook = layer.register_forward_hook(lambda *a, seen=seen: seen.append(a[2]))
        inference.forward(net, photo((90, 130)))
        hook.remove()
        crop = max(net.crops.skips[s.stride], 0)
        h, w = s.skip.shape[-2:]
        torch.testing.assert_close(s.skip, seen[0][..., crop : crop + h, crop : crop + w])


def test_labels_up_to_the_networks_own_stride_are_its_labels(net):
    image = photo((77, 120))
    result = inference.segment(net, image)
    mine = sums.labels_up_to(net, result.scores, net.stride, (77, 120))
    np.testing.assert_array_equal(mine, result.labels)


def test_the_share_that_a_skip_flips_is_what_counting_gives():
    from fcnviz import render

    model = weights.load("lite0-fcn8s")
    image = samples.load("cat")
    size = (image.height, image.width)
    scores = inference.segment(model, image).scores
    before, after = (sums.labels_up_to(model, scores, s, size) for s in (32, 16))
    count = sum(int(a != b) for a, b in zip(before.ravel().tolist(), after.ravel().tolist(), strict=True))
    assert render.flipped_share(before, after) == count / before.size
    assert count > 0


# --- one pixel


def test_logits_of_one_pixel(net):
    size = (75, 130)
    scores, logits = inference.forward(net, photo(size))
    for x, y in [(0, 0), (129, 74), (64, 31), (32, 64), (5, 70)]:
        mine = certainty.at_pixel(net, scores, x, y)
        np.testing.assert_allclose(mine, logits[0, :, y, x].numpy(), rtol=1e-4, atol=1e-4)


# --- kernels and certainty


def test_kernels_start_bilinear_and_the_bundled_ones_have_moved():
    fresh = fcn.build("lite0", 8, imagenet=False)
    assert [k.change for k in learned_kernels(fresh, 3)] == [0.0] * 3
    assert all(k.frozen for k in learned_kernels(fresh, 3))
    model = weights.load("lite0-fcn8s")
    found = learned_kernels(model, 8)
    assert [(k.layer, k.factor, k.learned.shape) for k in found] == [
        ("upscore2", 2, (4, 4)),
        ("upscore_pool4", 2, (4, 4)),
        ("upscore8", 8, (16, 16)),
    ]
    for k in found:
        weight = model.get_submodule(k.layer).weight[8, 0].detach().numpy()
        np.testing.assert_array_equal(k.learned, weight)
        norm = np.sqrt(((weight - k.bilinear) ** 2).sum()) / np.sqrt((k.bilinear**2).sum())
        assert k.change == pytest.approx(norm)
        assert 0 < k.change < 1
        assert not k.frozen


def test_full_kernels_show_the_class_to_itself():
    model = random_net("vgg16", 16)
    for k in learned_kernels(model, 2):
        np.testing.assert_array_equal(k.learned, model.get_submodule(k.layer).weight[2, 2].numpy())


def test_entropy_is_scipys():
    from scipy.stats import entropy

    logits = torch.randn(1, 21, 6, 5) * 4
    expected = entropy(logits[0].softmax(0).numpy(), base=2, axis=0)
    np.testing.assert_allclose(certainty.entropy(logits), expected, atol=1e-5)
    even = certainty.entropy(torch.zeros(1, 21, 2, 2))
    np.testing.assert_allclose(even, np.log2(21), atol=1e-5)
