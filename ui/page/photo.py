"""The choice of the photo: a sample, an upload or the camera.

The link holds the sample's name. An uploaded photo is only in the session. What the uploader shows is what
the page shows: each run compares the uploader's file with the last one that was read (see `ui.page.uploads`).
"""

from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fcnviz.evaluation.archive import shown as readable
from fcnviz.photos import images, samples
from ui.components.gallery import Item, gallery
from ui.page import link, uploads
from ui.page.privacy import PROMISE
from ui.running import samples as bundled
from ui.running.streamlit_internals import uploading
from ui.settings import settings
from ui.state import OWN, Photo


@dataclass(frozen=True)
class Above:
    """Two places at the top of the main column, which are empty as long as all is well.

    Attributes:
        message: for what there is to say about the photo.
        upload: for an uploader: on a phone, the sidebar is closed.
        always: whether an uploader is there also while all is well.
    """

    message: DeltaGenerator
    upload: DeltaGenerator
    always: bool = False


@dataclass(frozen=True, eq=False)
class _Own:
    """The visitor's photo.

    Attributes:
        photo: the photo, as large as it can be needed.
        thumbnail: a small WebP.
    """

    photo: Photo
    thumbnail: bytes


@dataclass(frozen=True)
class _Problem:
    """Why a link or a file cannot be used, and the visit to a page on which that happened."""

    visit: int = 0
    text: str = ""
    of_link: bool = False


@dataclass(eq=False)
class _Choice:
    """What the session has chosen. One object, so that no change of it can be cut off half-way.

    Attributes:
        sample: name of the sample that is or was shown.
        own: the visitor's photo, also while a sample is shown.
        own_shown: whether it is shown.
        problem: what cannot be used.
        seen: the files that have been read.
        uploader: number of the uploader in the sidebar; a new one is empty.
        details_of: the photo that the link's class and pixel belong to.
        reduced: the input size for which the visitor's photo was reduced last, and the result.
    """

    sample: str = samples.DEFAULT
    own: _Own | None = None
    own_shown: bool = False
    problem: _Problem = _Problem()
    seen: uploads.Seen = field(default_factory=uploads.Seen)
    uploader: int = 0
    details_of: str | None = None
    reduced: tuple[int, Photo] | None = None

    @property
    def key(self) -> str:
        """Key of the uploader in the sidebar."""
        return f"upload {self.uploader}" if self.uploader else "upload"

    @property
    def shown(self) -> str:
        """Name of the sample, or `OWN`."""
        return OWN if self.own_shown else self.sample

    @property
    def said(self) -> str:
        """The problem, if it happened on this visit to the page."""
        return self.problem.text if self.problem.visit == link.visit() else ""

    def show(self, name: str) -> None:
        """Show a sample, or the visitor's photo."""
        self.own_shown = name == OWN
        self.sample = self.sample if self.own_shown else name
        self.problem = _Problem()


def above() -> Above:
    """Reserve the places at the top of the main column. Call this before anything is drawn there."""
    return Above(st.empty(), st.empty())


def choose(places: Above) -> tuple[Photo, int]:
    """Draw the choice; return the photo and the input size, its longest side in px at most."""
    chosen = _chosen()
    _read_link(chosen)
    row = st.container()
    files = _uploaders(chosen, places)
    working = _size()
    for key, file in files.items():
        _take(chosen, key, file, places)
    chosen.seen.keep(files)
    _say(chosen, places, drawn="upload_here" in files)
    _write_link(chosen)
    with row:
        _gallery(chosen)
    return _photo(chosen, working), working


def only_size(draw: bool) -> tuple[Photo, int]:
    """Draw only the input size, if at all; return the photo of the session and the input size."""
    chosen = _chosen()
    _read_link(chosen)
    _write_link(chosen)
    working = _size() if draw else settings().size
    return _photo(chosen, working), working


def _size() -> int:
    sizes = settings().sizes
    return link.follow(
        "size",
        sizes,
        settings().size,
        lambda: st.select_slider(
            "Input size, longest side in px", sizes, value=settings().size, key="size",
            bind="query-params", help=_ABOUT_SIZE,
        ),
    )  # fmt: skip


_ABOUT_SIZE = (
    "Larger photos are reduced to this for the networks, and their scores are interpolated to the photo on "
    f"screen, which has at most {images.SCREEN} px unless the input is larger. The bundled weights are "
    "measured at 416 px (Evaluate says what other sizes give)."
)


def _chosen() -> _Choice:
    return st.session_state.setdefault("photo_choice", _Choice())


# --- the link


def _read_link(chosen: _Choice) -> None:
    """Choose the link's photo if it is another; a link without a photo keeps the session's."""
    wanted = link.get("photo", link.get("sample"))
    link.put({"sample": None})  # an alias of "photo"
    if wanted in (None, chosen.shown):
        return
    if wanted in samples.SAMPLES or (wanted == OWN and chosen.own):
        chosen.show(str(wanted))
    else:
        chosen.problem = _Problem(link.visit(), _NO_OWN if wanted == OWN else _NO_SAMPLE, of_link=True)
    chosen.details_of = None


