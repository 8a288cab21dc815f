"""Layers, parameters and receptive fields, derived: the paper's for VGG16, and what the skips add."""

import pytest
import torch

from fcnviz import fcn, weights
from fcnviz.lessons.alignment import networks
from fcnviz.lessons.alignment.networks import Facts, Parts


def test_the_papers_network_has_16_layers_134_million_parameters_and_a_field_of_404_px():
    assert networks.facts("vgg16") == Facts(16, 134_346_581, 404, 32)


def test_lite0s_facts_are_those_of_its_weights():
    found = networks.facts("lite0")
    assert found.parameters == weights.load("lite0-fcn32s").parameter_count
    assert (found.field, found.stride) == (851, 32)


@pytest.mark.parametrize("backbone", ["vgg16", "lite0"])
def test_the_parts_explain_why_fcn_32s_has_more_parameters_than_8s(backbone):
    with torch.device("meta"):
        coarse, fine = (fcn.build(backbone, stride, imagenet=False) for stride in (32, 8))
    a, b = networks.parts(coarse), networks.parts(fine)
    assert coarse.parameter_count - fine.parameter_count == a.deconvolutions - b.deconvolutions - b.scores
    assert a.deconvolutions == a.kernels * a.side**2
    if backbone == "lite0":
        assert a == Parts(21, 64, 86_016, 0)
        assert coarse.parameter_count - fine.parameter_count == 76_734
