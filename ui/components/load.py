"""Load a Streamlit component (`st.components.v2`: no iframe) from the files beside its module.

Streamlit sends a component's JavaScript and style with each instance, whenever its data change. Here the
first instance on a page brings them, and the others only say where they are.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from ui.export import shown

#: A line of JavaScript that imports from a file beside it, and what makes a name one to import.
_IMPORT, _EXPORT = (
    re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE),
    re.compile(r"^export ", re.MULTILINE),
)


def script(path: Path, taken: set[Path] | None = None) -> str:
    """Read a JavaScript module as one text: files beside it that it imports from are put in it, each once.

    Args:
        path: the module.
        taken: the files that are in the text already.
    """
    there = set() if taken is None else taken

    def imported(found: re.Match[str]) -> str:
        other = path.with_name(found[1])
        if other in there:
            return ""
        there.add(other)
        return _EXPORT.sub("", script(other, there))

    return _IMPORT.sub(imported, path.read_text(encoding="utf-8"))


def component(name: str, source: str | Path, *styles: str) -> Callable[..., Any]:
    """Register a component, and return the function that mounts an instance.

    Args:
        name: its unique name in the app.
        source: path of its files, whatever the suffix: `.js` for the browser, `.css` its style (optional).
        styles: names of other style sheets beside it, which come before its own.
    """
    js, css = (Path(source).with_suffix(suffix) for suffix in (".js", ".css"))
    sheets = [*(css.with_name(name) for name in styles), css]
    style = _lean("".join(sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.exists()))
    own = _lean(script(js)).replace("export default function", "function component", 1)
    first = st.components.v2.component(name, js=own + _beside("first.js", name, style))
    again = st.components.v2.component(f"{name}_again", js=_beside("again.js", name, style))

    def mount(*, key: str, data: Mapping[str, Any] | None = None, **options: Any) -> Any:
        # of each list, but of no tuple, Streamlit asks whether it is a data frame, for which it loads pandas
        sent = data and {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return (first if shown.brings(name, key) else again)(key=key, data=sent, **options)

    return mount


@functools.cache
def arrival() -> str:
    """Return the style of a page while it arrives; the first component brings it if nothing else has."""
    return _lean(Path(__file__).with_name("arrival.css").read_text(encoding="utf-8"))


def _beside(file: str, name: str, style: str) -> str:
    """Read the JavaScript of a file in this folder, with a component's name and the styles filled in."""
    text = _lean(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    filled = {"NAME": name, "STYLE": style, "ARRIVAL": arrival()}
    for word, value in filled.items():
        text = text.replace(f'"{word}"', json.dumps(value))
    return text


def _lean(code: str) -> str:
    """Leave out indentation and lines of comment, which each page would send."""
    return re.sub(r"^[ \t]*(?://.*\n)?", "", code, flags=re.MULTILINE)
