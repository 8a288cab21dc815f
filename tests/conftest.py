"""Fixtures for all tests."""

from __future__ import annotations

import os
import threading

import pytest
import streamlit as st
import torch
from hypothesis import settings
from streamlit.runtime.caching import clear_session_resource_cache

from fcnviz import fcn
from ui import cache, evaluation

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:  # the workers share the processor
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))

# The same examples each time, but in `make fuzz`: a test fails because of a change, not of a throw of dice.
settings.register_profile("fcnviz", derandomize="FCNVIZ_FUZZ" not in os.environ, deadline=None, database=None)
settings.load_profile("fcnviz")


def pytest_collection_modifyitems(items):
    """The browser's tests first: they are the longest chain (see below)."""
    items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several workers: the browser's tests on one of them, each other file on any."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "a browser" if "e2e/" in nodeid else nodeid.split("::")[0]

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
    cache.segment.clear()
    evaluation._shared.clear()
    clear_session_resource_cache("test session id")  # AppTest's, for photos that were uploaded
    return ran
