"""The real app, served on a free port, in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.apps import ROOT, free_port

expect.set_options(timeout=60_000)  # on a busy machine; what a test decides by is never a time
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def without(message: str) -> NoReturn:
    """Skip the test; where `.ci/run` has installed what it needs, fail."""
    (pytest.fail if os.environ.get("FCNVIZ_REQUIRE_BROWSER") else pytest.skip)(message)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = _chromium() or without("no Chromium or Chrome on the PATH: the browser tests need one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        # Without a GPU, Streamlit's animations take a third of a browser's processor time.
        browser.new_context = partial(browser.new_context, reduced_motion="reduce")
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server() -> Iterator[subprocess.Popen]:
    with serving() as (process,):
        yield process


@contextmanager
def serving(count: int = 1, path: str = "") -> Iterator[list[subprocess.Popen]]:
    """Serve the app that many times, each on a port of its own; `url` of each says where."""
    processes = [_start(free_port(), path) for _ in range(count)]
    try:
        for process in processes:
            _wait(f"{process.url}/_stcore/health")
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)


def _start(port: int, path: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true",
               "--server.address", "127.0.0.1", "--server.port", str(port),
               "--server.baseUrlPath", path]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.url = f"http://127.0.0.1:{port}{path}"
    return process


def _wait(url: str) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(f"{url} does not answer")


@pytest.fixture
def url(server) -> str:
    return server.url


@pytest.fixture(scope="package")
def visitor(browser) -> Iterator[BrowserContext]:
    """One for most tests: it keeps Streamlit's scripts, as a visitor's does; each page is a session."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(visitor) -> Iterator[Page]:
    page = visitor.new_page()
    yield page
    page.close()
