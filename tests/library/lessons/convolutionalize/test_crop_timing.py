"""Crop by crop against one pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fcnviz.lessons.convolutionalize import crop_timing, digits, imagenet
from fcnviz.photos import samples


def timings(net, images, repeats=1):
    steps = list(crop_timing.compare(net, images, repeats))
    shares = [s.share for s in steps]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    return [s.timing for s in steps if s.timing]


def test_both_ways_give_the_same_outputs_and_are_counted():
    net = crop_timing.SlidingClassifier(digits.load(), digits.SIDE, stride=1)
    images = [digits.scatter((side, side), 3, 0).pixels for side in (8, 12, 17)]
    one, some, hundred = timings(net, images, repeats=2)
    assert [t.windows for t in (one, some, hundred)] == [1, 25, 100]
    assert [t.side for t in (one, some, hundred)] == [8, net.side(5), net.side(10)]
    for t in (one, some, hundred):
        assert t.difference <= 1e-4
        assert t.agreement == 1
        assert t.crops_flops == t.windows * one.pass_flops
    assert hundred.pass_flops < hundred.crops_flops / 5


def test_100_windows_are_more_than_5_times_as_much_work_one_by_one():
    lite0 = imagenet.lite0().to(memory_format=torch.channels_last)
    net = crop_timing.SlidingClassifier(lite0, imagenet.CROP, imagenet.STRIDE, batch=4)
    side = net.side(10)
    image = imagenet.prepare(imagenet.scaled(samples.load("cat"), side).crop((0, 0, side, side)))
    (t,) = timings(net, [image.contiguous(memory_format=torch.channels_last)])
    assert t.windows == 100
    assert t.ratio == t.crops / t.one_pass > 0  # the seconds are for `python -m fcnviz bench`
    assert t.crops_flops / t.pass_flops > 15


def test_flops_are_those_of_the_formula():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 4 * 4, 10))
    x = torch.empty(1, 3, 6, 6)
    assert crop_timing.flops(net, x) == 2 * (8 * 3 * 9 * 16 + 8 * 4 * 4 * 10)


def test_it_can_be_left_at_any_step():
    net = crop_timing.SlidingClassifier(digits.load(), digits.SIDE, stride=1)
    steps = crop_timing.compare(net, [digits.scatter((17, 17), 3, 0).pixels])
    first = next(steps)
    assert 0 < first.share < 0.2
    assert first.timing is None
    steps.close()
    assert torch.is_grad_enabled()
