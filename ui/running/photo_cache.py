"""A cache for what is made of a photo."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from ui.state import Photo

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: How Streamlit's caches tell photos apart.
_BY_PIXELS: dict[str | type[Any], Callable[[Any], Any]] = {Photo: lambda photo: photo.sha256}


def of_photo(
    cached: Callable[..., Any] = st.cache_data,
    *,
    max_entries: int,
    own: int,
    show_spinner: str | bool = False,
) -> Callable[[Callable[Concatenate[Photo, _P], _T]], Callable[Concatenate[Photo, _P], _T]]:
    """Decorate a function of a photo with a cache.

    All visitors share the results for sample photos. Results for an upload belong to its session and are
    deleted when the session ends, so nothing that was made of a visitor's photo outlives the visit.

    Args:
        cached: `st.cache_data`, or `st.cache_resource` for immutable results (no copying).
        max_entries: number of results kept for sample photos.
        own: number of results kept for the uploads of each session.
        show_spinner: message that the page shows meanwhile.
    """

    def decorate(function: Callable[Concatenate[Photo, _P], _T]) -> Callable[Concatenate[Photo, _P], _T]:
        # Streamlit asks for it at each argument of each call, and Python would work it out each time
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        options: dict[str, Any] = {"show_spinner": show_spinner, "hash_funcs": _BY_PIXELS}
        shared = cached(max_entries=max_entries, **options)(function)
        private = cached(max_entries=own, scope="session", **options)(function)

        @functools.wraps(function)
        def either(photo: Photo, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            return (private if photo.own else shared)(photo, *args, **kwargs)

        either.clear = shared.clear  # type: ignore[attr-defined]
        return either

    return decorate
