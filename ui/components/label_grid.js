// A grid of pixels to paint on. Edits that the server has not confirmed are kept in `box.sent`, so that a late
// reply cannot undo a newer click.

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
  const confirmed = box.sent.indexOf(data.cells);
  box.sent = confirmed < 0 ? [] : box.sent.slice(confirmed + 1);
  if (!box.sent.length) box.cells = data.cells;
  box.style.gridTemplateColumns = `repeat(${data.side}, 1fr)`;
  box.setAttribute("aria-label", data.title);
  const paint = (i) => {
    const button = box.children[i];
    const label = data.labels.find((l) => l.letter === box.cells[i]);
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
  box.nextSibling.replaceChildren(...data.labels.map(legendEntry));
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

function legendEntry(label) {
  const entry = document.createElement("span");
  const swatch = document.createElement("i");
  swatch.style.backgroundColor = label.colour;
  swatch.classList.toggle("void", label.striped);
  entry.append(swatch, label.name);
  return entry;
}