def _write_link(chosen: _Choice) -> None:
    """Put the photo into the link; remove a class and a pixel that were chosen on another photo."""
    now = chosen.own.photo.file if chosen.own_shown and chosen.own else chosen.sample
    if chosen.details_of not in (None, now):
        link.put({"class": None, "x": None, "y": None})
    chosen.details_of = now
    link.put({"photo": chosen.shown})


_NO_OWN = (
    "This address belongs to an uploaded photo. No link holds a photo, and a page that is reloaded forgets "
    "it, by design. Upload it again, or choose a sample."
)
_NO_SAMPLE = f"The link names no sample photo; there are {', '.join(samples.SAMPLES)}."


# --- samples


def _gallery(chosen: _Choice) -> None:
    items = [Item(name, s.title, bundled.thumbnail(name)) for name, s in samples.SAMPLES.items()]
    if chosen.own:
        items.append(Item(OWN, chosen.own.photo.title, chosen.own.thumbnail))
    gallery(items, selected=chosen.shown, shown=chosen.details_of or "", key="gallery", on_pick=_pick)


def _pick(name: str) -> None:
    chosen = _chosen()
    if name in samples.SAMPLES or (name == OWN and chosen.own):
        chosen.show(name)
        shown_there = chosen.own_shown and chosen.own and chosen.own.photo.file in chosen.seen.of(chosen.key)
        if not shown_there and not uploading():
            chosen.uploader += 1  # else it would go on showing a file that the page does not show
            if chosen.seen.of("upload_here"):
                chosen.seen.empty("upload_here")
        link.put({"photo": name})


# --- uploads


_ABOUT_UPLOADS = (
    "JPEG, PNG, WebP, BMP, TIFF or GIF, up to {} MB and 50 megapixels. "
    f"{PROMISE} Results for the sample photos are shared and stay."
)


def _uploaders(chosen: _Choice, places: Above) -> dict[str, Any]:
    """Draw all ways to bring a photo; return the file of each, if any, by its key."""
    files = {chosen.key: _uploader("Your own photo", chosen.key)}
    if chosen.said or places.always:
        with places.upload:
            files["upload_here"] = _uploader("Your own photo", chosen.seen.widget("upload_here"))
    if st.toggle("Use the camera", key="camera_on"):
        files["camera"] = st.camera_input("Camera", key=chosen.seen.widget("camera"))
    return files


def _uploader(label: str, key: str) -> Any:
    limit = settings().upload_mb
    about = _ABOUT_UPLOADS.format(limit)
    return st.file_uploader(label, type=uploads.PICTURES, key=key, max_upload_size=limit, help=about)


def _take(chosen: _Choice, key: str, file: Any, places: Above) -> None:
    """Show the file of an uploader if it is another than before; if it is unusable, keep the photo."""
    before, ids = chosen.seen.of(key), (file.file_id,) if file else ()
    if not chosen.seen.changed(key, ids):
        return
    if file:
        _open(chosen, file, places)
    elif chosen.own and chosen.own.photo.file in before:  # the visitor has removed it
        chosen.own = None
        chosen.show(chosen.sample)
    else:
        chosen.problem = _Problem()
    chosen.seen.settle(key, ids)


def _open(chosen: _Choice, file: Any, places: Above) -> None:
    try:
        with places.message, st.spinner("Reading the photo …"):
            own = _own(file)
    except images.ImageError as error:
        chosen.problem = _Problem(link.visit(), f"`{readable(file.name).replace('`', '?')}`: {error}")
        return
    chosen.own, chosen.reduced = own, None
    chosen.show(OWN)


def _own(file: Any) -> _Own:
    opened = images.read_photo(file.getvalue(), max_bytes=settings().upload_bytes)
    image = images.fit(opened.image, max(images.SCREEN, settings().largest))
    about = ("Your photo", "kept in this session only", image, opened.image.size, settings().largest)
    return _Own(
        Photo(OWN, *about, opened.notes, file.file_id, opened.orientation), bundled.thumbnail_of(image)
    )


def _say(chosen: _Choice, places: Above, *, drawn: bool) -> None:
    """Say in the main column what is wrong, with an uploader, or what was decided about the photo."""
    if chosen.said:
        say = places.message.info if chosen.problem.of_link else places.message.error
        say(chosen.said, icon=":material/link_off:" if chosen.problem.of_link else ":material/error:")
        if not drawn:
            with places.upload:
                _uploader("Your own photo", chosen.seen.widget("upload_here"))
        return
    if drawn and not places.always:
        places.upload.empty()
    if chosen.own_shown and chosen.own and chosen.own.photo.notes:
        places.message.caption(f":material/info: {' '.join(chosen.own.photo.notes)}")


def _photo(chosen: _Choice, longest: int) -> Photo:
    if not (chosen.own_shown and chosen.own):
        return bundled.photo(chosen.sample, longest)
    if chosen.reduced is None or chosen.reduced[0] != longest:  # once, not at each rerun
        full = chosen.own.photo
        shown = images.fit(full.image, max(images.SCREEN, longest))
        chosen.reduced = longest, replace(full, image=shown, longest=longest)
    return chosen.reduced[1]
