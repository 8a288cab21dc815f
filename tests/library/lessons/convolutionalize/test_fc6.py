"""VGG16's dense layers both ways, on the real shapes."""

from __future__ import annotations

import gc

import pytest
import torch

from fcnviz.lessons.convolutionalize import fc6, imagenet
from fcnviz.photos import samples


@pytest.fixture(scope="module")
def found():
    """The check, and the bytes of all tensors in this process before it and between its steps."""
    found, held = [], [_bytes_of_tensors()]
    for step in fc6.steps(samples.load("cat")):
        found.append(step)
        held.append(_bytes_of_tensors())
    assert found[:-1] == ["pool5", "fc6", "fc7", "fc8"]
    return found[-1], held


def _bytes_of_tensors() -> int:
    """Count the memory of every tensor that something still refers to, shared memory once."""
    tensors = [x for x in gc.get_objects() if issubclass(type(x), torch.Tensor) and not x.is_meta]
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}
    return sum(storages.values())


def test_sizes_are_vgg16s():
    sizes = fc6.sizes()
    assert sizes["fc6"] == 102_760_448 + 4096
    assert sum(sizes.values()) == 138_357_544


def test_every_window_of_a_pool5_map_agrees_on_one_memory(found):
    check, _ = found
    assert check.pool5 == (9, 11)
    assert check.grid == (3, 5)
    assert 0.01 < check.largest < 10
    assert max(check.one_window, check.every_window) <= 1e-5
    assert all(layer.one_memory for layer in check.layers)
    assert [layer.weights for layer in check.layers] == [102_760_448, 4096 * 4096, 1000 * 4096]
    assert check.layers[0].kernels == (4096, 512, 7, 7)
    assert check.layers[1].kernels == (4096, 4096, 1, 1)


def test_one_weight_moves_both(found):
    dense, conv = found[0].moved
    assert dense == pytest.approx(conv, abs=1e-5)
    assert abs(dense) > 0.01


def test_the_memory_is_given_back(found):
    _, (before, *between) = found
    assert max(between) - before < 20e6  # the maps and rows stay; the smallest layer, fc8, has 16 MB, fc6 411


def test_a_layer_has_the_given_numbers_as_long_as_it_is_needed():
    net, bias = imagenet.vgg16_empty(), torch.arange(1000.0)
    state = {"classifier.6.weight": torch.full((1,), 0.5).expand(1000, 4096), "classifier.6.bias": bias}
    with fc6._loaded(net.classifier[6], "classifier.6", state) as layer:
        assert (layer(torch.ones(1, 4096)) == 2048 + bias).all()
    assert net.classifier[6].weight.is_meta
    with fc6._loaded(net.classifier[6], "classifier.6", None) as layer:
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert net.classifier[6].weight.is_meta
