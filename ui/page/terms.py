"""The terms of a page, behind a button beside its heading, and at their first places in the page's text.

All is sent at once: opening one costs no rerun.
"""

import streamlit as st

from fcnviz.lessons import glossary
from fcnviz.lessons.glossary import Term
from ui.components.first_places import Note, first_places


def button(page: str) -> None:
    """Draw the button that opens the terms of a page, by its label; nothing for a page without any."""
    if found := glossary.of(page):
        with st.popover("Terms", icon=":material/dictionary:", help="What this page's words mean"):
            st.markdown("\n\n".join(map(written, found)))
            st.caption("Sections: Long, Shelhamer & Darrell, CVPR 2015.")


def at_first_places(page: str) -> None:
    """Let each term of a page, by its label, open its explanation where the page's text has it first."""
    if found := glossary.of(page):
        first_places([Note((term.name, *term.also), _about(term), term.text) for term in found])


def written(term: Term) -> str:
    """Write a term as Markdown: its name, symbol, unit and section of the paper, and below what it means."""
    return f"**{term.name}**{_about(term)}  \n{term.text}"


def _about(term: Term) -> str:
    section = f"section {term.section}" if term.section else ""
    return "".join(f" · {part}" for part in (term.symbol, term.unit, section) if part)
