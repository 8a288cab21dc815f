"""The terms of a page, behind a button beside its heading. All is sent at once: opening it costs no rerun."""

import streamlit as st

from fcnviz.lessons import glossary
from fcnviz.lessons.glossary import Term


def button(page: str) -> None:
    """Draw the button that opens the terms of a page, by its label; nothing for a page without any."""
    if found := glossary.of(page):
        with st.popover("Terms", icon=":material/dictionary:", help="What this page's words mean"):
            st.markdown("\n\n".join(map(written, found)))
            st.caption("Sections: Long, Shelhamer & Darrell, CVPR 2015.")


def written(term: Term) -> str:
    """Write a term as Markdown: its name, symbol, unit and section of the paper, and below what it means."""
    section = f"section {term.section}" if term.section else ""
    head = " · ".join(part for part in (f"**{term.name}**", term.symbol, term.unit, section) if part)
    return f"{head}  \n{term.text}"
