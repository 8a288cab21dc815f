from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from fcnviz import evaluate, fcn, inference, metrics


@pytest.fixture(scope="module")
def model() -> fcn.FCN:
    torch.manual_seed(0)
    net = fcn.build("lite0", 8).eval()
    for name in ("score_fr", "score_pool4", "score_pool3"):
        torch.nn.init.normal_(net.get_submodule(name).weight, std=0.05)
    return net


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (61, 83, 3), np.uint8))


def test_segment_says_what_the_network_says(model, photo):
    result = inference.segment(model, photo)
    with torch.no_grad():
        probability = model(model.backbone.preprocess(photo)).softmax(1)[0]
    assert result.labels.dtype == np.uint8
    assert result.labels.shape == (61, 83)
    assert (result.labels == probability.argmax(0).numpy()).mean() > 0.999
    assert np.abs(result.confidence / 255 - probability.max(0).values.numpy()).max() < 0.01
    assert result.seconds > 0
    assert (result.device, result.scores.finest.device.type) == ("cpu", "cpu")


def test_segment_keeps_the_small_maps_only(model, photo):
    scores = inference.segment(model, photo).scores
    assert [tuple(s.shape) for s in (scores.s32, scores.s16, scores.s8)] == [
        (1, 21, 2, 3),
        (1, 21, 4, 6),
        (1, 21, 8, 12),
    ]
    assert scores.finest.dtype == torch.float32


def test_upsampling_the_kept_scores_gives_the_labels_again(model, photo):
    result = inference.segment(model, photo)
    labels = model.upsample(result.scores, (61, 83)).argmax(1)[0].numpy()
    assert (labels == result.labels).mean() > 0.999


def test_decide_is_softmax_and_argmax():
    logits = torch.randn(1, 5, 7, 9, generator=torch.Generator().manual_seed(1))
    expected = logits.softmax(1)[0].max(0)
    confidence, labels = inference.decide(logits.clone())
    assert (labels == expected.indices.numpy()).all()
    assert np.abs(confidence / 255 - expected.values.numpy()).max() <= 0.5 / 255 + 1e-6


def test_a_lower_precision_is_kept_only_if_the_labels_stay(model, photo, monkeypatch):
    monkeypatch.setattr(inference, "lower_precisions", lambda device: (torch.bfloat16,))
    monkeypatch.setattr(inference, "TOO_COARSE", set())
    before = inference.segment(model, photo)
    # scores far apart: nothing flips
    sure = copy.deepcopy(model)
    sure.score_fr.bias.data[3] += 1000
    assert inference.settle(sure, [photo]) == 1.0
    assert sure.dtype == torch.bfloat16 and sure.upscore8.weight.dtype == torch.float32
    result = inference.segment(sure, photo)
    assert result.dtype == "bfloat16" and (result.labels == 3).all()
    assert result.scores.finest.dtype == torch.float32
    # near ties everywhere: labels flip, and all is as it was
    torn = copy.deepcopy(model)
    assert inference.settle(torn, [photo]) == 1.0
    assert torn.dtype == torch.float32
    for name, value in model.state_dict().items():
        assert torn.state_dict()[name].equal(value)
    assert (inference.segment(torn, photo).labels == before.labels).all()


def test_lower_precisions_are_the_devices_own():
    assert inference.lower_precisions(torch.device("cuda")) == (torch.float16, torch.bfloat16)
    assert inference.lower_precisions(torch.device("mps")) == ()
    assert inference.lower_precisions(torch.device("cpu")) in ((), (torch.bfloat16,))


def test_evaluate_sums_over_photos(model, photo):
    random = np.random.default_rng(1)
    pairs = [(photo, random.integers(0, 21, (61, 83)).astype(np.uint8)) for _ in range(2)]
    pairs[0][1][:5] = 255
    labels = inference.segment(model, photo).labels
    expected = sum(metrics.confusion(labels, truth, 21) for _, truth in pairs)
    found = evaluate.evaluate(model, pairs)
    assert (found.confusion == expected).all()
    report = evaluate.report(found)
    assert report["mean_iu"] == round(metrics.scores(expected).mean_iu, 4)
    assert f"{100 * report['mean_iu']:.1f} %" in evaluate.table("net", report)


@pytest.mark.parametrize(("stride", "size"), [(8, (1300, 60)), (16, (1100, 45)), (32, (2050, 33))])
def test_a_tall_photo_in_strips_is_the_photo_at_once(stride, size, monkeypatch):
    from nets import photo as noise

    torch.manual_seed(0)
    net = fcn.build("lite0", stride).eval().requires_grad_(False)
    for name, p in net.named_parameters():
        if name.startswith("score"):
            torch.nn.init.normal_(p, std=0.05)
    image = noise(size)
    strips = inference.segment(net, image)
    monkeypatch.setattr("fcnviz.backbones._STRIP", 10**6)
    monkeypatch.setattr(inference, "STRIP", 10**6)
    whole = inference.segment(net, image)
    for mine, theirs in ((strips.scores.finest, whole.scores.finest), (strips.scores.s32, whole.scores.s32)):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    assert strips.labels.shape == size
    assert (strips.labels == whole.labels).mean() > 0.9999
    assert np.abs(strips.confidence.astype(int) - whole.confidence).max() <= 1
