"""Fixtures for all tests."""

from __future__ import annotations

import pytest
import streamlit as st

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

    monkeypatch.setattr(fcn.FCN, "scores", counted)
    st.cache_data.clear()
    cache.segment.clear()
    return ran
