"""Comparing what a page exports: two recordings of one version are equal, and a change is seen."""

from __future__ import annotations

from tests.system import exports


def test_a_page_recorded_twice_is_equal_until_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "LINKS", ("alignment?photo=cat&size=320",))
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        exports.record(folder, ["alignment"])
    assert exports.compare(before, after) == 0
    pages = sorted(after.rglob("page.txt"))
    assert [page.parent.name for page in pages] == ["Crops", "Layers", "Pad and crop", "Sizes"]
    pages[1].write_text("another page")
    assert exports.compare(before, after) == 1
