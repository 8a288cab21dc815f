from __future__ import annotations

import copy
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from fcnviz import fcn, inference, metrics, render, weights
from fcnviz.evaluation import measure
from fcnviz.evaluation.report import as_text
from fcnviz.photos import images


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
    assert inference.choose_precision(sure, [photo]) == 1.0
    assert sure.dtype == torch.bfloat16
    assert sure.upscore8.weight.dtype == torch.float32
    result = inference.segment(sure, photo)
    assert result.dtype == "bfloat16"
    assert (result.labels == 3).all()
    assert result.scores.finest.dtype == torch.float32
    # near ties everywhere: labels flip, and all is as it was
    torn = copy.deepcopy(model)
    assert inference.choose_precision(torn, [photo]) == 1.0
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
    found = measure.total(measure.per_photo(model, pairs))
    assert (found.confusion == expected).all()
    report = measure.report(found)
    assert report["mean_iu"] == round(metrics.scores(expected).mean_iu, 4)
    assert f"{100 * report['mean_iu']:.1f} %" in as_text("net", report)


@pytest.mark.parametrize(("stride", "size"), [(8, (1300, 60)), (16, (1100, 45)), (32, (2050, 33))])
def test_a_tall_photo_in_strips_is_the_photo_at_once(stride, size, monkeypatch):
    from tests.nets import photo as noise

    torch.manual_seed(0)
    net = fcn.build("lite0", stride).eval().requires_grad_(False)
    for name, p in net.named_parameters():
        if name.startswith("score"):
            torch.nn.init.normal_(p, std=0.05)
    image = noise(size)
    strips = inference.segment(net, image)
    monkeypatch.setattr("fcnviz.backbones.lite0._STRIP", 10**6)
    monkeypatch.setattr(inference, "STRIP", 10**6)
    whole = inference.segment(net, image)
    for mine, theirs in ((strips.scores.finest, whole.scores.finest), (strips.scores.s32, whole.scores.s32)):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    assert strips.labels.shape == size
    assert (strips.labels == whole.labels).mean() > 0.9999
    assert np.abs(strips.confidence.astype(int) - whole.confidence).max() <= 1


# --- what a user of the library gives and gets


def pil(pixels):
    return Image.fromarray(pixels)


def read_only(pixels):
    return np.asarray(Image.fromarray(pixels))


def mirrored_twice(pixels):
    return np.ascontiguousarray(pixels[:, ::-1])[:, ::-1]


def rgba(pixels):
    return Image.fromarray(pixels).convert("RGBA")


@pytest.mark.parametrize("form", [pil, np.copy, read_only, mirrored_twice, rgba, str, Path])
def test_segment_takes_an_image_an_array_or_a_path(model, photo, tmp_path, form):
    if form in (str, Path):
        photo.save(tmp_path / "a.png")
        given = form(tmp_path / "a.png")
    else:
        given = form(np.asarray(photo))
    result = inference.segment(model, given)
    assert (result.labels == inference.run(model, photo).labels).all()
    assert (np.asarray(result.photo) == np.asarray(photo)).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "I", "F"])
def test_segment_takes_images_of_any_mode_as_open_image_reads_them(model, mode, tmp_path):
    grey = Image.fromarray(np.random.default_rng(2).integers(0, 255, (40, 50), np.uint8))
    given = Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    assert given.mode == mode
    given.save(tmp_path / "a.tif")
    result = inference.segment(model, given)
    assert (np.asarray(result.photo) == np.asarray(images.open_image(tmp_path / "a.tif"))).all()


BAD_IMAGES = [
    np.zeros((4, 5, 3)), *(np.zeros(shape, np.uint8) for shape in ((4, 5), (4, 5, 4), (0, 5, 3))),
    torch.zeros(3, 4, 5), [[0]], None, 7, b"bytes",
]  # fmt: skip


@pytest.mark.parametrize("image", BAD_IMAGES)
def test_segment_says_what_images_it_takes(model, image):
    with pytest.raises(TypeError, match=r"is a PIL image, an \(H, W, 3\) uint8 array or a path, not ."):
        inference.segment(model, image)


