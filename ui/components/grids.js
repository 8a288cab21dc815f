// A row of grids, heatmaps, matrices or kernels: pictures with marks, the value under the pointer, cells to choose.
//
// Python draws (ui/figures/grids.py); this shows it, reads values, and reports a chosen cell, once. A picture stays in
// place when the same row comes again, so nothing flickers and the keyboard's focus stays.

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(".row");
  if (!root) {
    root = element("div", "row");
    root.append(element("div", "panels"), element("div", "below"), element("p", "tip"), element("p", "live"));
    root.lastChild.setAttribute("aria-live", "polite");
    parentElement.append(root);
  }
  const [panels, below] = root.children;
  root.style.setProperty("--columns", data.columns);
  root.style.setProperty("--least", `${data.least}px`);
  root.classList.toggle(
    "signed",
    data.panels.some((panel) => panel.sign),
  );
  while (panels.children.length > data.panels.length) panels.lastChild.remove();
  data.panels.forEach((panel, i) => {
    if (!panels.children[i]) panels.append(frame(root));
    fill(panels.children[i], panel, (cell) => setTriggerValue("pick", cell));
  });
  below.replaceChildren(...data.bars.map(bar), ...data.legend.map(legend));
}

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// ---------------------------------------------------------------- drawing

// An empty panel, which listens from now on.
function frame(root) {
  const figure = element("figure", "panel");
  const plot = element("div", "plot");
  const stack = element("div", "stack");
  stack.append(element("div", "layers"), element("div", "marks"), element("div", "cursor"));
  plot.append(element("div", "columns"), element("div", "rows"), stack, element("span", "sign"));
  figure.append(element("p", "title"), plot, element("figcaption", "caption"));
  listen(root, figure, stack);
  return figure;
}

function fill(figure, panel, send) {
  const [title, plot, caption] = figure.children;
  const [columns, rows, stack, sign] = plot.children;
  Object.assign(figure, { panel, send });
  title.textContent = panel.title;
  title.dataset.sign = panel.sign;
  sign.textContent = panel.sign;
  caption.textContent = panel.caption;
  figure.style.setProperty("--span", panel.span);
  figure.style.setProperty("--ratio", panel.view[2] / panel.view[3]);
  figure.style.setProperty("--tall", `${panel.tall}px`);
  names(rows, panel.rows);
  names(columns, panel.columns);
  const long = panel.columns.length > 4 && panel.columns.some((name) => name.length > 6);
  columns.classList.toggle("long", long); // upright where there is little room
  columns.classList.toggle("upright", long && panel.columns.length > 8);
  plot.classList.toggle("named", panel.rows.length > 0);
  plot.classList.toggle("under", panel.below);
  layers(stack.children[0], panel.layers);
  stack.children[1].innerHTML = overlay(panel); // from ui/figures/, where Python escapes all text
  stack.children[2].hidden = stack !== stack.getRootNode().activeElement;
  describe(stack, panel);
}

function describe(stack, panel) {
  const says = [panel.title, panel.caption].filter(Boolean).join(". ");
  stack.setAttribute("role", panel.key ? "group" : "img");
  stack.setAttribute(
    "aria-label",
    panel.key ? `${says}. Arrow keys and Enter choose a cell.` : says || "Picture",
  );
  stack.classList.toggle("choice", Boolean(panel.key));
  if (panel.key) stack.tabIndex = 0;
  else stack.removeAttribute("tabindex");
}

function names(box, texts) {
  box.replaceChildren(...texts.map((text) => element("span", "", text)));
  box.style.setProperty("--count", texts.length || 1);
}

// Images are reused: the browser keeps showing the old one until the new one is decoded.
function layers(box, drawn) {
  while (box.children.length > drawn.length) box.lastChild.remove();
  drawn.forEach((layer, i) => {
    const image = box.children[i] ?? document.createElement("img");
    image.alt = "";
    image.draggable = false;
    image.className = layer.flat ? "flat" : "";
    image.style.cssText = layer.css;
    if (image.source !== layer.image)
      Object.assign(image, { source: layer.image, src: layer.image, pixels: null });
    if (!image.isConnected) box.append(image);
  });
}

function overlay(panel) {
  return `<svg viewBox="${panel.view.join(" ")}" preserveAspectRatio="none" aria-hidden="true">${panel.overlay}</svg>`;
}

function bar({ what, ends, image }) {
  const node = element("span", "bar", `${what}: ${ends[0]}`);
  const colours = document.createElement("img");
  colours.src = image;
  colours.alt = "to";
  node.append(colours, ends[1]);
  return node;
}

function legend([name, colour]) {
  const node = element("span", "entry");
  const swatch = element("i", "");
  swatch.style.backgroundColor = colour;
  node.append(swatch, name);
  return node;
}

// ---------------------------------------------------------------- reading values

// The uppermost layer with something to read at a point of the picture (0 … 1 on both axes), and the cell there.
function cellAt({ view, layers }, across, down) {
  const [x, y] = [view[0] + across * view[2], view[1] + down * view[3]];
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const { reads, where } = layers[layer];
    if (!reads) continue;
    const [fx, fy] = [(x - where[0]) / where[2], (y - where[1]) / where[3]];
    if (fx < 0 || fy < 0 || fx >= 1 || fy >= 1) continue;
    if (!reads.data) return { layer, fx, fy };
    return { layer, row: Math.floor(fy * reads.shape[0]), column: Math.floor(fx * reads.shape[1]) };
  }
  return null;
}

