"""The path through the app: chapters in order, linked both ways."""

from __future__ import annotations

from itertools import pairwise

from tests.apps import ROOT, start
from ui.page import path


def test_every_page_file_is_on_the_map_once():
    files = {"app.py", *(f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py"))}
    assert sorted(page.path for page in path.PAGES) == sorted(files)


def test_chapters_are_numbered_and_linked_both_ways():
    story = (path.START, *path.CHAPTERS)
    assert [page.chapter for page in story] == list(range(len(story)))
    for one, next_one in pairwise(story):
        assert path.neighbours(one)[1] == next_one
        assert path.neighbours(next_one)[0] == one
    assert path.neighbours(path.START)[0] is None
    assert path.neighbours(story[-1])[1] is None
    assert path.neighbours(path.LECTURE) == (None, None)


def test_a_page_ends_with_the_links_to_its_neighbours():
    page = path.of("pages/alignment.py")
    at = start(page.path)
    ends = [element.proto.page for element in at.main.get("page_link")][-2:]
    assert ends == [one.path.removesuffix(".py").rpartition("/")[2] for one in path.neighbours(page)]
    assert any(page.purpose in caption.value for caption in at.caption)
