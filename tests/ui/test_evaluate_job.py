"""What an evaluation of pairs keeps of what their readers said."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from fcnviz.evaluation import pairs
from fcnviz.photos.images import BinaryMaskError, ImageError
from ui.evaluate.job import Job, Plan


def test_a_job_keeps_notes_and_knows_of_binary_masks():
    read = pairs.Read(Image.new("RGB", (9, 9)), np.full((9, 9), 8, np.uint8), ("One.", "Two."))

    def refuse(error: Exception) -> Any:
        raise error

    job_pairs = [
        pairs.Pair("noted", lambda: read),
        pairs.Pair("bad", lambda: refuse(ImageError("It is bad."))),
        pairs.Pair("plain", lambda: replace(read, notes=())),
    ]
    given = Plan((), job_pairs, {}, 640, lambda task, *a: task(*a))
    running = Job(given, {})
    running.start()
    running.wait(60)
    assert running.notes == {"noted": "One. Two."}
    assert running.skipped == {"bad": "It is bad."}
    assert not running.binary
    binary = Job(replace(given, pairs=[pairs.Pair("b", lambda: refuse(BinaryMaskError("Which?")))]), {})
    binary.start()
    binary.wait(60)
    assert binary.skipped == {"b": "Which?"}
    assert binary.binary
