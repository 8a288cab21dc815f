"""Provenance of pictures and numbers, for the export: versions of packages, and hashes of weights."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from fcnviz import weights

if TYPE_CHECKING:
    from fcnviz.inference import Segmentation

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "plotly", "streamlit")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers and pictures depend on."""
    return {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}


def network(name: str, result: Segmentation | None = None) -> dict[str, object]:
    """Describe a network by its registry name; a result for the page's photo adds how it ran."""
    about = weights.find(name)
    facts = {"name": name, "stride": about.stride, "weights_file": about.file, **_origin(about)}
    if result is None:
        return facts
    return {
        **facts,
        "device": result.device,
        "dtype": result.dtype,
        "seconds": round(result.seconds, 4),
        "score_map": list(result.scores.finest.shape[1:]),
    }


def weights_of(name: str) -> dict[str, object]:
    """Origin and hashes of a network's weights."""
    return _origin(weights.find(name))


def _origin(about: weights.Weights) -> dict[str, object]:
    return {"origin": about.origin, "weights_sha256": about.sha256, "weights_md5": about.md5}
