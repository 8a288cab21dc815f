"""Fixtures for all tests."""

from __future__ import annotations

import threading

import pytest
import streamlit as st
from streamlit.runtime.caching import clear_session_resource_cache

from fcnviz import fcn
from ui import cache


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
    clear_session_resource_cache("test session id")  # AppTest's, for photos that were uploaded
    return ran
