"""Two components of the lecture (v2, no iframe): the figure that is shown, and the way through the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ui.lecture_slide import CSS, Figure, html
from ui.viewer import ASSETS

# The next figure takes the place of the last once its pictures are decoded: nothing flickers in between.
_FIGURE_JS = """
export default function ({ data, parentElement: root }) {
  const view = root.querySelector(".view") ?? document.createElement("div");
  if (!view.isConnected) { view.className = "view"; root.append(view); }
  if (view.shown === data.html && view.beside === data.beside) return;
  Object.assign(view, { shown: data.html, beside: data.beside });
  const next = document.createElement("template");
  next.innerHTML = data.html;  // from ui.lecture_slide.html, which escapes all text
  const decoded = [...next.content.querySelectorAll("img")].map(
    (image) => { const twin = new Image(); twin.src = image.src; return twin.decode().catch(() => {}); });
  Promise.all(decoded).then(() => {
    if (view.shown !== data.html) return;  // another one came meanwhile
    view.style.setProperty("--beside", data.beside + "px");
    view.replaceChildren(next.content);
    view.dataset.step = data.step;
  });
}
"""

_NAV_CSS = """
nav { display: flex; align-items: center; gap: 8px; color: var(--st-text-color);
      font-family: var(--st-font); }
h1 { margin: 0 0 0 8px; font-size: 22px; font-weight: 600; line-height: 24px; white-space: nowrap; }
h1 small { display: block; font-size: 15px; line-height: 18px; font-weight: 400; }
button { flex: none; width: 44px; height: 40px; padding: 0 0 4px; font-size: 26px; line-height: 1;
         color: inherit; cursor: pointer; background: var(--st-background-color);
         border: 1px solid var(--st-border-color);
         border-radius: var(--st-button-radius, var(--st-base-radius)); }
button:hover:not(:disabled) { color: var(--st-primary-color); border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button:disabled { cursor: default; opacity: 0.4; }
"""

_figure = st.components.v2.component("fcnviz_lecture_figure", js=_FIGURE_JS, css=CSS)
_nav = st.components.v2.component(
    "fcnviz_lecture_nav", js=(ASSETS / "lecture.js").read_text(encoding="utf-8"), css=_NAV_CSS
)


def show(figure: Figure, step: int, beside: int) -> None:
    """Show a figure as large as fits.

    Args:
        figure: what to show.
        step: its number; two steps never show the same.
        beside: height that the rest of the page takes of the window, in CSS pixels.
    """
    _figure(key="lecture_figure", data={"html": html(figure), "step": step, "beside": beside})


def navigate(names: Sequence[str], step: int, notes: bool, on_go: Callable[[int, bool], None]) -> None:
    """Draw previous, counter and next, and listen to the keys.

    Args:
        names: of all steps.
        step: where we are, from 1.
        notes: whether the speaker's notes are shown.
        on_go: called with the step and notes that are wanted, before the script runs again.
    """

    def went() -> None:
        if wanted := st.session_state["lecture_nav"].get("go"):
            st.session_state["lecture_seen"] = wanted["sent"]
            on_go(int(wanted["step"]), bool(wanted["notes"]))

    seen = st.session_state.get("lecture_seen", 0)
    data = {"names": list(names), "step": step, "notes": notes, "seen": seen}
    _nav(key="lecture_nav", data=data, on_go_change=went)
