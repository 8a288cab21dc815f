"""All uses of what Streamlit does not document, to check when Streamlit is upgraded."""

import contextvars
import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import streamlit
from starlette.formparsers import MultiPartParser
from starlette.responses import FileResponse, HTMLResponse
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import StopException, add_script_run_ctx, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    SCRIPT_RUN_CONTEXT_ATTR_NAME,
    get_run_yield_check,
    in_cached_function,
)
from streamlit.runtime.state import SafeSessionState

__all__ = [
    "StopException",
    "draw_live",
    "finish_callbacks",
    "font",
    "in_session",
    "keep_uploads_in_memory",
    "note_uploads",
    "raise_if_left",
    "received",
    "session",
    "style_from_the_start",
    "travelled",
    "uploading",
    "whole_address",
]


_T = TypeVar("_T")


def session() -> str | None:
    """The id of the session whose script this thread runs, if any."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else None


def travelled() -> bool:
    """Whether the browser's back or forward button has started this run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def whole_address() -> None:
    """Read the whole address to which the visitor has gone back or forward, from another page.

    Streamlit drops those of its parameters that a widget of the page left is bound to, as "section" is.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as parameters:
        parameters.populate_from_query_string(context.query_string)
        parameters.set_initial_query_params_from_current()
        parameters._send_query_param_msg()


def font() -> bytes:
    """The upright font that the app is set in, woff2; empty if Streamlit has another one by now."""
    folder = Path(streamlit.__file__).parent / "static" / "static" / "media"
    return next((path.read_bytes() for path in folder.glob("SourceSansVF-Upright*.woff2")), b"")


def raise_if_left() -> Callable[[], None]:
    """Return a function that ends this script's run if the visitor has left or clicked again."""
    return get_run_yield_check() or (lambda: None)


def draw_live(draw: Callable[..., Any], *arguments: object) -> Any:
    """Draw something that Streamlit does not draw again when it replays a cached function."""

    def outside_of_caches() -> Any:
        in_cached_function.set(False)
        return draw(*arguments)

    return contextvars.copy_context().run(outside_of_caches)


def in_session(make: Callable[[], _T]) -> Callable[[], _T]:
    """Let a function that runs later on another thread, as a download's does, read this session's caches.

    What it draws, such as its place in the queue, goes nowhere, and no click ends it.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return make
    silent = replace(context, _enqueue=lambda _: None, cursors={}, yield_check=lambda: None)

    def attached() -> _T:
        if session():
            return make()
        thread = threading.current_thread()
        add_script_run_ctx(thread, silent)
        try:
            return make()
        finally:  # the thread is Streamlit's, which runs other sessions' downloads on it
            delattr(thread, SCRIPT_RUN_CONTEXT_ATTR_NAME)

    return attached


@functools.cache
def style_from_the_start(style: str) -> None:
    """Put a style sheet into the `index.html` that this process serves from now on.

    An app's own elements come too late for what the browser draws before the app has run.
    """
    index = Path(streamlit.__file__).parent / "static" / "index.html"
    page = index.read_text(encoding="utf-8").replace("</head>", f"<style>{style}</style></head>")
    original = FileResponse.__call__

    @functools.wraps(original)
    async def styled(self: FileResponse, scope: Any, receive: Any, send: Any) -> None:
        if Path(self.path) == index:
            await HTMLResponse(page, headers={"Cache-Control": "no-cache"})(scope, receive, send)
        else:
            await original(self, scope, receive, send)

    FileResponse.__call__ = styled  # type: ignore[method-assign]


def keep_uploads_in_memory(most: int) -> None:
    """Keep uploads of up to `most` bytes in memory; from 1 MB on, Starlette would use temporary files."""
    MultiPartParser.spool_max_size = most


# --- callbacks


@functools.cache
def finish_callbacks() -> None:
    """Let every callback finish before a run ends for the visitor's next click.

    Streamlit may end a run at any use of the session's state. In a callback, what it had not done yet would
    be lost: the next run sees no change and does not call it again.
    """
    original = SafeSessionState.on_script_will_rerun

    @functools.wraps(original)
    def undisturbed(self: SafeSessionState, *args: Any, **kwargs: Any) -> None:
        check = self._yield_callback
        check()
        object.__setattr__(self, "_yield_callback", lambda: None)
        try:
            original(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_yield_callback", check)

    SafeSessionState.on_script_will_rerun = undisturbed  # type: ignore[method-assign]


# --- uploads

# Files that a browser has announced and no run has seen yet, by session: a set of ids per announcement.
_announced: dict[str, list[frozenset[str]]] = defaultdict(list)
_announcing = threading.Lock()


@functools.cache
def note_uploads() -> None:
    """Note each upload when the browser asks where to send it, for `uploading`."""
    ask, leave = MemoryUploadedFileManager.get_upload_urls, MemoryUploadedFileManager.remove_session_files

    @functools.wraps(ask)
    def asked(self: MemoryUploadedFileManager, session_id: str, file_names: Sequence[str]) -> Any:
        urls = ask(self, session_id, file_names)
        if urls:
            with _announcing:
                _announced[session_id].append(frozenset(url.file_id for url in urls))
        return urls

    @functools.wraps(leave)
    def left(self: MemoryUploadedFileManager, session_id: str) -> None:
        leave(self, session_id)
        with _announcing:
            _announced.pop(session_id, None)

    MemoryUploadedFileManager.get_upload_urls = asked  # type: ignore[method-assign]
    MemoryUploadedFileManager.remove_session_files = left  # type: ignore[method-assign]


def uploading() -> bool:
    """Whether the visitor's browser has announced a file that was not `received` yet."""
    return bool(_announced.get(session() or ""))


def received(ids: Iterable[str]) -> None:
    """Take note that a run has dealt with these files, by their ids."""
    there, who = frozenset(ids), session() or ""
    with _announcing:
        if who in _announced:
            _announced[who] = [files for files in _announced[who] if not files & there]
