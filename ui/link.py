"""What the link holds beside the widgets: the photo, the class, the pixel, the step, what was painted.

A browser sends its address along with everything that it asks for, and what it asked for before it heard of a
change comes with the old one: a timer beside a click, or two clicks in a row. So the session keeps what was
read or written last, and that counts. The address itself counts when a page opens and when the visitor goes
back or forward.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

_KEY = "link"


def begin(page: str) -> None:
    """Start a page's run: another page, or another place in the browser's history, is read anew.

    Args:
        page: its title.
    """
    state, context = st.session_state, get_script_run_ctx()
    travelled = context is not None and context.is_history_navigation
    if travelled or state.get(_KEY, {}).get("page") != page:
        state[_KEY] = {"page": page, "values": {}}


def get(name: str, default: str | None = None) -> str | None:
    """The parameter's value; the default if the link does not have it."""
    values, sent = _values(), st.query_params.get(name)
    if values.setdefault(name, sent) != sent:
        _write(name, values[name])
    return default if values[name] is None else values[name]


def put(new: Mapping[str, str | None]) -> None:
    """Set parameters; None takes one out."""
    values = _values()
    for name, value in new.items():
        sent = st.query_params.get(name)
        if {sent, values.get(name, sent)} != {value}:  # what was sent may be out of date
            _write(name, value)
        values[name] = value


def _values() -> dict[str, str | None]:
    return st.session_state.setdefault(_KEY, {"page": None, "values": {}})["values"]


def _write(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
