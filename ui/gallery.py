"""A row of thumbnails to choose a sample photo from: no native widget has pictures for options."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import streamlit as st

_CSS = """
.gallery { display: grid; grid-template-columns: repeat(5, 1fr); gap: 6px; }
button { padding: 0; border: 2px solid transparent; border-radius: var(--st-base-radius); background: none;
         cursor: pointer; line-height: 0; overflow: hidden; }
button img { width: 100%; aspect-ratio: 1; object-fit: cover; }
button[aria-pressed="true"] { border-color: var(--st-primary-color); }
button:hover { border-color: var(--st-border-color); }
button[aria-pressed="true"]:hover { border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  let row = parentElement.querySelector(".gallery");
  if (!row) {
    row = document.createElement("div");
    row.className = "gallery";
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Sample photos");
    parentElement.append(row);
  }
  while (row.children.length > data.items.length) row.lastChild.remove();
  data.items.forEach((item, i) => {
    let button = row.children[i];
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("img"));
      row.append(button);
    }
    const image = button.firstChild;
    if (image.getAttribute("src") !== item.image) image.src = item.image;
    image.alt = item.title;
    button.title = item.title;
    button.setAttribute("aria-pressed", String(item.name === data.selected));
    button.onclick = () => setTriggerValue("pick", item.name);
  });
}
"""

_gallery = st.components.v2.component("fcnviz_gallery", js=_JS, css=_CSS)


def gallery(
    items: Sequence[tuple[str, str, bytes]],
    *,
    selected: str | None,
    key: str,
    on_pick: Callable[[str], None],
) -> None:
    """Draw the thumbnails.

    Args:
        items: (name, title, WebP bytes) of each photo.
        selected: name of the one shown as chosen, if any.
        key: unique name of this gallery.
        on_pick: called with the name that was clicked, before the script runs again.
    """
    data = [
        {"name": name, "title": title, "image": f"data:image/webp;base64,{base64.b64encode(image).decode()}"}
        for name, title, image in items
    ]

    def picked() -> None:
        if name := st.session_state[key].get("pick"):
            on_pick(name)

    _gallery(key=key, data={"items": data, "selected": selected}, on_pick_change=picked)