// What is to be read in a cell; "" if there is nothing.
function says(figure, cell) {
  const { reads } = figure.panel.layers[cell.layer];
  if (!reads.data) return byColour(reads, figure.querySelectorAll(".layers img")[cell.layer], cell);
  const value = number(reads, cell.row * reads.shape[1] + cell.column);
  const text = reads.texts.length ? reads.texts[cell.row * reads.shape[1] + cell.column] : value;
  if (!text) return "";
  const place = [reads.rows[cell.row], reads.columns[cell.column]].filter(Boolean).join(", ");
  return `${place || `x ${cell.column}, y ${cell.row}`}: ${reads.unit} ${text}`.replace(/ +/g, " ");
}

function number(reads, index) {
  reads.steps ??= new Uint16Array(bytes(reads.data).buffer);
  const steps = reads.steps[index];
  return steps === 65535 ? "" : written(reads.low + steps * reads.step, reads.digits);
}

function written(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// The value of a map's pixel from its colour, to one of 64 steps of the scale.
function byColour(reads, image, { fx, fy }) {
  if (!image.complete || !image.naturalWidth) return "";
  image.pixels ??= pixels(image);
  reads.palette ??= bytes(reads.colours);
  const [x, y] = [Math.floor(fx * image.pixels.width), Math.floor(fy * image.pixels.height)];
  const at = 4 * (y * image.pixels.width + x);
  const count = reads.palette.length / 3;
  let best = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < count; i++) {
    const off = [0, 1, 2].reduce(
      (sum, c) => sum + (reads.palette[3 * i + c] - image.pixels.data[at + c]) ** 2,
      0,
    );
    if (off < best[0]) best = [off, i];
  }
  const value = reads.low + ((best[1] + 0.5) / count) * (reads.high - reads.low);
  return `x ${x}, y ${y}: ${reads.unit} ≈ ${written(value, reads.digits)}`;
}

function pixels(image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// ---------------------------------------------------------------- pointer and keyboard

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function listen(root, figure, stack) {
  const [tip, live] = [root.children[2], root.children[3]];
  const cursor = stack.children[2];
  let chosen = null; // the cell that the arrow keys are at
  const pointed = (event) => {
    const box = stack.getBoundingClientRect();
    return cellAt(
      figure.panel,
      (event.clientX - box.left) / box.width,
      (event.clientY - box.top) / box.height,
    );
  };
  const look = (event) => {
    const cell = pointed(event);
    const text = cell ? says(figure, cell) : "";
    outline(cursor, figure.panel, text ? cell : null);
    show(root, tip, text, event.clientX, event.clientY);
  };
  const leave = () => {
    tip.hidden = true;
    outline(cursor, figure.panel, null);
  };
  const choose = (cell) => {
    if (!figure.panel.key || cell?.row === undefined || !says(figure, cell)) return;
    chosen = cell;
    outline(cursor, figure.panel, cell);
    figure.send({ panel: figure.panel.key, ...cell });
  };
  stack.addEventListener("pointermove", look);
  stack.addEventListener("pointerdown", look);
  stack.addEventListener("pointerleave", leave);
  stack.addEventListener("pointercancel", leave);
  stack.addEventListener("click", (event) => choose(pointed(event)));
  stack.addEventListener("blur", () => {
    chosen = null;
    leave();
  });
  stack.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!figure.panel.key || !(step || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    const from = chosen ?? begin(figure.panel);
    if (!step) return choose(from);
    chosen = moved(figure.panel, from, step);
    outline(cursor, figure.panel, chosen);
    live.textContent = says(figure, chosen);
    const box = cursor.getBoundingClientRect();
    show(root, tip, live.textContent, box.left + box.width / 2, box.top);
  });
}

function begin({ layers, selected }) {
  return { layer: layers.findIndex((layer) => layer.reads?.data), row: selected[0], column: selected[1] };
}

function moved({ layers }, { layer, row, column }, [down, across]) {
  const [rows, columns] = layers[layer].reads.shape;
  const within = (i, count) => Math.min(Math.max(i, 0), count - 1);
  return { layer, row: within(row + down, rows), column: within(column + across, columns) };
}

// Frame a cell; a pixel of a large map is too small to frame.
function outline(cursor, { view, layers }, cell) {
  cursor.hidden = cell?.row === undefined;
  if (cursor.hidden) return;
  const { reads, where } = layers[cell.layer];
  const [width, height] = [where[2] / reads.shape[1], where[3] / reads.shape[0]];
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  Object.assign(cursor.style, {
    left: percent(where[0] + cell.column * width - view[0], view[2]),
    top: percent(where[1] + cell.row * height - view[1], view[3]),
    width: percent(width, view[2]),
    height: percent(height, view[3]),
  });
}

// Show a label above a point of the window, within the row.
function show(root, tip, text, x, y) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const box = root.getBoundingClientRect();
  const left = Math.min(Math.max(x - box.left - tip.offsetWidth / 2, 0), box.width - tip.offsetWidth);
  const top = y - box.top - tip.offsetHeight - 14;
  Object.assign(tip.style, { left: `${Math.max(left, 0)}px`, top: `${top}px` });
}
