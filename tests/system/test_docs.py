"""What the documents claim about tests is there."""

from __future__ import annotations

import re

from tests.apps import ROOT


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "inputs.md").read_text("utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(named) > 40
    assert named <= there, named - there
