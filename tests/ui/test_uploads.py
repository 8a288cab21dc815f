"""What keeps uploads and clicks from being lost, beneath the pages."""

from __future__ import annotations

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.state import SafeSessionState

from ui.page import uploads
from ui.running import streamlit_internals as internals


class LeftError(Exception):
    """Ends a run, as Streamlit does when the visitor has clicked again."""


class State:
    """A session's state whose callback uses the state twice."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def __setitem__(self, key: str, value: int) -> None:
        self.values[key] = value

    def on_script_will_rerun(self, *_: object, **__: object) -> None:
        self.safe["first"] = 1
        self.safe["second"] = 2


def test_a_click_that_comes_during_a_callback_does_not_cut_it_off():
    internals.finish_callbacks()
    looks = []

    def click_again() -> None:
        looks.append(None)
        if len(looks) > 1:
            raise LeftError

    state = State()
    state.safe = SafeSessionState(state, click_again)
    state.safe.on_script_will_rerun(None)
    assert state.values == {"first": 1, "second": 2}
    with pytest.raises(LeftError):
        state.safe["third"] = 3  # the run itself is cut off as before


@pytest.fixture
def manager(monkeypatch):
    internals.note_uploads()
    monkeypatch.setattr(internals, "session", lambda: "mine")
    manager = MemoryUploadedFileManager("/upload")
    yield manager
    manager.remove_session_files("mine")


def test_an_upload_is_on_its_way_from_its_announcement_until_a_run_has_seen_it(manager):
    assert not internals.uploading()
    manager.get_upload_urls("another's", ["a.png"])
    manager.get_upload_urls("mine", [])  # files that the browser itself refuses
    assert not internals.uploading()
    first, second = manager.get_upload_urls("mine", ["a.png", "b.png"])
    assert internals.uploading()
    internals.received(["of another uploader"])
    assert internals.uploading()
    internals.received([first.file_id, second.file_id])
    assert not internals.uploading()
    manager.remove_session_files("another's")


def test_an_announcement_ends_with_its_session(manager):
    manager.get_upload_urls("mine", ["a.png"])
    manager.remove_session_files("mine")
    assert not internals.uploading()
    assert "mine" not in internals._announced


def test_an_uploader_that_returns_is_another_widget():
    seen = uploads.Seen()
    first = seen.widget("files")
    seen.settle("files", ("an id",))
    seen.keep(["files"])
    assert seen.widget("files") == first  # it is still on the page
    seen.keep(())
    assert seen.widget("files") != first  # what the browser still holds is of the first
    assert not seen.changed("files", ())
