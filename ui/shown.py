"""What is on the screen. Panels draw their figures, pictures and tables through here, and so into the export.

A page's run starts empty; a fragment that runs alone replaces what it drew. What is kept is how to make each
file, and little else: the zip is made when somebody asks for it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from ui import offline
from ui.figures import CONFIG

_P, _T = ParamSpec("_P"), TypeVar("_T")
_KEY = "shown"
#: The fragment that is drawing, "" outside of all.
_SCOPE: ContextVar[str] = ContextVar("scope", default="")


@dataclass(eq=False)
class Shown:
    """What one run of a page has drawn.

    Attributes:
        title: of the page.
        image: makes the photo, RGB at working size, once more.
        palette: name of the class colours.
        files: what makes each file of the export, by path, after the fragment that drew it.
        facts: for the export's JSON, by kind and name, after the fragment too.
        link: the page's address, with the settings that are not defaults.
        settings: all values of widgets and of the session that are plain.
    """

    title: str = ""
    image: Callable[[], Image.Image] | None = None
    palette: str = "VOC"
    files: dict[str, tuple[str, Callable[[], bytes]]] = field(default_factory=dict)
    facts: dict[tuple[str, str], tuple[str, Any]] = field(default_factory=dict)
    link: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def forget(self, scope: str) -> None:
        """Drop what a fragment has drawn, as it draws anew."""
        self.files = {path: file for path, file in self.files.items() if file[0] != scope}
        self.facts = {name: value for name, value in self.facts.items() if value[0] != scope}


def begin(title: str, image: Callable[[], Image.Image], palette: str) -> None:
    """Start a page's run with nothing drawn."""
    st.session_state[_KEY] = Shown(title, image, palette)


def current() -> Shown:
    """What this session's page shows."""
    return st.session_state.setdefault(_KEY, Shown())


def add(path: str, make: Callable[[], bytes]) -> None:
    """Put a file into the export; one of the same path is replaced.

    Args:
        path: folder/name.ending, in the zip.
        make: the file's content; runs in another thread, without session.
    """
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    current().files[f"{folder}/{slug(stem)}{dot}{ending}".lstrip("/")] = _SCOPE.get(), make


def fact(kind: str, name: str, value: object) -> None:
    """Put something into the export's JSON."""
    current().facts[kind, name] = _SCOPE.get(), value


def slug(name: str) -> str:
    """A name as a file may have it.

    >>> slug("learned − bilinear"), slug("FCN-8s · 61.9 %"), slug("score(fr)_2")
    ('learned-bilinear', 'fcn-8s-61-9', 'score-fr-_2')
    """
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:80] or "unnamed"


# --- drawing


def chart(
    figure: go.Figure, key: str, *, slot: DeltaGenerator | None = None, keep: bool = True, **options: Any
) -> Any:
    """Draw a Plotly figure.

    Args:
        figure: to draw.
        key: of the element, and its name in the export.
        slot: draw it there, in place of an earlier one.
        keep: False for one that is gone before the script ends.
        options: of `st.plotly_chart`.
    """
    if keep:
        add(f"figures/{key}.html", functools.partial(offline.html, offline.packed(figure)))
    if slot is not None:
        return slot.plotly_chart(figure, config=CONFIG, **options)
    return st.plotly_chart(figure, key=key, config=CONFIG, **options)


def picture(
    image: bytes,
    name: str,
    *,
    exact: Callable[[], bytes] | None = None,
    slot: DeltaGenerator | None = None,
    **options: Any,
) -> None:
    """Draw a picture.

    Args:
        image: PNG, or WebP if `exact` is given.
        name: in the export.
        exact: makes the PNG.
        slot: draw it there, in place of an earlier one.
        options: of `st.image`.
    """
    add(f"pictures/{name}.png", exact or (lambda: image))
    (slot or st).image(image, **options)


def table(rows: pd.DataFrame, name: str) -> None:
    """Draw a table as it is."""
    add(f"tables/{name}.csv", functools.partial(offline.table, rows))
    st.table(rows)


def frame(rows: pd.DataFrame, name: str, **options: Any) -> None:
    """Draw a table that can be sorted and scrolled; `options` are those of `st.dataframe`."""
    add(f"tables/{name}.csv", functools.partial(offline.table, rows))
    st.dataframe(rows, **options)


# --- places and fragments


def section() -> DeltaGenerator:
    """A part of a page that draws now more, now less: use it by `with`, and what follows keeps its place.

    To Streamlit a fragment is its function and its place. Were it to move as the page runs, a click that came
    in meanwhile would be lost: the fragment that it is for would not be there any more.
    """
    return st.container()


def fragment(panel: Callable[_P, _T], **options: Any) -> Callable[_P, _T]:
    """`st.fragment`, for a panel that may draw less the next time."""

    @functools.wraps(panel)
    def scoped(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        current().forget(panel.__qualname__)
        token = _SCOPE.set(panel.__qualname__)
        try:
            return panel(*args, **kwargs)
        finally:
            _SCOPE.reset(token)
            note()

    return st.fragment(scoped, **options)


def note() -> None:
    """Note the link and the settings as they are now."""
    shown, link, state = current(), st.query_params, st.session_state
    shown.link = offline.address(st.context.url or "", [(k, v) for k in link for v in link.get_all(k)])
    kept = {k: v for k, v in state.to_dict().items() if _plain(v) and not k.startswith("download_")}
    shown.settings = dict(sorted(kept.items()))


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return isinstance(value, str | bool | int | float)
