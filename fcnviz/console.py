"""Print on consoles that know few characters, as on Windows: what they lack is spelled, never an error."""

import codecs
import io
import sys

_SPELLED = str.maketrans({"−": "-", "–": "-", "×": "x", "→": "->", "…": "...", "’": "'", "“": '"', "”": '"'})


def spell() -> None:
    """Let standard output and standard error spell the characters that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="fcnviz.spelled")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Spell a character, as "-" for a minus sign; another one, as of a file's name, by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return lacking.translate(_SPELLED).encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error("fcnviz.spelled", _spelled)
