"""Ground truth for the photo: bundled annotations, or a mask that the visitor uploads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import images
from ui import cache
from ui.inputs import Photo


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth for a photo.

    Attributes:
        labels: (H, W) uint8 at the photo's working size; 255 does not count.
        origin: whose it is, in words.
    """

    labels: np.ndarray
    origin: str


def choose(photo: Photo) -> Truth | None:
    """Draw the mask uploader and return the ground truth, if there is any.

    A mask that cannot be used is said to be so, and the bundled one stays.
    """
    file = st.file_uploader(
        "A mask of your own for this photo: PNG in VOC indices or VOC colours, 255 = ignored",
        type=["png"],
        key=f"mask_{photo.name}",
    )
    if file is not None:
        try:
            return Truth(fitted(images.open_mask(file.getvalue()), photo), "your mask")
        except images.ImageError as error:
            st.error(str(error), icon=":material/error:")
    if photo.own:
        st.info("There is no ground truth for your own photo unless you upload its mask.")
        return None
    return bundled(photo)


def bundled(photo: Photo) -> Truth | None:
    """Our annotation of a sample photo; None for the visitor's own."""
    if photo.own:
        return None
    return Truth(fitted(cache.annotation(photo.name), photo), "drawn by this project")


def fitted(mask: np.ndarray, photo: Photo) -> np.ndarray:
    """Bring a mask to the photo's working size, by nearest neighbour.

    Raises:
        ImageError: it is the mask of a photo of another size.
    """
    height, width = mask.shape
    if (width, height) not in (photo.native, photo.image.size):
        raise images.ImageError(
            f"The mask is {width} × {height} px and the photo {photo.native[0]} × {photo.native[1]} px: "
            "upload the mask of this very photo."
        )
    return np.asarray(Image.fromarray(mask).resize(photo.image.size, Image.Resampling.NEAREST))
