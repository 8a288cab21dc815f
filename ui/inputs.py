"""Widgets → frozen dataclasses: the photo, the networks and how to show them.

What matters is in the URL, except an uploaded photo, which lives in the session alone.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from PIL import Image
from starlette.formparsers import MultiPartParser

from fcnviz import archive, images, render, samples, voc, weights
from fcnviz.settings import settings
from ui import cache, link
from ui.gallery import gallery

#: What is kept, and for how long.
KEPT = (
    "Nothing is written to disk. Your photo and what is made of it are in the server's memory, for your "
    "session alone, and dropped with it: two minutes after you close the page, or later. Results for the "
    "sample photos are shared and stay."
)
VIEWS = ("Overlay", "Labels", "Boundaries", "Confidence")
#: Views that are blended with the photo; the others are drawn as they are.
BLENDED = ("Overlay", "Confidence")
LAYOUTS = ("Side by side", "Swipe")
OWN = "own"  # what the link says of an uploaded photo; never the photo, nor its name
#: What arrives stays in memory: beyond 1 MB Starlette would put it into a temporary file meanwhile.
MultiPartParser.spool_max_size = archive.MAX_PACKED + 2**20
UPLOAD_TYPES = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"]


@dataclass(frozen=True, eq=False)
class Photo:
    """The photo that a page works on.

    Attributes:
        name: sample name, or "own".
        title: for captions.
        credit: whose it is.
        image: RGB at working size.
        native: (width, height) before it was reduced.
        digest: identifies its pixels, and says whether it is the visitor's own (see `cache.of_photo`).
    """

    name: str
    title: str
    credit: str
    image: Image.Image
    native: tuple[int, int]
    digest: str

    @property
    def own(self) -> bool:
        """Whether a visitor brought it."""
        return self.name == OWN

    @property
    def sha256(self) -> str:
        """Of its pixels."""
        return self.digest.removeprefix(cache.OWN)


@dataclass(frozen=True)
class Networks:
    """Which networks run, and where.

    Attributes:
        family: "lite0", "vgg16" or the name of an unverified file.
        names: registry names, coarse to fine.
        device: "auto", "cuda", "mps" or "cpu".
    """

    family: str
    names: tuple[str, ...]
    device: str


@dataclass(frozen=True)
class View:
    """How the results are drawn.

    Attributes:
        view: one of `VIEWS`.
        opacity: of the layers, 0…1.
        layout: one of `LAYOUTS`.
        left, right: panels under the divider.
        palette: a key of `render.PALETTES`.
        isolate: the only class shown, or None.
    """

    view: str
    opacity: float
    layout: str
    left: int
    right: int
    palette: str
    isolate: int | None


# --- the photo


def photo() -> Photo:
    """Draw the photo chooser and return the photo it stands on."""
    _read_link()
    chosen = None if st.session_state.get("own_shown") else st.session_state["sample"]
    gallery(
        [(name, s.title, cache.thumbnail(name)) for name, s in samples.SAMPLES.items()],
        selected=chosen,
        key="gallery",
        on_pick=_pick_sample,
    )
    st.file_uploader(
        "Your own photo", type=UPLOAD_TYPES, key="upload", on_change=_take_file, args=("upload",),
        max_upload_size=settings().upload_mb, help=_ABOUT_UPLOADS.format(settings().upload_mb) + KEPT,
    )  # fmt: skip
    if st.toggle("Use the camera", key="camera_on"):
        st.camera_input("Camera", key="camera", on_change=_take_file, args=("camera",))
    if error := st.session_state.get("photo_error"):
        st.error(error, icon=":material/error:")
    working = st.select_slider(
        "Working size, longest side in px", settings().sizes, value=settings().size, key="size",
        bind="query-params", help="Larger photos are reduced to this before the networks see them.",
    )  # fmt: skip
    return _photo(working)


_ABOUT_UPLOADS = "JPEG, PNG, WebP, BMP, TIFF or GIF, up to {} MB and 50 megapixels. "


def _read_link() -> None:
    """Follow the link's sample; without one, stay with the session's."""
    state, wanted = st.session_state, link.get("photo", link.get("sample"))
    link.put({"sample": None})  # another name for the same
    if not state.get("own_shown"):
        if wanted in samples.SAMPLES:
            state["sample"] = wanted
        elif wanted == OWN and "sample" not in state:
            state["photo_error"] = "The link was to somebody's own photo, which no link holds: upload yours."
        elif wanted not in (None, OWN):
            state["photo_error"] = f"The link names no sample photo; there are {', '.join(samples.SAMPLES)}."
    state.setdefault("sample", "cat")
    _write_link()


def _write_link() -> None:
    shown = OWN if st.session_state.get("own_shown") else st.session_state["sample"]
    link.put({"photo": shown})


def _pick_sample(name: str) -> None:
    if name in samples.SAMPLES:
        st.session_state.update(sample=name, own_shown=False, own_replaced=False, photo_error=None)
        _forget_details()
        link.put({"photo": name})


def _forget_details() -> None:
    """A class or a pixel that was chosen on one photo means nothing on another."""
    link.put({"class": None, "x": None, "y": None})


def _take_file(key: str) -> None:
    """Read what was uploaded; if it cannot be used, keep what is on screen and say why."""
    state = st.session_state
    file = state.get(key)
    state["photo_error"] = None
    if file is None:  # removed, or about to be replaced: the browser does not tell
        state.update(own_shown=False, own_replaced=state.get("own_shown", False))
        return
    try:
        image = images.open_image(file.getvalue())
    except images.ImageError as error:
        state["photo_error"] = str(error)
        state["own_shown"] = state.get("own_shown") or state.get("own_replaced", False)
        _write_link()
        return
    state["own_photo"] = (images.fit(image, settings().largest), image.size)
    state["own_shown"] = True
    _forget_details()
    _write_link()


def _photo(working: int) -> Photo:
    if st.session_state.get("own_shown"):
        full, native = st.session_state["own_photo"]
        name, title, credit = OWN, "Your photo", "kept in this session only"
    else:
        name = st.session_state["sample"]
        full, about = cache.sample(name), samples.SAMPLES[name]
        native, title, credit = full.size, about.title, about.credit
    image = images.fit(full, working)
    return Photo(name, title, credit, image, native, _digest(image, name == OWN))


def _digest(image: Image.Image, own: bool) -> str:
    """What caches know a photo by; of an upload it says so, and its results go with the session."""
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()
    return cache.OWN * own + digest


def source(photo: Photo) -> Callable[[], Image.Image]:
    """What makes the photo's pixels again; nothing is kept for it that the session does not keep anyway."""
    working = max(photo.image.size)
    if photo.own:
        return functools.partial(images.fit, st.session_state["own_photo"][0], working)
    return lambda: images.fit(samples.load(photo.name), working)


