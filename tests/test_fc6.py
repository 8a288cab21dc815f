"""VGG16's dense layers both ways, on the real shapes."""

from __future__ import annotations

import psutil
import pytest
import torch

from fcnviz import fc6, imagenet, samples


@pytest.fixture(scope="module")
def found():
    """The check, and how much larger the process was while fc6 was there than before and after."""
    steps, found, resident = fc6.steps(samples.load("cat")), [], []
    for step in steps:
        found.append(step)
        resident.append(psutil.Process().memory_info().rss)
    assert found[:-1] == ["pool5", "fc6", "fc7", "fc8"]
    return found[-1], resident


def test_sizes_are_vgg16s():
    sizes = fc6.sizes()
    assert sizes["fc6"] == 102_760_448 + 4096
    assert sum(sizes.values()) == 138_357_544


def test_every_window_of_a_pool5_map_agrees_on_one_memory(found):
    check, _ = found
    assert check.pool5 == (9, 11) and check.grid == (3, 5)
    assert 0.01 < check.largest < 10
    assert max(check.one_window, check.every_window) <= 1e-5
    assert all(layer.one_memory for layer in check.layers)
    assert [layer.weights for layer in check.layers] == [102_760_448, 4096 * 4096, 1000 * 4096]
    assert check.layers[0].kernels == (4096, 512, 7, 7) and check.layers[1].kernels == (4096, 4096, 1, 1)


def test_one_weight_moves_both(found):
    dense, conv = found[0].moved
    assert dense == pytest.approx(conv, abs=1e-5) and abs(dense) > 0.01


def test_the_memory_is_given_back(found):
    _, resident = found
    assert max(resident) - resident[0] < 150e6  # between the steps, no layer is there


def test_a_layer_has_the_given_numbers_as_long_as_it_is_needed():
    net, bias = imagenet.vgg16_empty(), torch.arange(1000.0)
    state = {"classifier.6.weight": torch.full((1,), 0.5).expand(1000, 4096), "classifier.6.bias": bias}
    with fc6._here(net.classifier[6], "classifier.6", state) as layer:
        assert (layer(torch.ones(1, 4096)) == 2048 + bias).all()
    assert net.classifier[6].weight.is_meta
    with fc6._here(net.classifier[6], "classifier.6", None) as layer:
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert net.classifier[6].weight.is_meta
