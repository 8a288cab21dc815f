"""Fixtures for all tests."""

from __future__ import annotations

import functools
import gc
import os
import threading

import pytest
import streamlit as st
import torch
from hypothesis import settings
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.caching import clear_session_resource_cache

from fcnviz import fcn
from ui.evaluate import source
from ui.running import networks

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # the workers share the processor
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))

# The same examples each time, but in `make fuzz`: a test fails because of a change, not of a throw of dice.
settings.register_profile("fcnviz", derandomize="FCNVIZ_FUZZ" not in os.environ, deadline=None, database=None)
settings.load_profile("fcnviz")


#: Two workers have a browser and a server: one runs these files of e2e/, the other one the rest.
FIRST_BROWSER = ("test_app.py", "test_every_page.py", "test_lecture_page.py")
#: What takes longest, in this order; the rest fills the gaps at the end.
LONG = ("e2e/", "pages/", "system/", "training/", "library/test_fcn.py", "evaluation/", "lessons/")


# AppTest looks for components in all installed packages at each run; there are none.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def pytest_collection_finish():
    """Spare the garbage collector what the imports have made: it would look at all of torch each time."""
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Start with what takes longest, so that all workers end at about the same time."""
    items.sort(key=lambda item: next((i for i, part in enumerate(LONG) if part in item.nodeid), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several workers: the browser tests on two of them, each other file on any."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            return f"browser {file.endswith(FIRST_BROWSER)}" if "e2e/" in file else file

    return ByFile(config, log)


@pytest.fixture
def passes(monkeypatch):
    """List that grows by the network's stride with each forward pass; all caches start empty."""
    ran = []
    real = fcn.FCN.scores

    def counted(self, x):
        ran.append(self.stride)
        return real(self, x)

    for thread in threading.enumerate():  # an evaluation that the test before has left running
        if thread.name == "evaluation":
            thread.join(60)
    monkeypatch.setattr(fcn.FCN, "scores", counted)
    st.cache_data.clear()
    networks.segment.clear()
    source._shared.clear()
    clear_session_resource_cache("test session id")  # AppTest's, for photos that were uploaded
    return ran