def whole(key: str) -> Literal["query-params"] | None:
    """How `st.number_input` binds a whole number to the link: not at all where the link says infinity.

    Streamlit 1.67 fails on that one (OverflowError), and on no other number or word.
    """
    for text in st.query_params.get_all(key):
        try:
            if math.isinf(float(text)):
                return None
        except ValueError:
            continue
    return "query-params"


# --- networks and display


def families() -> dict[str, tuple[str, ...]]:
    """What can run here: family → registry names of its nets that are present, coarse to fine."""
    here = weights.available()
    if settings().public:
        here = [name for name in here if weights.find(name).origin != "unverified"]
    found = {
        family: tuple(n for stride in ("32s", "16s", "8s") if (n := f"{family}-fcn{stride}") in here)
        for family in ("lite0", "vgg16")
    }
    grouped = {name for names in found.values() for name in names}
    return {k: v for k, v in found.items() if v} | {n: (n,) for n in here if n not in grouped}


def networks() -> Networks:
    """Draw the choice of weights and device."""
    choices = families()
    if not choices:
        st.error(
            "There are no weights to run: put the bundled files back into weights/.", icon=":material/error:"
        )
        st.stop()
    family = st.selectbox(
        "Backbone and weights", list(choices), key="nets", bind="query-params", help=_ABOUT_NETWORKS
    )
    devices, device = ["auto", *weights.devices()], settings().device
    if len(devices) > 2 and device == "auto" and not settings().public:
        device = st.selectbox("Device", devices, key="device", persist_state="session")
    return Networks(family, choices[family], device)


_ABOUT_NETWORKS = (
    "lite0: EfficientNet-Lite0, trained by this project and bundled. vgg16: the paper's network, shown once "
    "its published checkpoints are in weights/ (python -m fcnviz weights get vgg16-fcn8s). Files of your own "
    "in weights/ are offered as unverified."
)


def palette() -> str:
    """Draw the choice of class colours."""
    return st.selectbox("Class colours", list(render.PALETTES), key="colours", bind="query-params")


def view(panels: list[str], colours: str) -> View:
    """Draw the toolbar above the results.

    Args:
        panels: titles of the pictures, the photo first.
        colours: the palette's name.
    """
    with st.container(horizontal=True, gap="small"):
        mode = st.segmented_control(
            "Show", VIEWS, default="Overlay", required=True, key="view", bind="query-params"
        )
        layout = st.segmented_control(
            "Layout", LAYOUTS, default="Side by side", required=True, key="layout", bind="query-params"
        )
        opacity = st.slider(
            "Opacity", 0, 100, 65, 5, format="%d %%", key="opacity", bind="query-params", width=150,
            disabled=mode not in BLENDED,
        )  # fmt: skip
        left, right = _pair(panels) if layout == "Swipe" else (0, len(panels) - 1)
    return View(mode, opacity / 100, layout, left, right, colours, isolated())


def _pair(panels: list[str]) -> tuple[int, int]:
    left = st.selectbox("Left", panels, 1, key="left", bind="query-params", width=120)
    right = st.selectbox("Right", panels, len(panels) - 1, key="right", bind="query-params", width=120)
    return panels.index(left), panels.index(right)


def isolated() -> int | None:
    """The class in the link that alone is shown, if any."""
    name = link.get("class")
    return voc.CLASSES.index(name) if name in voc.CLASSES else None


def isolate(index: int | None) -> None:
    """Put the class that alone is shown into the link."""
    link.put({"class": None if index is None else voc.CLASSES[index]})
