"""Parameters of the link that belong to no widget: photo, class, pixel, step, painted grids.

With each request, the browser sends its address. A request that it sends before it has received the last
change, such as the second of two quick clicks, comes with an old address. So the session keeps the values
that were read or written last, and these are valid. The address itself is read when a page opens and when the
visitor goes back or forward.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar, overload

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ui.running.streamlit_internals import travelled, whole_address

T = TypeVar("T")
_KEY, _FOLLOWS = "link", "follows"


def begin(page: str) -> None:
    """Start a page's run: read the address if the page is new or the visitor went back or forward."""
    state = st.session_state
    before = state.get(_KEY, {"page": None, "visit": 0})
    if before["page"] != page:
        if travelled():
            whole_address()
        state[_KEY] = {"page": page, "visit": before["visit"] + 1, "values": {}}
    elif travelled():
        state[_KEY] = {**before, "values": {}}


def visit() -> int:
    """Count the pages that the session has opened: widgets begin empty on each."""
    return st.session_state.get(_KEY, {"visit": 0})["visit"]


@overload
def get(name: str, default: str) -> str: ...


@overload
def get(name: str, default: str | None = None) -> str | None: ...


def get(name: str, default: str | None = None) -> str | None:
    """Return a parameter's value, or the default if the link does not have it."""
    values, sent = _values(), st.query_params.get(name)
    if values.setdefault(name, sent) != sent:
        _write(name, values[name])
    return default if values[name] is None else values[name]


def put(new: Mapping[str, str | None]) -> None:
    """Set parameters; None removes one."""
    values = _values()
    for name, value in new.items():
        sent = st.query_params.get(name)
        if {sent, values.get(name, sent)} != {value}:  # the address that was sent may be old
            _write(name, value)
        values[name] = value


def again() -> None:
    """Write what the address lacks, if it was sent before the last change: a fragment's run begins with this.

    Else that change, a whole address, stays in the browser, without what the visitor has just clicked.
    """
    for name in tuple(_values()):
        get(name)


def follow(key: str, options: Sequence[T], first: T, draw: Callable[[], T]) -> T:
    """Draw a bound widget of several pages, with the value that it had on the page before.

    A link that has the parameter, and the browser's back button, come first.

    Args:
        key: the widget's.
        options: its options; a value that is none of them is forgotten.
        first: its value at first, which the link does not say.
        draw: draws it and returns its value.
    """
    kept = st.session_state.setdefault(_FOLLOWS, {})
    before, value = kept.get(key, (visit(), first))
    new = before != visit() and key not in st.query_params and not travelled()
    if new and value != first and value in options:
        st.session_state[key] = value
        with suppress(StreamlitAPIException):  # while the last page's widget is not gone
            put({key: str(value)})
    value = draw()
    kept[key] = visit(), value
    return value


def _values() -> dict[str, str | None]:
    return st.session_state.setdefault(_KEY, {"page": None, "visit": 0, "values": {}})["values"]


def _write(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value
