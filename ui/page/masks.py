"""Ground truth for the photo: our annotation of a sample, or a mask that the visitor uploads."""

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from fcnviz.evaluation.pairs import sizes_differ
from fcnviz.photos import images, voc
from ui.page import uploads
from ui.running import samples
from ui.settings import settings
from ui.state import Photo


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth for a photo.

    Attributes:
        labels: label map, (H, W) uint8 at the size of the photo on screen; pixels of 255 are ignored.
        origin: who made it, in words.
    """

    labels: np.ndarray
    origin: str


@dataclass(eq=False)
class _Kept:
    """The mask that the session keeps: its photo, its bytes, and the files that have been read."""

    of: str = ""
    data: bytes | None = None
    seen: uploads.Seen = field(default_factory=uploads.Seen)


def _kept() -> _Kept:
    return st.session_state.setdefault("mask_kept", _Kept())


def away() -> None:
    """Take note that the uploader is not on the page: it comes back empty, and the mask stays."""
    _kept().seen.keep(())


def _take(key: str) -> bytes | None:
    """Draw the uploader; return the mask's bytes, if there is one for this photo."""
    kept = _kept()
    file = st.file_uploader(
        "A mask of your own for this photo: PNG in VOC indices or VOC colours, 255 = ignored",
        type=uploads.PICTURES,
        key=kept.seen.widget(key),
        max_upload_size=settings().upload_mb,
    )
    ids = (file.file_id,) if file else ()
    if kept.of != key:
        kept.of, kept.data = key, None
    if kept.seen.changed(key, ids):
        kept.data = file.getvalue() if file else None
        kept.seen.settle(key, ids)
    if kept.data and not file and st.button("Remove your mask", key="mask_remove"):
        kept.data = None
    return kept.data


def choose(photo: Photo) -> Truth | None:
    """Draw the mask uploader and return the ground truth, if there is any.

    If the mask is unusable, an error is shown and a sample keeps our annotation.
    """
    data = _take(f"mask_{photo.file or photo.name}")
    if data is not None:
        try:
            return _uploaded(data, photo)
        except images.ImageError as error:
            st.error(str(error), icon=":material/error:")
    if photo.own:
        st.info("There is no ground truth for your own photo unless you upload its mask.")
        return None
    return bundled(photo)


def _uploaded(data: bytes, photo: Photo) -> Truth:
    """Read a mask; of a black-and-white one, the visitor chooses the class.

    Raises:
        ImageError: the mask cannot be used, or its class is not chosen yet.
    """
    limit = settings().upload_bytes
    try:
        mask = images.read_mask(data, max_bytes=limit)
    except images.BinaryMaskError:
        white = st.selectbox(
            "Black and white only: white is", voc.CLASSES[1:], None, key="mask_white", width=240,
            placeholder="Choose a class",
        )  # fmt: skip
        if white is None:
            raise
        mask = images.read_mask(data, max_bytes=limit, white=voc.CLASSES.index(white))
    for note in mask.notes:
        st.warning(note, icon=":material/info:")
    return Truth(fitted(mask.labels, photo), "your mask")


def bundled(photo: Photo) -> Truth | None:
    """Return our annotation of a sample photo; None for the visitor's own photo."""
    if photo.own:
        return None
    return Truth(fitted(samples.annotation(photo.name), photo), "drawn by this project")


def outlined(photo: Photo) -> np.ndarray | None:
    """Return a sample's ground truth without a void border, at the photo's working size, for its outline."""
    return None if photo.own else fitted(samples.annotation(photo.name, border=False), photo)


def fitted(mask: np.ndarray, photo: Photo) -> np.ndarray:
    """Resize a mask to the size of the photo on screen, by nearest neighbour.

    Raises:
        ImageError: the mask has neither the photo's own size nor that on screen.
    """
    height, width = mask.shape
    if (width, height) not in (photo.native, photo.image.size):
        raise images.ImageError(sizes_differ(photo.native, (width, height), photo.orientation))
    return images.resize_labels(mask, photo.image.size)
