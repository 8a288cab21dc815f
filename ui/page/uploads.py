"""What a visitor uploads: taken in the run, by the ids of the files, and not in a callback.

A run may be cut off at any time by the visitor's next click. The next run compares the ids again, so it deals
with whatever an earlier run could not finish.
"""

from collections.abc import Iterable

from ui.page import link
from ui.running.streamlit_internals import received, uploading

#: Pictures of any format, also those that are refused: a sentence on the page then says why.
PICTURES = ["image/*"]

_Ids = tuple[str, ...]


class Seen:
    """The files that a run has dealt with, by uploader."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, _Ids]] = {}
        self._returns: dict[str, int] = {}

    def widget(self, key: str) -> str:
        """Return the widget's key of an uploader: another one each time that it returns to the page.

        After a quick return, the browser may still send the files of the uploader that was there before, and
        in the next request none: that would look as if the visitor had removed them.
        """
        returns = self._returns.get(key, 0)
        return f"{key} {returns}" if returns else key

    def of(self, key: str) -> _Ids:
        """Return the ids of the files in the uploader `key` that were dealt with on this visit to the page.

        On every page that is opened, uploaders begin empty.
        """
        visit, ids = self._seen.get(key, (0, ()))
        return ids if visit == link.visit() else ()

    def changed(self, key: str, ids: _Ids) -> bool:
        """Tell whether an uploader holds other files than those that were dealt with.

        When a file replaces another, the browser first removes the old one and then sends the new one. In
        between, the uploader counts as unchanged.
        """
        return ids != self.of(key) and (bool(ids) or not uploading())

    def settle(self, key: str, ids: _Ids) -> None:
        """Take note that the files have been dealt with."""
        self._seen[key] = link.visit(), ids
        received(ids)

    def keep(self, keys: Iterable[str]) -> None:
        """Forget all uploaders but these, the ones on the page: an uploader that returns is empty."""
        there = frozenset(keys)
        for key in self._seen.keys() - there:
            self.empty(key)

    def empty(self, key: str) -> None:
        """Forget an uploader: another one, which is empty, takes its place."""
        self._seen.pop(key, None)
        self._returns[key] = self._returns.get(key, 0) + 1
