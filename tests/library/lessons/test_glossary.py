"""The glossary: every page has its terms, and every term its words."""

from __future__ import annotations

import json
import re

import pytest

from fcnviz.lessons import glossary
from ui.page import path

PAGES = [page.label for page in (path.START, *path.CHAPTERS)]


def test_a_page_names_only_terms_that_exist_each_once():
    named = json.loads(glossary.FILE.read_text("utf-8"))["pages"]
    assert sorted(named) == sorted(PAGES)
    for names in named.values():
        assert names
        assert len(set(names)) == len(names)
        assert set(names) <= set(glossary.terms())


def test_no_term_is_there_twice_or_for_no_page():
    rows = json.loads(glossary.FILE.read_text("utf-8"))["terms"]
    assert len(rows) == len(glossary.terms())
    assert {term.name for page in PAGES for term in glossary.of(page)} == set(glossary.terms())


@pytest.mark.parametrize("term", glossary.terms().values(), ids=lambda term: term.name)
def test_a_term_is_explained_in_a_sentence_or_two(term):
    assert 1 <= len(re.findall(r"[.?](?= |$)", term.text.replace("et al.", "et al"))) <= 2
    assert len(term.text) <= 180
    assert re.fullmatch(r"(\d(\.\d)?)?", term.section)


def test_a_page_outside_of_the_story_has_none():
    assert glossary.of("Lecture") == ()
