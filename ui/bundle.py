"""The export: everything that a page shows, as one zip. Made on demand, from what was drawn."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from fcnviz import render, voc
from ui import offline, origins
from ui.shown import Shown

_README = """\
{title}, as it was on the screen.

fcnviz.json     versions, weights' hashes, sizes, settings and the link
photo.png       the photo at the size that the networks see
*-labels.png    label maps: palette PNGs whose pixels are class indices (0 background … 20 tvmonitor)
pictures/       what the page shows, pixel by pixel
figures/        open them in a browser; they need plotly.min.js beside them, and no network
scores/         coarse scores before upsampling: float32, (C, h, w), one file for each network and stride
tables/         CSV
"""


def pack(shown: Shown) -> bytes:
    """A zip of all that a page shows.

    Args:
        shown: by the page's last run.
    """
    files = {path: make for path, (_, make) in list(shown.files.items())}  # a copy: the page may go on
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr("README.txt", _README.format(title=shown.title))
        archive.writestr("fcnviz.json", json.dumps(record(shown), indent=1, default=str))
        if shown.image is not None:
            _write(archive, "photo.png", render.to_png(np.asarray(shown.image())))
        for path, make in files.items():
            _write(archive, path, make())
        if any(path.startswith("figures/") for path in files):
            _write(archive, f"figures/{offline.SCRIPT}", offline.script())
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    kind = zipfile.ZIP_STORED if path.endswith(".png") else None  # compressed already
    archive.writestr(path, content, kind)


def record(shown: Shown) -> dict[str, object]:
    """Versions, weights' hashes, sizes and settings: enough to make the pictures again."""
    facts: dict[str, dict[str, object]] = {}
    for (kind, name), (_, value) in list(shown.facts.items()):
        facts.setdefault(kind, {})[name] = value
    return {
        "page": shown.title,
        "link": shown.link,
        "photo": next(iter(facts.get("photo", {}).values()), None),
        "networks": list(facts.get("networks", {}).values()),
        "settings": shown.settings,
        "scales": facts.get("scales", {}),
        "classes": voc.CLASSES,
        "versions": origins.versions(),
    }
