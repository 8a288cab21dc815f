"""The choice of the photo, without the networks: what the uploader shows is what the page shows."""

from __future__ import annotations

import pytest
import streamlit as st
from hypothesis import given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from fcnviz.photos import images, samples
from tests.apps import png, rerun
from ui.page import uploads

#: Photos of sizes by which they are told apart, and two files that cannot be used.
GOOD = {f"{width}.png": png(width, 20) for width in (31, 32, 33)}
BAD = {"bad.png": b"no picture", "photo.heic": b"\0\0\0\x18ftypheic" + bytes(40)}


def chooser() -> None:
    """A page that only chooses a photo; a test asks it to pick one in the gallery."""
    from dataclasses import replace

    import streamlit as st

    from ui.page import link, photo

    link.begin(st.session_state.get("page", "A page"))
    if name := st.session_state.pop("pick", None):
        photo._pick(name)
    places = replace(photo.above(), always=st.session_state.get("always", False))
    chosen, _ = photo.choose(places)
    st.session_state["now"] = chosen.name, chosen.native, chosen.file


class Visitor:
    """A visitor of that page."""

    def __init__(self, **link: str) -> None:
        self.at = AppTest.from_function(chooser, default_timeout=60)
        self.at.query_params.update(link)
        rerun(self.at)

    @property
    def uploader(self):
        return next(u for u in self.at.file_uploader if u.key != "upload_here")

    @property
    def shown(self) -> str:
        """Name of the sample, or the width of the visitor's photo."""
        name, (width, _), _ = self.at.session_state["now"]
        return str(width) if name == "own" else name

    @property
    def said(self) -> str:
        return "\n".join(e.value for kind in (self.at.error, self.at.info, self.at.caption) for e in kind)

    def upload(self, name: str, key: str | None = None) -> None:
        uploader = self.at.file_uploader(key=key) if key else self.uploader
        uploader.set_value((name, (GOOD | BAD)[name], "image/png"))
        rerun(self.at)

    def remove(self) -> None:
        self.uploader.clear()
        rerun(self.at)

    def pick(self, name: str) -> None:
        self.at.session_state["pick"] = name
        rerun(self.at)

    def open_page(self, name: str) -> None:
        """Go to another page, where the uploader is empty."""
        self.at.session_state["page"] = name
        self.uploader.clear()
        rerun(self.at)


@pytest.fixture
def cut_off(monkeypatch):
    """Have a click cut off the run in which a file is read, at the worst moment: when it has been read."""
    read, done = images.read_photo, set()

    def cut(source, **options):
        opened = read(source, **options)
        if source not in done:
            done.add(source)
            st.rerun()
        return opened

    monkeypatch.setattr(images, "read_photo", cut)
    return done


def test_an_upload_is_there_although_a_click_cut_off_its_run(cut_off):
    visitor = Visitor()
    visitor.upload("31.png")
    assert visitor.shown == "31"
    visitor.upload("32.png")  # a replacement
    assert visitor.shown == "32"
    assert len(cut_off) == 2


_STEPS = some.lists(
    some.tuples(
        some.sampled_from(["upload", "upload", "pick", "remove", "page"]),
        some.sampled_from([*GOOD, *BAD]),
        some.sampled_from([*samples.SAMPLES, "own"]),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=25, deadline=None)
@given(steps=_STEPS)
def test_what_the_uploader_shows_is_what_the_page_shows(steps):
    visitor, before = Visitor(), samples.DEFAULT
    for number, (step, file, name) in enumerate(steps):
        if step == "upload":
            visitor.upload(file)
        elif step == "pick":
            visitor.pick(name)
        elif step == "remove":
            visitor.remove()
        else:
            visitor.open_page(f"Page {number}")
        there = visitor.uploader.value
        if there and there.name in GOOD:
            assert visitor.shown == there.name.removesuffix(".png")
        elif there:
            assert f"`{there.name}`" in visitor.said
        if step == "upload":
            assert visitor.shown == (file.removesuffix(".png") if file in GOOD else before)
        if step == "pick" and name != "own":
            assert visitor.shown == name
        if step == "page":
            assert visitor.shown == before
            assert not visitor.at.error
        assert visitor.at.query_params["photo"] in (visitor.shown, "own")
        before = visitor.shown


def test_removing_the_upload_returns_to_the_sample_and_forgets_it():
    visitor = Visitor(photo="coffee")
    visitor.upload("31.png")
    visitor.remove()
    assert visitor.shown == "coffee"
    visitor.pick("own")
    assert visitor.shown == "coffee"


def test_while_a_photo_replaces_another_the_old_one_stays(monkeypatch):
    visitor = Visitor(photo="coffee")
    visitor.upload("31.png")
    monkeypatch.setattr(uploads, "uploading", lambda: True)
    visitor.remove()  # the browser removes the old file before it sends the new one
    assert visitor.shown == "31"
    visitor.upload("bad.png")
    assert (visitor.shown, len(visitor.at.error)) == ("31", 1)
    visitor.remove()
    visitor.upload("32.png")
    assert (visitor.shown, len(visitor.at.error)) == ("32", 0)


def test_a_sample_is_shown_and_back_to_the_own_photo_without_another_upload():
    visitor = Visitor()
    visitor.upload("31.png")
    visitor.pick("coffee")
    assert not visitor.uploader.value
    visitor.pick("own")
    assert visitor.shown == "31"


def test_an_uploader_that_stays_in_the_main_column_empties_when_a_sample_is_picked():
    visitor = Visitor()
    visitor.at.session_state["always"] = True
    rerun(visitor.at)
    visitor.upload("31.png", "upload_here")
    rerun(visitor.at)
    assert visitor.shown == "31"
    visitor.pick("coffee")
    assert len(visitor.at.file_uploader) == 2
    assert not any(uploader.value for uploader in visitor.at.file_uploader)
    rerun(visitor.at)
    assert visitor.shown == "coffee"
    visitor.pick("own")
    assert visitor.shown == "31"


def test_a_problem_comes_with_an_uploader_in_the_main_column_that_leaves_when_it_is_solved():
    visitor = Visitor(photo="own")  # somebody's link, or one's own page after it was reloaded
    assert "No link holds a photo" in visitor.at.info[0].value
    assert visitor.at.query_params["photo"] == samples.DEFAULT
    visitor.upload("bad.png", "upload_here")
    assert "`bad.png`" in visitor.at.error[0].value
    visitor.upload("31.png", "upload_here")
    assert visitor.shown == "31"
    assert not visitor.at.error
    assert not visitor.at.info
    rerun(visitor.at)
    assert visitor.shown == "31"
    assert [u.key for u in visitor.at.file_uploader] == ["upload"]


def test_a_link_that_names_no_photo_says_which_there_are():
    visitor = Visitor(photo="unicorn")
    assert "coffee" in visitor.at.info[0].value
    assert visitor.shown == samples.DEFAULT
