"""Running the app's pages without a browser, and what else tests share."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from fcnviz import render

ROOT = Path(__file__).resolve().parent.parent


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


def free_port() -> int:
    """A port of this machine that nothing listens at now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def png(width: int, height: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return render.to_png(pixels)


def said(at: AppTest) -> str:
    """All running text on the page."""
    return "\n".join(e.value for kind in (at.markdown, at.caption, at.info, at.error) for e in kind)
