"""Which files `segment` reads and writes: all of it is known, or refused, before a network is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fcnviz import batch


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of photos beside a few other things, as the working directory."""
    photos = ("b.JPG", "a.png", "c.heic", "notes.txt", ".hidden.png", "inner/d.png", "folder.png/e.png")
    for name in (*(f"photos/{name}" for name in photos), "one.jpg", "same/one.png", "[1].jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(images, out, overlay=None):
    return [
        tuple(str(p) for p in (job.image, *job.targets)) for job in batch.plan(images.split(), out, overlay)
    ]


def test_one_image_goes_to_a_file_a_folder_or_standard_output(here):
    assert plan("one.jpg", "x.png") == [("one.jpg", "x.png")]
    assert plan("one.jpg", "x.PNG", "out") == [("one.jpg", "x.PNG", "out/one.png")]
    assert plan("one.jpg", "out") == [("one.jpg", "out/one.png")]
    assert plan("one.jpg", "-", "x.png") == [("one.jpg", "-", "x.png")]
    os.mkfifo("pipe")
    assert plan("one.jpg", "pipe", "pipe") == [("one.jpg", "pipe", "pipe")]


def test_folders_and_patterns_are_all_images_in_them(here):
    in_photos = [("photos/a.png", "new/a.png"), ("photos/b.JPG", "new/b.png"), ("photos/c.heic", "new/c.png")]
    assert plan("photos", "new") == in_photos
    assert plan("photos/[ab].*", "new") == in_photos[:2]
    assert plan("photos/b* one.jpg photos/b.JPG", "new") == [in_photos[1], ("one.jpg", "new/one.png")]
    assert plan(f"{here}/*.jpg", "out", "new") == [
        (f"{here}/{name}.jpg", f"out/{name}.png", f"new/{name}.png") for name in ("[1]", "one")
    ]
    assert plan("[1].jpg", "x.png") == [("[1].jpg", "x.png")]
    assert plan("photos/a*", "new") == in_photos[:1]  # one match goes where several would
    assert not Path("new").exists()


def linked(_):
    Path("x.png").symlink_to("same/one.png")
    return "same/one.png", "x.png"


def hard_linked(_):
    Path("x.png").hardlink_to("same/one.png")
    return "same/one.png", "x.png"


def reached_through_a_link(here):
    Path("link").symlink_to("out")
    return "one.jpg", "out/x.png", "link/x.png"


REFUSED = [
    (("same/one.png", "same/one.png"), "same/one.png is an image that is read"),
    (("same/one.png", "./same/../same/one.png"), "is an image that is read"),
    (("same/one.png", "x.png", "same"), "same/one.png is an image that is read"),
    (("photos", "photos"), "photos/a.png is an image that is read"),
    (linked, "x.png is an image that is read"),
    (hard_linked, "x.png is an image that is read"),
    (("one.jpg", "x.png", "x.png"), "the results of one.jpg would overwrite each other in x.png"),
    (("one.jpg", "x.png", "out/../x.png"), "would overwrite each other in out/../x.png"),
    (("one.jpg", "-", "-"), "would overwrite each other in -"),
    (reached_through_a_link, "would overwrite each other in link/x.png"),
    (("one.jpg same/one.png", "out"), "of one.jpg and same/one.png would overwrite each other in out/one"),
    (("photos", "out", "out"), "the results of photos/a.png would overwrite each other in out/a.png"),
    (("one.jpg", "x.jpg"), "x.jpg would hold a PNG: end its name in .png"),
    (("one.jpg", "x.png", "x"), "x would hold a PNG"),
    (("one.jpg", "no/x.png"), "no/x.png cannot be written: there is no folder no"),
    (("one.jpg", "one.jpg/x.png"), "there is no folder one.jpg"),
    (("photos", "no/new"), "there is no folder no"),
    (("photos", "x.png"), "several images need a folder for their results, not x.png"),
    (("photos", "-"), "several images need a folder for their results, not -"),
    (("photos", "one.jpg"), "several images need a folder for their results, not one.jpg"),
    (("one.jpg", ""), "the name of a result is empty"),
    (("one.jpg", "x.png", ""), "the name of a result is empty"),
    (("out", "x.png"), "out holds no images"),
    (("*.gif", "out"), r"no file matches *.gif"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), REFUSED)
def test_what_would_lose_something_is_refused(here, given, says):
    arguments = given(here) if callable(given) else given
    before = sorted(here.rglob("*"))
    with pytest.raises((OSError, ValueError)) as caught:
        plan(*arguments)
    assert says in str(caught.value)
    assert sorted(here.rglob("*")) == before
