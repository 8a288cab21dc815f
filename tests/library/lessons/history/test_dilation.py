"""Dilation at stride 16 against the striding network, and against shift-and-stitch where both agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fcnviz import fcn, geometry, inference, weights
from fcnviz.backbones import lite0
from fcnviz.lessons.history import dilation
from fcnviz.photos import images, samples
from tests.nets import photo, random_net


@pytest.fixture(scope="module")
def net() -> fcn.FCN:
    return weights.load("lite0-fcn32s", "cpu", fold=True)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


@pytest.mark.parametrize("size", [(1, 1), (33, 90), (150, 64)])
def test_every_second_cell_is_a_cell_of_the_striding_network(net, size):
    image = photo(size)
    coarse, dense = inference.coarse(net, image).s32, dilation.dense(net, image)
    assert dense.shape[-2:] == tuple(2 * n for n in coarse.shape[-2:])
    assert relative(dense[..., ::2, ::2], coarse) <= 1e-5
    if min(size) > 32:  # and those between are no copies
        assert dense[0, 0].unique().numel() == dense[0, 0].numel()


def test_it_needs_no_new_weights_and_leaves_the_network_as_it_was(net):
    before = [(m.stride, m.dilation, m.padding) for m in net.modules() if isinstance(m, nn.Conv2d)]
    ours = dilation.dilated(net)
    assert {p.data_ptr() for p in ours.parameters()} == {p.data_ptr() for p in net.parameters()}
    assert before == [(m.stride, m.dilation, m.padding) for m in net.modules() if isinstance(m, nn.Conv2d)]


def test_batch_norms_need_not_be_folded(net):
    image, unfolded = photo((64, 64)), weights.load("lite0-fcn32s", "cpu")
    assert relative(dilation.dense(unfolded, image), dilation.dense(net, image)) <= 1e-4


@pytest.mark.parametrize(("backbone", "stride"), [("vgg16", 32), ("lite0", 16), ("lite0", 8)])
def test_other_networks_are_refused(backbone, stride):
    with pytest.raises(ValueError, match="only an FCN-32s on lite0"):
        dilation.dilated(random_net(backbone, stride))


# --- shift-and-stitch


def apart(net: fcn.FCN, size: tuple[int, int]) -> np.ndarray:
    """Largest difference over the classes between both ways, (h, w), in shares of the largest score."""
    image = photo(size)
    *_, stitched = dilation.stitched(net, image)
    found, numbers = dilation.compare(dilation.dense(net, image), stitched)
    return found / numbers.largest


@pytest.mark.parametrize("size", [(32, 992), (992, 32)])
def test_the_bundled_network_equals_shift_and_stitch_along_each_axis_where_it_sees_no_padding(net, size):
    """A strip: the photo moves along it alone, so that the padding above and below is the same both ways."""
    rows, columns = (dilation.unpadded(n) or range(0, n // 16, 2) for n in size)
    equal = apart(net, size)[rows.start : rows.stop : rows.step, columns.start : columns.stop : columns.step]
    assert equal.size >= 8
    assert equal.max() <= 1e-5


def test_a_shorter_network_equals_shift_and_stitch_on_both_axes_where_it_sees_no_padding():
    """lite0 with one or two blocks a stage: its receptive field is small enough for a small image."""
    net = random_net("lite0", 32)
    kept = {stage: 2 if stage == 5 else 1 for stage in range(7)}
    for stage, blocks in kept.items():
        net.blocks[stage] = net.blocks[stage][:blocks]
    names = {f"blocks.{stage}.{block}" for stage, blocks in kept.items() for block in range(blocks)}
    layers = [x for x in dilation.chain() if x.name in names or x.name.startswith("conv")]
    cells = dilation.unpadded(448, layers)
    difference = apart(net, (448, 448))
    inside = difference[cells.start : cells.stop, cells.start : cells.stop]
    assert inside.shape[0] >= 4
    assert inside.max() <= 1e-5
    assert difference.max() > 1e-3  # at the border, the zeros lie elsewhere


def test_on_a_photo_both_ways_differ_between_the_cells_because_of_the_padding(net):
    """What the page says."""
    image = images.fit(samples.load("cat"), 192)
    *passes, stitched = dilation.stitched(net, image)
    assert len(passes) == 4
    _, found = dilation.compare(dilation.dense(net, image), stitched)
    assert found.same <= 1e-5 * found.largest
    assert found.typical > 0.001 * found.largest
    assert found.between > found.typical
    assert not dilation.unpadded(192)


def test_both_networks_see_as_far():
    assert dilation.field() == geometry.place(lite0.chain()).field
    assert geometry.place(dilation.chain()).stride == 16


def test_the_numbers_of_a_comparison():
    ours, other = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    ours[0, 1] = torch.tensor([[1.0, -8.0], [3.0, 4.0]])
    found, numbers = dilation.compare(ours, other)
    assert found.tolist() == [[1, 8], [3, 4]]
    assert numbers == dilation.Comparison(same=1, between=8, typical=4, largest=8)
