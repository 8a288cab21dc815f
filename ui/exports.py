"""Downloads: exact label maps, overlays, and a record of how they were made."""

from __future__ import annotations

import functools
import io
import json
import platform
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from fcnviz import render, voc, weights
from ui.inputs import Photo, View
from ui.panels import Result

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "streamlit")


def buttons(photo: Photo, results: list[Result], view: View) -> None:
    """Draw the downloads; files are made when they are asked for."""
    link = "?" + urlencode(st.query_params.to_dict())
    with st.container(horizontal=True, vertical_alignment="center"):
        make_all = functools.partial(everything, photo, results, view, link)
        _button("Everything (zip)", "fcnviz.zip", make_all)
        for r in results:
            _button(f"{r.title} labels", f"{r.name}-labels.png", functools.partial(label_map, r, view))
            make = functools.partial(overlay, photo, r, view)
            _button(f"{r.title} overlay", f"{r.name}-overlay.png", make)
    st.caption(
        "Label maps are palette PNGs whose pixels are the class indices (0 background … 20 tvmonitor). "
        "The zip adds a JSON with versions, the weights' hashes and the settings."
    )


def _button(label: str, file: str, make: Callable[[], bytes]) -> None:
    st.download_button(
        label, make, file, key=f"download_{file}", on_click="ignore", icon=":material/download:"
    )


def label_map(result: Result, view: View) -> bytes:
    """Palette PNG whose pixels are the class indices."""
    return render.label_png(result.labels, render.PALETTES[view.palette])


def overlay(photo: Photo, result: Result, view: View) -> bytes:
    """PNG of the tinted photo, as shown."""
    colours = render.PALETTES[view.palette]
    return render.to_png(
        render.overlay(np.asarray(photo.image), result.labels, colours, view.opacity, view.isolate)
    )


def everything(photo: Photo, results: list[Result], view: View, link: str) -> bytes:
    """A zip of all label maps and overlays, and `fcnviz.json`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # PNGs are compressed already
        archive.writestr("photo.png", render.to_png(np.asarray(photo.image)))
        for r in results:
            archive.writestr(f"{r.name}-labels.png", label_map(r, view))
            archive.writestr(f"{r.name}-overlay.png", overlay(photo, r, view))
        archive.writestr("fcnviz.json", json.dumps(record(photo, results, view, link), indent=2))
    return buffer.getvalue()


def record(photo: Photo, results: list[Result], view: View, link: str) -> dict[str, object]:
    """Versions, weights' hashes, sizes and settings: enough to make the pictures again.

    Args:
        photo: what was segmented.
        results: by every network.
        view: how they were drawn.
        link: the page's query string; it names a sample, never an uploaded photo.
    """
    return {
        "photo": {
            "name": photo.name,
            "credit": photo.credit,
            "native_size": photo.native,
            "working_size": photo.image.size,
            "sha256_of_pixels": photo.digest,
        },
        "networks": [_network(r) for r in results],
        "settings": asdict(view),
        "link": link,
        "classes": voc.CLASSES,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
    }


def _network(result: Result) -> dict[str, object]:
    about, s = weights.find(result.name), result.segmentation
    return {
        "name": result.name,
        "stride": result.stride,
        "weights_file": about.file,
        "weights_sha256": about.sha256,
        "weights_md5": about.md5,
        "origin": about.origin,
        "device": s.device,
        "dtype": s.dtype,
        "seconds": round(s.seconds, 4),
        "score_map": list(s.scores.finest.shape[1:]),
    }
