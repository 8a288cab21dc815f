"""A component without a look of its own: where the page's text has a term first, a click explains it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ui.components.load import component

_places = component("fcnviz_first_places", __file__)


@dataclass(frozen=True)
class Note:
    """What is said of a term.

    Attributes:
        names: the term, and its other spellings.
        about: what follows its name: symbol, unit, section.
        text: what it means.
    """

    names: tuple[str, ...]
    about: str
    text: str


def first_places(notes: Sequence[Note]) -> None:
    """Let each term's first place in the page's paragraphs open its note. Nothing is asked of the server."""
    _places(key="first_places", data={"terms": tuple(asdict(note) for note in notes)})
