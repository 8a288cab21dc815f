"""The viewer, a component: a photo, its segmentations side by side or under a divider, and a legend."""

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from fcnviz import render
from ui.components.load import component
from ui.export import shown
from ui.figures.pictures import data_uri
from ui.figures.theme import OPACITY
from ui.state import Photo

# A viewer is mounted in three parts (photo, results, options) that find each other in the browser by an id.
# Streamlit sends an unchanged element as a short reference, so a new opacity sends no image.
_photo = component("fcnviz_viewer", __file__)
_part = component("fcnviz_viewer_part", Path(__file__).with_name("viewer_part.js"))


@dataclass(frozen=True)
class Panel:
    """One picture of the viewer.

    Attributes:
        title: Short name, shown above the picture, such as ``FCN-8s``.
        caption: Small text below it.
        layer: PNG of the photo's shape, laid over the photo; None shows the photo alone.
        outline: In a spotlight, a PNG of the outlines alone; the browser paints the layer's other pixels in
            the theme's grey.
    """

    title: str
    caption: str
    layer: bytes | None = None
    outline: bytes | None = None


@dataclass(frozen=True)
class Outline:
    """The true outline, laid over all results.

    Attributes:
        uri: A data URI of an SVG for the browser, whose lines are as thick at any size of the picture.
        png: A PNG of the photo's shape, for files.
    """

    uri: str
    png: bytes


@dataclass(frozen=True)
class LegendEntry:
    """One class in the legend.

    Attributes:
        index: The class index.
        name: Its name.
        colour: Its colour, ``#rrggbb``.
        shares: Its share of the picture (0 to 1) in each panel that has a layer, in their order.
    """

    index: int
    name: str
    colour: str
    shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ViewerOptions:
    """How the viewer shows its panels.

    Attributes:
        opacity: Opacity of the layers, 0 to 1.
        layout: ``grid`` shows all panels, ``swipe`` two of them under a divider.
        left: Index of the panel on the left of the divider.
        right: Index of the panel on its right.
        under: Whether the photo shows beneath the layers; False for opaque label maps.
        isolate: Index of the only class that the layers show now, None for all of them.
    """

    opacity: float = OPACITY
    layout: Literal["grid", "swipe"] = "grid"
    left: int = 0
    right: int = 1
    under: bool = True
    isolate: int | None = None


@dataclass(frozen=True, eq=False)
class Viewer:
    """A viewer whose photo is on the page already; `show` adds the results.

    Attributes:
        key: Unique name of this viewer.
        of: Hash of the photo: results of another photo are never drawn over it.
        place: The container.
    """

    key: str
    of: str
    place: DeltaGenerator

    def show(
        self,
        panels: Sequence[Panel],
        *,
        options: ViewerOptions,
        legend: Sequence[LegendEntry] = (),
        truth: Outline | None = None,
    ) -> None:
        """Show the panels, and the legend below them.

        Args:
            panels: The pictures, in order; usually the photo and one for each network.
            options: How they are shown.
            legend: The classes found.
            truth: The true outline.
        """
        _export(panels, options, truth.png if truth else None, self.key)
        with self.place:
            pictures = [
                {
                    "title": p.title,
                    "caption": p.caption,
                    "layer": p.layer and data_uri(p.layer),
                    "outline": p.outline and data_uri(p.outline),
                }
                for p in panels
            ]
            entries = [asdict(entry) for entry in legend]
            mount_part(self.key, "results", of=self.of, panels=pictures, legend=entries)
            mount_part(self.key, "truth", of=self.of, outline=truth and truth.uri)
            mount_part(self.key, "options", **asdict(options))


def viewer(
    photo: Photo,
    picture: bytes,
    titles: Sequence[str],
    *,
    key: str,
    on_isolate: Callable[[int | None], None] | None = None,
) -> Viewer:
    """Show the photo at once; until its results are there, their places say that they are being computed.

    Python keeps the isolated class, and the legend only shows ``options.isolate``. A click calls
    ``on_isolate`` once, before the script runs again; the callback stores the class in the link, and the next
    run passes it back in ``options``. The browser keeps the position of the divider through all reruns.

    Args:
        photo: The photo.
        picture: The photo as JPEG, WebP or PNG.
        titles: Titles of all panels.
        key: Unique name of this viewer.
        on_isolate: Called with the class that the visitor picked, None for all classes.
    """
    place = st.container(gap=None)
    with place:
        _photo(
            key=key,
            data={
                "id": key,
                "photo": data_uri(picture),
                "size": photo.image.size,
                "of": photo.sha256,
                "titles": list(titles),
            },
            on_isolate_change=lambda: _report(key, on_isolate),
        )
    return Viewer(key, photo.sha256, place)


def _export(panels: Sequence[Panel], options: ViewerOptions, truth: bytes | None, key: str) -> None:
    """Put the panels into the export as they look here: each layer over the photo."""
    photo = shown.current().photo if options.under else None
    for panel in panels:
        if panel.layer is not None:
            make = functools.partial(blended, photo, panel.layer, options.opacity, truth)
            shown.add(f"pictures/{key} {panel.title}.png", make)


def blended(photo: Photo | None, layer: bytes, opacity: float, truth: bytes | None = None) -> bytes:
    """Blend a layer with the photo, and lay an outline over both, as PNG.

    Without a photo and an outline, return the layer as it is.
    """
    if photo is None and truth is None:
        return layer
    over = Image.open(io.BytesIO(layer)).convert("RGBA")
    if photo:
        over = over.resize(photo.image.size, Image.Resampling.NEAREST)
    over.putalpha(over.getchannel("A").point(lambda alpha: round(alpha * opacity)))
    under = photo.image.convert("RGBA") if photo else Image.new("RGBA", over.size)
    result = Image.alpha_composite(under, over)
    if truth:
        result = Image.alpha_composite(result, Image.open(io.BytesIO(truth)).convert("RGBA"))
    return render.to_png(np.asarray(result.convert("RGB")))


def mount_part(viewer_key: str, part: str, **content: Any) -> None:
    """Send one part of a view to the browser, where the parts of an id find each other."""
    _part(key=f"{viewer_key}_{part}", data={"id": viewer_key, "part": part, **content}, height=1)


def _report(key: str, on_isolate: Callable[[int | None], None] | None) -> None:
    """Hand a click on the legend to the app; the browser sends -1 for all classes."""
    picked = st.session_state[key].get("isolate")
    if on_isolate is not None and picked is not None:
        on_isolate(None if picked < 0 else int(picked))
