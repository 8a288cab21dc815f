"""A small grid of labels to paint on: a click gives a pixel its next label. No native widget has such cells.

The grid is a text, one character a pixel, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

_CSS = """
.grid { display: grid; gap: 2px; max-width: 340px; touch-action: manipulation; }
button { aspect-ratio: 1; padding: 0; border: 1px solid var(--st-border-color); border-radius: 2px;
         cursor: pointer; position: relative; min-width: 0; }
button.later { opacity: 0.25; }
button.last { outline: 3px solid #ff4fd8; outline-offset: 0; z-index: 1; }
button.wrong::after { content: "×"; position: absolute; inset: 0; display: grid; place-items: center;
                      font: 700 22px/1 sans-serif; color: #fff; text-shadow: 0 0 3px #000, 0 0 3px #000; }
button.void { background-image: repeating-linear-gradient(45deg, #0006 0 2px, transparent 2px 6px); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 8px; font-size: 0.9rem;
          color: var(--st-text-color); }
.legend i { display: inline-block; width: 14px; height: 14px; margin-right: 5px; vertical-align: -2px;
            border: 1px solid var(--st-border-color); border-radius: 2px; }
i.void { background-image: repeating-linear-gradient(45deg, #0006 0 2px, transparent 2px 6px); }
button:hover { border-color: var(--st-primary-color); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 1px; z-index: 2; }
"""

# What was sent and has not come back is kept, so that an answer to an earlier click undoes no later one.
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  let box = parentElement.querySelector(".grid");
  if (!box) {
    box = document.createElement("div");
    box.className = "grid";
    box.setAttribute("role", "group");
    box.sent = [];
    const legend = document.createElement("div");
    legend.className = "legend";
    parentElement.append(box, legend);
  }
  const back = box.sent.indexOf(data.cells);
  if (back >= 0) box.sent.splice(0, back + 1);
  if (back < 0) box.sent = [];
  if (!box.sent.length) box.cells = data.cells;
  box.style.gridTemplateColumns = `repeat(${data.side}, 1fr)`;
  box.setAttribute("aria-label", data.title);
  const paint = (i) => {
    const button = box.children[i], label = data.labels.find((l) => l.letter === box.cells[i]);
    button.style.backgroundColor = label.colour;
    button.classList.toggle("void", label.striped);
    button.title = label.name;
    const place = `row ${Math.floor(i / data.side) + 1}, column ${(i % data.side) + 1}`;
    button.setAttribute("aria-label", `${data.title}, ${place}: ${label.name}`);
  };
  for (let i = box.children.length; i < data.cells.length; i++) {
    const button = document.createElement("button");
    button.type = "button";
    button.tabIndex = i ? -1 : 0;
    box.append(button);
  }
  box.nextSibling.replaceChildren(...data.labels.map((label) => {
    const entry = document.createElement("span"), swatch = document.createElement("i");
    swatch.style.backgroundColor = label.colour;
    swatch.classList.toggle("void", label.striped);
    entry.append(swatch, label.name);
    return entry;
  }));
  [...box.children].forEach((button, i) => {
    paint(i);
    button.classList.toggle("later", i >= data.counted);
    button.classList.toggle("last", i === data.counted - 1 && data.counted < data.cells.length);
    button.classList.toggle("wrong", data.wrong.includes(i));
    button.onclick = () => {
      const order = data.labels.map((l) => l.letter);
      const next = order[(order.indexOf(box.cells[i]) + 1) % order.length];
      box.cells = box.cells.slice(0, i) + next + box.cells.slice(i + 1);
      box.sent.push(box.cells);
      paint(i);
      setTriggerValue("painted", box.cells);
    };
    button.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -data.side, ArrowDown: data.side }[event.key];
      const to = box.children[i + step];
      if (!step || !to) return;
      event.preventDefault();
      button.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    };
  });
}
"""

_grid = st.components.v2.component("fcnviz_label_grid", js=_JS, css=_CSS)


@dataclass(frozen=True)
class Label:
    """One label that a pixel may have.

    Attributes:
        letter: that stands for it.
        name: for people.
        colour: "#rrggbb".
        striped: draw it with stripes, as something that does not count.
    """

    letter: str
    name: str
    colour: str
    striped: bool = False


@dataclass(frozen=True)
class Marks:
    """What is marked on a grid.

    Attributes:
        counted: so many pixels are counted, in reading order; the others are pale, the last one is framed.
        wrong: indices of pixels that get a cross.
    """

    counted: int
    wrong: tuple[int, ...] = ()


def label_grid(
    cells: str,
    labels: Sequence[Label],
    marks: Marks,
    *,
    title: str,
    key: str,
    on_paint: Callable[[str], None],
) -> None:
    """Draw a square grid.

    Args:
        cells: a square number of letters.
        labels: what a click goes through, in order.
        marks: what is marked.
        title: what the grid is, for screen readers.
        key: unique name of this grid.
        on_paint: called with the new cells, before the script runs again.
    """
    data = {"cells": cells, "side": round(len(cells) ** 0.5), "labels": [asdict(one) for one in labels]}

    def painted() -> None:
        if new := st.session_state[key].get("painted"):
            on_paint(new)

    _grid(key=key, data={**data, **asdict(marks), "title": title}, on_painted_change=painted)
