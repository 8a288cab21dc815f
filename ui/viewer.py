"""The viewer: one photo, its segmentations side by side or under a divider, and the classes found.

A Streamlit component (``st.components.v2``, no iframe) around ``assets/viewer.js`` and ``assets/viewer.css``.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from PIL import Image

from fcnviz import render
from ui import shown

ASSETS = Path(__file__).parent / "assets"

# A view is mounted in three parts that meet in the browser under one id. Streamlit sends an element that has
# not changed as a short reference, so a new opacity costs the options alone: neither images nor this code.
_PART_JS = """
export default function ({ data }) {
  const views = (globalThis.fcnvizViewers ??= new Map());
  const view = views.get(data.id) ?? {};
  views.set(data.id, view);
  view[data.part] = data;
  view.draw?.();
  return () => { if (view[data.part] === data) delete view[data.part]; };
}
"""

_photo = st.components.v2.component(
    "fcnviz_viewer",
    js=(ASSETS / "viewer.js").read_text(encoding="utf-8"),
    css=(ASSETS / "viewer.css").read_text(encoding="utf-8"),
)
_part = st.components.v2.component("fcnviz_viewer_part", js=_PART_JS)


@dataclass(frozen=True)
class Panel:
    """One picture of the viewer.

    Attributes:
        title: Short name, shown above the picture, such as ``FCN-8s``.
        caption: Small print below it.
        layer: PNG of the photo's shape, laid over the photo; None shows the photo alone.
    """

    title: str
    caption: str
    layer: bytes | None = None


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
        size: The photo's width and height in pixels.
        opacity: Opacity of the layers, 0 to 1.
        layout: ``grid`` shows all panels, ``swipe`` two of them under a divider.
        left: Index of the panel on the left of the divider.
        right: Index of the panel on its right.
        under: Whether the photo shows beneath the layers; False for opaque label maps.
        isolate: Index of the only class that the layers show now, None for all of them.
    """

    size: tuple[int, int]
    opacity: float = 0.6
    layout: Literal["grid", "swipe"] = "grid"
    left: int = 0
    right: int = 1
    under: bool = True
    isolate: int | None = None


def viewer(
    photo: bytes,
    panels: Sequence[Panel],
    *,
    options: ViewerOptions,
    legend: Sequence[LegendEntry] = (),
    key: str,
    on_isolate: Callable[[int | None], None] | None = None,
) -> None:
    """Show the panels, and the legend below them.

    Python owns the isolated class: the legend shows ``options.isolate`` and keeps no state of its own. A
    click is an event, sent once, which calls ``on_isolate`` before the script runs again. The callback stores
    the class wherever the app keeps it (the URL, a select box's key) and the next run passes it back in
    ``options``. So a reset from elsewhere never meets a stale value of the component's. The divider's
    position, in turn, belongs to the browser and is kept through every rerun.

    Args:
        photo: The photo as WebP, JPEG or PNG.
        panels: The pictures, in order; usually the photo and one for each network.
        options: How they are shown.
        legend: The classes found.
        key: Unique name of this viewer.
        on_isolate: Called with the class that the visitor picked, None for all classes.
    """
    _keep(panels, options, key)
    with st.container(gap=None):
        _photo(
            key=key,
            data={"id": key, "photo": _data_uri(photo), "size": options.size},
            on_isolate_change=lambda: _report(key, on_isolate),
        )
        _mount_part(key, "results", panels=[_panel(panel) for panel in panels], legend=_as_dicts(legend))
        _mount_part(key, "options", **asdict(options))


def _keep(panels: Sequence[Panel], options: ViewerOptions, key: str) -> None:
    """Put the panels into the export as they look here: the layer over the photo."""
    photo = shown.current().image
    for panel in panels:
        if panel.layer is not None:
            make = functools.partial(blended, photo if options.under else None, panel.layer, options.opacity)
            shown.add(f"pictures/{key} {panel.title}.png", make)


def blended(photo: Callable[[], Image.Image] | None, layer: bytes, opacity: float) -> bytes:
    """PNG of a layer over the photo; without a photo, the layer as it is."""
    if photo is None:
        return layer
    over = Image.open(io.BytesIO(layer)).convert("RGBA")
    over.putalpha(over.getchannel("A").point(lambda alpha: round(alpha * opacity)))
    under = photo().convert("RGBA")
    return render.to_png(np.asarray(Image.alpha_composite(under, over).convert("RGB")))


def _mount_part(viewer_key: str, part: str, **content: Any) -> None:
    """Send one part of a view to the browser."""
    _part(key=f"{viewer_key}_{part}", data={"id": viewer_key, "part": part, **content})


def _report(key: str, on_isolate: Callable[[int | None], None] | None) -> None:
    """Hand a click on the legend to the app; the browser says -1 for all classes."""
    picked = st.session_state[key].get("isolate")
    if on_isolate is not None and picked is not None:
        on_isolate(None if picked < 0 else int(picked))


def _panel(panel: Panel) -> dict[str, Any]:
    """One panel as the browser reads it."""
    layer = None if panel.layer is None else _data_uri(panel.layer)
    return {"title": panel.title, "caption": panel.caption, "layer": layer}


def _as_dicts(legend: Sequence[LegendEntry]) -> list[dict[str, Any]]:
    """The legend as the browser reads it."""
    return [asdict(entry) for entry in legend]


def _data_uri(image: bytes) -> str:
    r"""An image as a data URI.

    >>> _data_uri(b"\x89PNG")
    'data:image/png;base64,iVBORw=='
    """
    return f"data:{_mime(image)};base64,{base64.b64encode(image).decode('ascii')}"


def _mime(image: bytes) -> str:
    """The media type of an encoded image, by its first bytes."""
    if image.startswith(b"\x89PNG"):
        return "image/png"
    if image.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError("the viewer takes WebP, JPEG or PNG")
