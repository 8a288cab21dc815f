"""Where things are from, for the record: versions, weights' hashes, the photo."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from fcnviz import weights
from fcnviz.inference import Segmentation

if TYPE_CHECKING:
    from ui.inputs import Photo

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "plotly", "streamlit")


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers and pictures depend on."""
    return {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}


def photo(about: Photo) -> dict[str, object]:
    """Sizes (width, height) and whose it is; not its file's name, which nothing here knows."""
    return {
        "name": about.name,
        "credit": about.credit,
        "native_size": about.native,
        "working_size": about.image.size,
        "sha256_of_pixels": about.sha256,
    }


def network(name: str, found: Segmentation | None = None) -> dict[str, object]:
    """A network, by its registry name, and how it ran on the page's photo, if it did."""
    about = weights.find(name)
    record = {"name": name, "stride": about.stride, "weights_file": about.file, **weights_of(name)}
    if found is None:
        return record
    return {
        **record,
        "device": found.device,
        "dtype": found.dtype,
        "seconds": round(found.seconds, 4),
        "score_map": list(found.scores.finest.shape[1:]),
    }


def weights_of(name: str) -> dict[str, str | None]:
    """Whose the weights are, and their hashes."""
    about = weights.find(name)
    return {"origin": about.origin, "weights_sha256": about.sha256, "weights_md5": about.md5}
