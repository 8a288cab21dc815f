"""Settings of the whole Python process that serves the app."""

import sys

from fcnviz.evaluation import archive
from ui.components.load import arrival
from ui.running.streamlit_internals import (
    finish_callbacks,
    keep_uploads_in_memory,
    note_uploads,
    style_from_the_start,
)

#: Seconds after which a Python thread lets another one run (Python's default: 0.005). A network is hundreds
#: of short operations, and its thread waits after each: beside 16 busy scripts, 40 ms became 13 s.
_SWITCH_INTERVAL = 0.0002


def prepare() -> None:
    """Let threads take turns often, uploads stay in memory, callbacks finish, and pages arrive in order."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    keep_uploads_in_memory(archive.MAX_PACKED + 2**20)
    note_uploads()
    finish_callbacks()
    style_from_the_start(arrival())