def test_segment_says_what_is_wrong_with_the_network(model, photo):
    with pytest.raises(TypeError, match=r"segment\(model, image\)$"):
        inference.segment(photo, model)
    with pytest.raises(TypeError, match=r"give fcnviz.load\('lite0-fcn8s'\)$"):
        inference.segment("lite0-fcn8s", photo)
    with pytest.raises(TypeError, match=r"a network from fcnviz\.load, not Linear"):
        inference.segment(torch.nn.Linear(1, 1), photo)


def test_a_segmentation_in_words(model, photo):
    result = inference.segment(model, photo)
    made = replace(result, labels=np.array([[0, 8, 8, 15]], np.uint8))
    assert repr(made) == "<Segmentation of 4 x 1 px on cpu: cat 50.0 %, background 25.0 %, person 25.0 %>"
    assert repr(result).startswith("<Segmentation of 83 x 61 px on cpu: ")
    two = replace(made, scores=fcn.ScoreMaps(torch.zeros(1, 16, 1, 1)))
    assert "class 8 50.0 %" in repr(two)  # of another data set


def test_a_segmentation_as_a_picture(model, photo):
    result = inference.segment(model, photo)
    tinted = render.overlay(np.asarray(photo), result.labels, render.PALETTES["VOC"], 0.6)
    assert (np.asarray(result.overlay()) == tinted).all()
    assert (np.asarray(result.overlay(0.0)) == np.asarray(photo)).all()
    colours = result.overlay(1.0, render.PALETTES["Colour-blind safe"])
    assert (np.asarray(colours)[result.labels > 0] != np.asarray(photo)[result.labels > 0]).any()
    assert (np.asarray(Image.open(BytesIO(result._repr_png_()))) == tinted).all()
    with pytest.raises(ValueError, match="from 0 to 1"):
        result.overlay(2)


def test_what_the_app_caches_keeps_no_photo(model, photo):
    result = inference.run(model, photo)
    assert result.photo is None
    with pytest.raises(ValueError, match="keeps no photo"):
        result.overlay()
    assert (np.asarray(Image.open(BytesIO(result._repr_png_()))) == result.labels).all()
    large = replace(result, labels=np.zeros((1500, 3000), np.uint8))
    assert Image.open(BytesIO(large._repr_png_())).size == (1000, 500)


@pytest.mark.parametrize("size", [(50, 90), (31, 20), (7, 300)])
def test_interpolated_rows_are_those_of_torch(size):
    logits = torch.randn(1, 3, 23, 31, generator=torch.Generator().manual_seed(1))
    whole = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    assert torch.equal(inference.interpolate(logits, size), whole)
    for rows in (range(size[0]), range(2, 6), range(size[0] - 3, size[0])):
        part = inference.interpolate(logits, size, rows)
        torch.testing.assert_close(part, whole[:, :, rows.start : rows.stop], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strip", [1, 256])
def test_a_larger_photo_is_reduced_for_the_network_and_its_logits_are_interpolated(model, strip, monkeypatch):
    photo = Image.fromarray(np.random.default_rng(2).integers(0, 255, (90, 120, 3), np.uint8))
    monkeypatch.setattr(inference, "STRIP", strip)
    found = inference.segment(model, photo, 80)
    scores, logits = inference.forward(model, images.fit(photo, 80))
    assert torch.equal(found.scores.finest, scores.finest)
    wanted = F.interpolate(logits, size=(90, 120), mode="bilinear", align_corners=False)
    assert found.labels.shape == (90, 120)
    assert (found.labels == wanted[0].argmax(0).numpy()).mean() > 0.999
    wanted_confidence = 255 * wanted.softmax(1).amax(1)[0].numpy()
    assert np.abs(found.confidence - wanted_confidence).max() < 1


def test_the_weights_say_the_input_size_unless_the_caller_does():
    net, photo = weights.load("lite0-fcn32s", fold=True), Image.new("RGB", (900, 450), "navy")
    assert net.longest == weights.find("lite0-fcn32s").size == 416
    assert inference.run(net, photo).scores.finest.shape[-2:] == (7, 13)  # 208 × 416 in cells of 32
    assert inference.run(net, photo, 0).scores.finest.shape[-2:] == (15, 29)
    assert inference.run(net, photo).labels.shape == (450, 900)
