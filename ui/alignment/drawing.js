// The image in its padding, the coarse grid, the canvas and the crop, to scale: one SVG in image pixels.
//
// Hovering shows at once what a cell sees; a click, a tap or an arrow key chooses it and tells Python, whose new
// data are then drawn.

const SVG = "http://www.w3.org/2000/svg";

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(".drawing");
  if (!root) {
    root = element("div", "drawing");
    parentElement.append(root);
  }
  draw(root, data, (cell) => setTriggerValue("pick", cell));
}

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function shape(tag, className, attributes) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function rect(className, [x, y, width, height]) {
  return shape("rect", className, { x, y, width, height });
}

function draw(root, data, send) {
  const svg = picture(data);
  const readout = element("p", "readout");
  readout.setAttribute("aria-live", "polite");
  const marks = { field: rect("field", [0, 0, 0, 0]), cell: rect("cell", [0, 0, 0, 0]) };
  svg.append(marks.field, marks.cell);
  const show = (cell) => mark(data, marks, readout, cell);
  listen(svg, data, show, send);
  const focused = root.querySelector("svg:focus") !== null;
  root.style.setProperty("--ratio", data.view[2] / data.view[3]);
  root.replaceChildren(svg, legend(data, readout));
  if (focused) svg.focus({ preventScroll: true });
  show(data.cell);
}

function picture(data) {
  const svg = shape("svg", "scale", { viewBox: data.view.join(" "), tabindex: 0, role: "group" });
  svg.setAttribute("aria-label", `${data.label}. Arrow keys choose the cell.`);
  svg.append(hatching(data.view[2] / 70), rect("padding", data.padded));
  if (data.photo) {
    const [x, y, width, height] = data.image;
    svg.append(
      shape("image", "photo", { href: data.photo, x, y, width, height, preserveAspectRatio: "none" }),
    );
  } else {
    svg.append(rect("blank", data.image));
  }
  svg.append(
    shape("path", "missing", { d: box(data.image) + box(overlap(data.image, data.canvas)) }),
    shape("path", "grid", { d: lines(data.columns, data.rows), opacity: faint(data) }),
    rect("canvas", data.canvas),
    rect("frame", data.image),
  );
  return svg;
}

// Hatching for padding, `step` image pixels apart.
function hatching(step) {
  const defs = shape("defs", "", {});
  const pattern = shape("pattern", "", {
    id: "fcnviz-padding",
    width: step,
    height: step,
    patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)",
  });
  pattern.append(shape("line", "hatch", { x1: 0, y1: 0, x2: 0, y2: step }));
  defs.append(pattern);
  return defs;
}

const box = ([x, y, w, h]) => `M${x} ${y}h${w}v${h}h${-w}z`;

function overlap(a, b) {
  const x = Math.max(a[0], b[0]);
  const y = Math.max(a[1], b[1]);
  const right = Math.min(a[0] + a[2], b[0] + b[2]);
  const bottom = Math.min(a[1] + a[3], b[1] + b[3]);
  return [x, y, Math.max(0, right - x), Math.max(0, bottom - y)];
}

// The opacity of the grid: dense lines would become a flat grey.
function faint(data) {
  const apart = (700 * data.columns.step) / data.view[2]; // in CSS pixels, on a wide page
  return apart > 12 ? 0.45 : apart > 5 ? 0.25 : 0.12;
}

function lines(columns, rows) {
  const [left, top] = [columns.start, rows.start];
  const width = columns.step * columns.cells.length;
  const height = rows.step * rows.cells.length;
  const across = Array.from(
    { length: rows.cells.length + 1 },
    (_, i) => `M${left} ${top + i * rows.step}h${width}`,
  );
  const down = Array.from(
    { length: columns.cells.length + 1 },
    (_, i) => `M${left + i * columns.step} ${top}v${height}`,
  );
  return [...across, ...down].join("");
}

// ---------------------------------------------------------------- choosing a cell

function listen(svg, data, show, send) {
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const cell = [index(data.columns, point.x), index(data.rows, point.y)];
    return cell.includes(null) ? null : cell;
  };
  let chosen = data.cell;
  svg.addEventListener("pointermove", (event) => show(at(event) ?? chosen));
  svg.addEventListener("pointerleave", () => show(chosen));
  const choose = (cell) => {
    chosen = cell;
    show(cell);
    send(cell);
  };
  svg.addEventListener("click", (event) => at(event) && choose(at(event)));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    choose([within(chosen[0] + step[0], data.columns), within(chosen[1] + step[1], data.rows)]);
  });
}

const within = (i, axis) => Math.min(Math.max(i, 0), axis.cells.length - 1);

function index(axis, position) {
  const i = Math.floor((position - axis.start) / axis.step);
  return i >= 0 && i < axis.cells.length ? i : null;
}

// ---------------------------------------------------------------- what a cell sees

// A cell on an axis is [first, last] pixel of its field, then of the image's part of it (or nulls).
function mark(data, marks, readout, [column, row]) {
  const x = data.columns.cells[column];
  const y = data.rows.cells[row];
  const start = [data.columns.start + column * data.columns.step, data.rows.start + row * data.rows.step];
  move(marks.cell, [...start, data.columns.step, data.rows.step]);
  move(marks.field, [x[0], y[0], x[1] - x[0] + 1, y[1] - y[0] + 1]);
  const field = `${x[1] - x[0] + 1} × ${y[1] - y[0] + 1} px`;
  const image =
    x[2] === null || y[2] === null
      ? "zeros alone, no pixel of the image"
      : `of which ${x[3] - x[2] + 1} × ${y[3] - y[2] + 1} px are image`;
  readout.replaceChildren(
    element("strong", "", `Cell ${column}, ${row} sees ${field}`),
    ` (x ${span(x)}, y ${span(y)}), ${image}.`,
  );
}

function move(node, [x, y, width, height]) {
  for (const [name, value] of Object.entries({ x, y, width, height })) node.setAttribute(name, value);
}

const span = ([first, last]) => `${first} … ${last}`.replaceAll("-", "−");

function legend(data, readout) {
  const side = element("div", "side");
  side.append(readout);
  for (const [kind, name, text] of data.legend) {
    const entry = element("p", "entry");
    const words = element("span", "");
    words.append(element("strong", "", name), ` ${text}`);
    entry.append(element("span", `swatch ${kind}`), words);
    side.append(entry);
  }
  return side;
}
