"""The time line holds together: what it links to exists, and its numbers agree with those told elsewhere."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from fcnviz.lessons.history import steps
from tests.apps import ROOT, sources
from ui import paper

HISTORY = sources("pages/history.py")["pages/history.py"]


@pytest.mark.parametrize("step", steps.STEPS, ids=lambda s: s.name)
def test_what_a_step_links_to_exists(step):
    text = (ROOT / step.page).read_text("utf-8")
    assert not step.section or f'"{step.section}": ' in text
    assert not step.live or f'"{step.live}": ' in HISTORY
    assert urlsplit(step.figure.source).scheme in ("http", "https")


def test_the_steps_are_in_order():
    assert [s for era in steps.ERAS for s in steps.of_era(era)] == list(steps.STEPS)
    years = [s.year for s in steps.STEPS]
    assert years == sorted(years)
    assert len({s.name for s in steps.STEPS}) == len(steps.STEPS)


@pytest.mark.parametrize("step", steps.STEPS, ids=lambda s: s.name)
def test_a_step_is_told_in_one_sentence_of_ours(step):
    assert re.fullmatch(r"[A-Z][^.]*\.", step.answer)
    assert not step.weakness.endswith(".")


def test_every_mean_iu_names_its_data_and_split_and_only_one_split_is_tabulated():
    for step in steps.STEPS:
        if "mean IU" in step.figure.about:
            assert re.search(r", .+ (test|validation)\b", step.figure.about)
        assert step.figure.voc2012_test == ("PASCAL VOC2012 test" in step.figure.about)


def test_numbers_of_the_papers_table_3_are_those_of_the_page_evaluate():
    told = {
        p.network: p.mean_iu
        for p in paper.PUBLISHED
        if (p.data, p.source[-7:]) == ("VOC2012 test", "table 3")
    }
    here = {s.name: float(s.figure.value.split()[0]) for s in steps.on_voc2012_test()}
    assert (here["FCN"], here["R-CNN, SDS"]) == (told["FCN-8s"], told["SDS"])
