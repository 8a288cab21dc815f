"""Running the app's pages without a browser, and what else tests share."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import socket
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from PIL import Image
from streamlit.testing.v1 import AppTest

from fcnviz import render

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def sources(*places: str) -> dict[str, str]:
    """Python files of the app by path ("ui/link.py"), those in subfolders too, and what they say.

    Args:
        places: folders or files at the top of the repository; all of the app if none is named.
    """
    found = {}
    for place in places or ("app.py", "pages", "ui"):
        there = ROOT / place
        files = sorted(there.rglob("*.py")) if there.is_dir() else [there]
        found.update({file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files})
    assert len(found) >= LEAST.get(places, 1), f"only {len(found)} files of {places} were found"
    return found


#: Fewer files than these and a test that reads sources would pass because it saw nothing.
LEAST = {(): 60, ("fcnviz", "ui", "pages"): 100}


def start(page: str | None = "pages/compare.py", **link: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    if page:
        at.switch_page(page)
    at.query_params.update(link)
    at.run()
    assert not at.exception, at.exception
    return at


def rerun(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception
    return at


def open_section(at: AppTest, name: str) -> AppTest:
    """Open a section by a click on the bar."""
    at.segmented_control(key="section").set_value(name)
    return rerun(at)


def sections(at: AppTest) -> list[str]:
    """Names of a page's sections, in order; none if it has no sections."""
    bars = [bar for bar in at.segmented_control if bar.key == "section"]
    return list(bars[0].options) if bars else []


def each_section(at: AppTest) -> Iterator[str]:
    """Open each section of a page in turn and give its name, "" if there are none; the first is open."""
    names = sections(at)
    yield names[0] if names else ""
    for name in names[1:]:
        open_section(at, name)
        yield name


def free_port() -> int:
    """A port of this machine that nothing listens at now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: in that of the tests, Playwright leaves an event loop that runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def png(width: int, height: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return render.to_png(pixels)


def said(at: AppTest) -> str:
    """All running text on the page."""
    texts = [e.value for kind in (at.markdown, at.caption, at.info, at.error) for e in kind]
    for row in _rows(at).values():
        texts += [panel[part] for panel in row["panels"] for part in ("title", "caption")]
        texts += [f"{bar['what']}: {bar['ends'][0]}" for bar in row["bars"]]
    return "\n".join(texts)


# --- grids on a page


def panels(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The panels of a row of grids, as they are sent."""
    (found,) = [row for name, row in _rows(at).items() if name.endswith(f"-{key}")]
    return found["panels"]


def bars(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The colour bars of a row of grids, as they are sent."""
    (found,) = [row for name, row in _rows(at).items() if name.endswith(f"-{key}")]
    return found["bars"]


def _rows(at: AppTest) -> dict[str, dict[str, Any]]:
    """What every row of grids is sent, by its id."""
    found = [c.proto for c in at.get("bidi_component") if c.proto.component_name.startswith("fcnviz_grids")]
    return {proto.id: json.loads(proto.json) for proto in found}


def values(layer: dict[str, Any]) -> np.ndarray:
    """The numbers that a pointer reads from a layer, (h, w), unpacked as in the browser; NaN: nothing."""
    reads = layer["reads"]
    steps = np.frombuffer(base64.b64decode(reads["data"]), "<u2").reshape(reads["shape"])
    return np.where(steps == 65535, np.nan, reads["low"] + steps * reads["step"])


def pixels(layer: dict[str, Any], mode: str = "RGB") -> np.ndarray:
    """The pixels of a layer's picture."""
    image = base64.b64decode(layer["image"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(image)).convert(mode))


def tables(at: AppTest) -> list[pd.DataFrame]:
    """The static tables on the page, as text, by the names of their rows."""
    return [_table(m.value) for m in at.markdown if m.value.startswith("| ")]


def _table(markdown: str) -> pd.DataFrame:
    cells = [re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in markdown.splitlines()]
    (_, *columns), _, *rows = [[cell.replace(r"\|", "|") for cell in row] for row in cells]
    return pd.DataFrame([row for _, *row in rows], [name.strip("*") for name, *_ in rows], columns)
