"""The terms of a page: exactly those that it uses, opened without a rerun."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fcnviz.lessons import glossary
from fcnviz.lessons.glossary import Term
from tests.apps import ROOT, sources, start
from ui.page import path, terms

PAGES = (path.START, *path.CHAPTERS)


def words(page: path.Page) -> str:
    """What a page's own sources and its lesson write, and those of Compare, from which pages take results."""
    stem = "start" if page is path.START else Path(page.path).stem
    folders = [
        place for place in (f"ui/{stem}", f"fcnviz/lessons/{stem}", "ui/compare") if (ROOT / place).is_dir()
    ]
    trees = map(ast.parse, sources(page.path, *folders).values())
    nodes = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join([page.label, *(text for text in nodes if isinstance(text, str))])


def uses(text: str, term: Term) -> bool:
    names = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in (term.name, *term.also))
    return re.search(rf"(?<![\w-])(?:{names})s?(?![\w-])", text, re.IGNORECASE) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.label)
def test_a_page_uses_the_terms_that_it_explains(page):
    text = words(page)
    assert [term.name for term in glossary.of(page.label) if not uses(text, term)] == []


def test_a_page_explains_exactly_its_terms():
    shown = [m.value for m in start("pages/alignment.py").markdown]
    (found,) = [text for text in shown if text.startswith(terms.written(glossary.of("Alignment")[0]))]
    assert found == "\n\n".join(map(terms.written, glossary.of("Alignment")))


def test_a_term_has_its_symbol_unit_and_section():
    term = Term("stride", "How far apart cells are.", "s", "px", "3")
    assert terms.written(term) == "**stride** · s · px · section 3  \nHow far apart cells are."
