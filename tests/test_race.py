"""Crop by crop against one pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fcnviz import digits, imagenet, race, samples


def laps(runner, images, repeats=1):
    steps = list(race.race(runner, images, repeats))
    shares = [s.share for s in steps]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    return [s.lap for s in steps if s.lap]


def test_both_ways_give_the_same_outputs_and_are_counted():
    runner = race.Runner(digits.load(), digits.SIDE, stride=1)
    images = [digits.scatter((side, side), 3, 0).pixels for side in (8, 12, 17)]
    one, some, hundred = laps(runner, images, repeats=2)
    assert [lap.windows for lap in (one, some, hundred)] == [1, 25, 100]
    assert [lap.side for lap in (one, some, hundred)] == [8, runner.side(5), runner.side(10)]
    for lap in (one, some, hundred):
        assert lap.difference <= 1e-4 and lap.agreement == 1
        assert lap.crops_flops == lap.windows * one.pass_flops
    assert hundred.pass_flops < hundred.crops_flops / 5


def test_100_windows_are_more_than_5_times_as_much_work_one_by_one():
    net = imagenet.lite0().to(memory_format=torch.channels_last)
    runner = race.Runner(net, imagenet.CROP, imagenet.STRIDE, batch=4)
    side = runner.side(10)
    image = imagenet.prepare(imagenet.scaled(samples.load("cat"), side).crop((0, 0, side, side)))
    (lap,) = laps(runner, [image.contiguous(memory_format=torch.channels_last)])
    assert lap.windows == 100
    assert lap.ratio == lap.crops / lap.one_pass > 0  # the seconds are for `python -m fcnviz bench`
    assert lap.crops_flops / lap.pass_flops > 15


def test_flops_are_those_of_the_formula():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 4 * 4, 10))
    x = torch.empty(1, 3, 6, 6)
    assert race.flops(net, x) == 2 * (8 * 3 * 9 * 16 + 8 * 4 * 4 * 10)


def test_it_can_be_left_at_any_step():
    runner = race.Runner(digits.load(), digits.SIDE, stride=1)
    steps = race.race(runner, [digits.scatter((17, 17), 3, 0).pixels])
    first = next(steps)
    assert 0 < first.share < 0.2 and first.lap is None
    steps.close()
    assert torch.is_grad_enabled()
