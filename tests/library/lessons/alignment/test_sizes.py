"""Crops and legal sizes: the authors' numbers, derived, and the facts that the page states."""

import tokenize
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fcnviz import backbones, geometry
from fcnviz.lessons.alignment import sizes
from fcnviz.lessons.alignment.sizes import (
    CROPS,
    MAX_PAD,
    MAX_SIDE,
    Setup,
    Verdict,
    derive,
    least_pad,
    smallest,
    verdict,
)

AUTHORS = {"score_pool4": 5, "score_pool3": 9, "upscore": 19, "upscore16": 27, "upscore8": 31}


@pytest.mark.parametrize(("name", "expected"), AUTHORS.items())
def test_the_authors_offsets_are_derived(name, expected):
    found = derive(Setup("vgg16"), name)
    assert found.crop == expected
    assert found.pixels == found.apart / found.source.stride == expected


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("pad", [100, 81, 40, 0])
def test_derivations_are_the_crops_of_the_nets(backbone, pad):
    for name, stride in CROPS.items():
        crops = Setup(backbone, stride, pad).crops
        at = {"score_pool4": 16, "score_pool3": 8}.get(name)
        expected = crops.final if at is None else crops.skips[at]
        assert derive(Setup(backbone, pad=pad), name).crop == expected


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
@pytest.mark.parametrize("name", CROPS)
def test_the_moves_add_up(backbone, name):
    found = derive(Setup(backbone), name)
    steps = sizes.moves(found.path)
    end = found.source if found.onto == "image" else found.reference
    assert sum(m.by for m in steps) == steps[-1].place.offset == end.offset
    assert steps[-1].place.stride == end.stride


def test_the_padding_moves_all_maps_alike_and_only_the_final_crop_changes():
    for pad in range(MAX_PAD + 1):
        crops = Setup("vgg16", 8, pad).crops
        assert (crops.skips, crops.final) == ({16: 5, 8: 9}, pad - 69)


def test_lite0s_true_centres_are_apart_by_part_of_a_pixel():
    found = derive(Setup("lite0"), "score_pool4", exact=True)
    assert (found.apart, found.pixels) == (-8, geometry.Fraction(-1, 2))
    with pytest.raises(ValueError, match="-1/2 pixels apart"):
        found.crop  # noqa: B018
    places = [Setup("lite0").place(tap, exact=True) for tap in range(3)]
    assert [float(p.offset) for p in places] == [7, 15, 31]


@pytest.mark.parametrize("name", ["vgg16", "lite0"])
def test_a_setup_has_the_paths_and_places_of_the_backbone(name):
    with torch.device("meta"):
        real = backbones.build(name, imagenet=False)
    setup = Setup(name)
    assert [setup.path(tap) for tap in range(3)] == [
        backbones.until(real.chain, t) for t in backbones.TAPS[name]
    ]
    assert tuple(setup.place(tap) for tap in range(3)) == real.places
    assert setup.multiple == real.multiple


def test_pooling_rounds_as_told_and_padding_is_as_told():
    up, down = Setup("vgg16", pad=7).chain, Setup("vgg16", pad=7, ceil=False).chain
    assert [c.name for c in up if c.ceil] == ["pool1", "pool2", "pool3", "pool4", "pool5"]
    assert not any(c.ceil for c in down)
    assert [replace(c, ceil=False) for c in up] == down
    assert down[0].pad == 7


@pytest.mark.parametrize(
    "file",
    [
        "fcnviz/lessons/alignment/sizes.py",
        "fcnviz/lessons/alignment/layout.py",
        "ui/alignment/controls.py",
        "ui/alignment/to_scale.py",
        "ui/alignment/crops.py",
        "ui/alignment/sizes.py",
        "ui/alignment/layers.py",
        "ui/alignment/figures.py",
    ],
)
def test_no_crop_and_no_padding_that_it_takes_is_written_down(file):
    with (Path(sizes.__file__).parents[3] / file).open("rb") as source:
        tokens = [t for t in tokenize.tokenize(source.readline) if t.type == tokenize.NUMBER]
    assert len(tokens) > 1  # this really reads the file
    found = {float(t.string) for t in tokens}
    assert not found & {9, 19, 27, 31, 81, 73, 69, 97}


# --- which sizes work ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pad", "ceil", "least"), [(0, True, 195), (1, True, 193), (1, False, 224), (100, True, 1)]
)
def test_the_smallest_image_that_runs(pad, ceil, least):
    assert smallest(Setup("vgg16", 32, pad, ceil), Verdict.UNCOVERED) == least


@pytest.mark.parametrize(("stride", "reach"), [(32, 81), (16, 73), (8, 69)])
def test_less_padding_than_the_final_crop_leaves_covers_no_image(stride, reach):
    assert reach == 100 - Setup("vgg16", stride).crops.final
    assert smallest(Setup("vgg16", stride, reach - 1)) is None
    least = smallest(Setup("vgg16", stride, reach))
    assert all(verdict(Setup("vgg16", stride, reach), n) is Verdict.WORKS for n in range(least, MAX_SIDE))


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_97_px_of_padding_are_enough_for_any_image_if_pooling_rounds_up(stride):
    assert least_pad(Setup("vgg16", stride)) == 97
    assert verdict(Setup("vgg16", stride, 96), 1) is Verdict.TOO_SMALL
    assert least_pad(Setup("vgg16", stride, ceil=False)) is None


def test_rounding_down_loses_rows_at_the_end_of_some_sizes():
    setup = Setup("vgg16", ceil=False)
    verdicts = [verdict(setup, n) for n in range(26, 400)]
    assert {Verdict.UNCOVERED, Verdict.WORKS} == set(verdicts)
    assert verdicts[32:] == verdicts[:-32]  # the pattern repeats every coarse cell
    bad = 26 + verdicts.index(Verdict.UNCOVERED)
    assert bad < smallest(setup, start=bad) < bad + 32


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_lite0_works_for_every_size(stride):
    assert all(verdict(Setup("lite0", stride), n) is Verdict.WORKS for n in range(1, MAX_SIDE + 1))
    assert least_pad(Setup("lite0", stride)) == 0
