"""The glossary, of one JSON file: what the app's terms mean, and which of them each page uses."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "glossary.json"


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        name: as the pages write it.
        text: what it means, in one or two sentences.
        symbol: in formulas; "" if it has none.
        unit: what it is measured in; "" if it is no quantity.
        section: of the paper (CVPR 2015), where it is introduced or used; "" if it is not in the paper.
        also: other spellings of it.
    """

    name: str
    text: str
    symbol: str = ""
    unit: str = ""
    section: str = ""
    also: tuple[str, ...] = ()


@cache
def _file() -> dict[str, Any]:
    return json.loads(FILE.read_text("utf-8"))


@cache
def terms() -> dict[str, Term]:
    """All terms by name."""
    read = (Term(**{**row, "also": tuple(row.get("also", ()))}) for row in _file()["terms"])
    return {term.name: term for term in read}


@cache
def of(page: str) -> tuple[Term, ...]:
    """The terms of a page, by its label, in the order in which the page uses them; none for other pages."""
    return tuple(terms()[name] for name in _file()["pages"].get(page, ()))
