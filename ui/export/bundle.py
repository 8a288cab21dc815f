"""The zip with everything that a page shows, made when the visitor asks for it."""

import io
import json
import zipfile

import numpy as np

from fcnviz import render
from fcnviz.photos import voc
from ui.export import offline, provenance
from ui.export.shown import PageOutput

_README = """\
{title}, as it was on the screen.

fcnviz.json     versions, weights' hashes, sizes, settings and the link
photo.png       the photo at the size that the networks see
*-labels.png    label maps: palette PNGs whose pixels are class indices (0 background … 20 tvmonitor)
pictures/       what the page shows: PNG pixel by pixel, and grids, maps and matrices as SVG
figures/        open them in a browser; they need plotly.min.js beside them, and no network
scores/         coarse scores before upsampling: float32, (C, h, w), one file for each network and stride
tables/         CSV; the numbers of each grid too
"""


def pack(page: PageOutput) -> bytes:
    """Make the zip of a page."""
    files = {path: make for path, (_, make) in list(page.files.items())}  # a copy: the page may run meanwhile
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        archive.writestr("README.txt", _README.format(title=page.title))
        archive.writestr("fcnviz.json", json.dumps(record(page), indent=1, default=str))
        if page.photo is not None:
            _write(archive, "photo.png", render.to_png(np.asarray(page.photo.image)))
        for path, make in files.items():
            _write(archive, path, make())
        if any(path.startswith("figures/") for path in files):
            _write(archive, f"figures/{offline.SCRIPT}", offline.script())
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    kind = zipfile.ZIP_STORED if path.endswith(".png") else None  # already compressed
    archive.writestr(path, content, kind)


def record(page: PageOutput) -> dict[str, object]:
    """Collect versions, hashes of weights, sizes and settings: enough to make the pictures again."""
    facts: dict[str, dict[str, object]] = {}
    for (kind, name), (_, value) in list(page.facts.items()):
        facts.setdefault(kind, {})[name] = value
    return {
        "page": page.title,
        "link": page.link,
        "photo": next(iter(facts.get("photo", {}).values()), None),
        "networks": list(facts.get("networks", {}).values()),
        "settings": page.settings,
        "scales": facts.get("scales", {}),
        "classes": voc.CLASSES,
        "versions": provenance.versions(),
    }
