"""The last row of every page: take everything along, copy the link."""

from __future__ import annotations

import functools

import streamlit as st

from ui import bundle, shown

_CSS = """
.share { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
button, span { font-family: inherit; font-size: 0.875rem; color: var(--st-text-color); }
button { color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
         border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
         min-height: 2.5rem; padding: 0.25rem 0.75rem; }
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
input { font: inherit; color: var(--st-text-color); background: var(--st-secondary-background-color);
        border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
        min-height: 2.5rem; padding: 0 0.5rem; flex: 1 1 16rem; min-width: 0; }
[hidden] { display: none; }
"""

# The address is the browser's own: it has what a fragment has changed since, and the host's name.
_JS = """
export default function ({ parentElement }) {
  if (parentElement.querySelector(".share")) return;
  const row = document.createElement("div"), button = document.createElement("button");
  const said = document.createElement("span"), address = document.createElement("input");
  row.className = "share";
  button.type = "button";
  button.textContent = "Copy link";
  said.setAttribute("role", "status");
  address.readOnly = true;
  address.hidden = true;
  address.setAttribute("aria-label", "Link to this page");
  address.onfocus = () => address.select();
  row.append(button, said, address);
  parentElement.append(row);
  let timer;
  const say = (text) => {
    said.textContent = text;
    clearTimeout(timer);
  };
  button.onclick = async () => {
    address.value = location.href;
    try {
      await navigator.clipboard.writeText(address.value);
      address.hidden = true;
      say("Copied");
      timer = setTimeout(() => say(""), 4000);
    } catch { // no clipboard over plain http, or not allowed
      address.hidden = false;
      say("Copy it from here:");
      address.focus();
    }
  };
}
"""

_copy = st.components.v2.component("fcnviz_copy_link", js=_JS, css=_CSS)


def row(*, own: bool) -> None:
    """Draw the two buttons.

    Args:
        own: whether the page shows the visitor's own photo.
    """
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        buttons()
    st.caption(f"{_LINK_OWN if own else _LINK} {_ZIP}")


def buttons() -> None:
    """The two buttons alone, after everything that they are about."""
    shown.note()
    st.download_button(
        "Export (zip)", functools.partial(bundle.pack, shown.current()), "fcnviz.zip", key="export",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    _copy(key="copy_link", width="content")


_LINK = "The link opens this page with this photo and these settings."
_LINK_OWN = "The link holds the settings, not your photo: whoever opens it is asked for one of their own."
_ZIP = (
    "The zip holds what is on this page: pictures as PNG, figures as HTML that need no network, label maps, "
    "coarse scores (.npy), tables, and a record of versions, weights' hashes and settings."
)
