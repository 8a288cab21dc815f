"""Functions that draw figures, pictures and tables on the page and put them into its export.

Each run of a page starts with an empty export; a fragment that runs alone replaces its own files. A file is
kept as a function that makes it, and called only when the visitor asks for the zip.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.export import offline
from ui.figures.pictures import data_uri
from ui.figures.theme import CONFIG
from ui.state import Photo

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_P = ParamSpec("_P")
_T = TypeVar("_T")
_KEY = "shown"
#: Bytes from which a picture is a file of its own for the browser.
_LARGE = 40_000
#: Name of the fragment that is running, with those around it: "/outer/inner"; "" outside of fragments.
_FRAGMENT: ContextVar[str] = ContextVar("fragment", default="")


@dataclass(eq=False)
class PageOutput:
    """What one run of a page has put into the export.

    Attributes:
        title: the page's title.
        photo: the photo that the page is about.
        palette: name of the class colours.
        files: by path in the zip, the fragment that added the file, and the function that makes it.
        facts: by kind and name, the fragment that added the fact, and its value in the JSON file.
        link: the page's address, with the settings that are not defaults.
        settings: values of widgets and of the session that are text, numbers, or lists of them.
        code: by a component's name, the fragment and the key of the instance that brings its JavaScript.
    """

    title: str = ""
    photo: Photo | None = None
    palette: str = "VOC"
    files: dict[str, tuple[str, Callable[[], bytes]]] = field(default_factory=dict)
    facts: dict[tuple[str, str], tuple[str, Any]] = field(default_factory=dict)
    link: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    code: dict[str, tuple[str, str]] = field(default_factory=dict)

    def forget(self, name: str) -> None:
        """Remove what the fragment of this name, and those in it, have added, before it runs again."""
        self.files = {key: entry for key, entry in self.files.items() if not _within(name, entry[0])}
        self.facts = {key: entry for key, entry in self.facts.items() if not _within(name, entry[0])}
        self.code = {key: entry for key, entry in self.code.items() if not _within(name, entry[0])}


def _within(outer: str, name: str) -> bool:
    """Return whether a fragment is the outer one or in it: its name is a path."""
    return f"{name}/".startswith(f"{outer}/")


def begin(title: str, photo: Photo, palette: str) -> None:
    """Start a page's run with an empty export."""
    st.session_state[_KEY] = PageOutput(title, photo, palette)
    fact("photo", photo.name, photo.record())


def current() -> PageOutput:
    """The output of the page that this session is on."""
    return st.session_state.setdefault(_KEY, PageOutput())


def add(path: str, make: Callable[[], bytes]) -> None:
    """Put a file into the export; it replaces a file of the same path.

    Args:
        path: path in the zip, folder/name.ending.
        make: returns the file's content; it runs in another thread, where there is no session.
    """
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    current().files[f"{folder}/{slug(stem)}{dot}{ending}".lstrip("/")] = _FRAGMENT.get(), make


def fact(kind: str, name: str, value: object) -> None:
    """Put a fact into the JSON file of the export."""
    current().facts[kind, name] = _FRAGMENT.get(), value


def brings(component: str, key: str) -> bool:
    """Return whether the instance of this key brings its component's JavaScript to the page."""
    return current().code.setdefault(component, (_FRAGMENT.get(), key))[1] == key


def slug(name: str) -> str:
    """Make a file name of a title.

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
        figure: the figure.
        key: key of the element, and its name in the export.
        slot: an element to draw it in place of.
        keep: False if it is not to be in the export, since another one soon replaces it.
        options: further arguments of `st.plotly_chart`.
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
        name: its name in the export.
        exact: makes the PNG for the export.
        slot: an element to draw it in place of.
        options: further arguments of `st.image`.
    """
    add(f"pictures/{name}.png", exact or (lambda: image))
    # Streamlit encodes all but PNGs anew at each rerun; a data URI goes as it is, but over the websocket
    source = image if len(image) > _LARGE and image.startswith(b"\x89PNG") else data_uri(image)
    (slot or st).image(source, output_format="PNG", **options)


def table(rows: pd.DataFrame, name: str) -> None:
    """Draw a static table; the names of its rows are bold.

    As Markdown: for `st.table` the browser loads 1 MB of scripts.
    """
    add(f"tables/{name}.csv", functools.partial(offline.table, rows))
    with st.container(horizontal=True, wrap=False, key=f"table_{slug(name)}"):  # a wide one can be scrolled
        st.markdown(markdown(rows), width="content")


def markdown(rows: pd.DataFrame) -> str:
    r"""Write a table of texts as Markdown.

    >>> import pandas as pd
    >>> print(markdown(pd.DataFrame({"a|b": ["1"]}, index=["x"])))
    |  | a\|b |
    |---|---|
    | **x** | 1 |
    """
    lines = [[f"**{name}**", *row] for name, row in zip(rows.index, rows.to_numpy().tolist(), strict=True)]
    head, *body = (
        " | ".join(str(cell).replace("|", r"\|") for cell in row)
        for row in ([rows.index.name or "", *rows.columns], *lines)
    )
    rule = "|".join(["---"] * (1 + len(rows.columns)))
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in body)])


def frame(rows: pd.DataFrame, name: str, **options: Any) -> None:
    """Draw a table that can be sorted and scrolled; `options` are further arguments of `st.dataframe`."""
    add(f"tables/{name}.csv", functools.partial(offline.table, rows))
    st.dataframe(rows, **options)


# --- places and fragments


def section() -> DeltaGenerator:
    """A container for a varying number of elements, to use in a `with`: what follows keeps its position.

    Streamlit knows a fragment by its function and its position on the page. If the position changed during a
    run, a click on the fragment that arrived meanwhile would be lost.
    """
    return st.container()


def fragment(panel: Callable[_P, _T], **options: Any) -> Callable[_P, _T]:
    """Make a panel a fragment (see `st.fragment`); each run of it replaces its files in the export."""

    @functools.wraps(panel)
    def wrapped(name: str, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        current().forget(name)
        token = _FRAGMENT.set(name)
        try:
            return panel(*args, **kwargs)
        finally:
            _FRAGMENT.reset(token)
            note()

    made = st.fragment(wrapped, **options)

    @functools.wraps(panel)
    def called(*args: _P.args, **kwargs: _P.kwargs) -> _T:  # which is not so when it runs again alone
        return made(f"{_FRAGMENT.get()}/{panel.__module__}.{panel.__qualname__}", *args, **kwargs)

    return called


def note() -> None:
    """Put the link and the settings, as they are now, into the export."""
    page, link = current(), st.query_params
    page.link = offline.address(st.context.url or "", [(k, v) for k in link for v in link.get_all(k)])
    state = sorted(st.session_state.to_dict().items())
    page.settings = {k: v for k, v in state if _plain(v) and not k.startswith("download_")}


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return isinstance(value, str | bool | int | float)
