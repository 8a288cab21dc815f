"""Files that are never seen half written, whatever ends the process that writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place at the end of the block, in one step.

    If the block fails, the file is removed and what was at `path` stays. A process that is killed leaves the
    half-written <path>.part behind: nothing reads it, and the next writer overwrites it.

    Args:
        path: of the file that is to be there in the end.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
