// The browser side of the viewer: plain DOM, no dependencies, no build.
//
// viewer.py mounts three parts with one id: the photo (here), the results and the options (viewer_part.js). They
// share one view object. Elements are made once and then only updated, so that nothing flickers on a rerun.

export default function ({ data, parentElement, setTriggerValue }) {
  globalThis.fcnvizViewers ??= new Map();
  const views = globalThis.fcnvizViewers;
  const view = views.get(data.id) ?? {};
  views.set(data.id, view);
  const owner = {}; // marks this call: Streamlit may run the clean-up of an earlier call after a later one
  Object.assign(view, { owner, photo: data, send: setTriggerValue });
  view.position ??= 50; // per cent; kept through reruns
  if (view.parts?.root.parentNode !== parentElement) mount(view, parentElement);
  view.draw();
  return () => {
    if (view.owner === owner) unmount(view);
  };
}

function mount(view, parentElement) {
  view.parts = build(view);
  parentElement.append(view.parts.root);
  view.observer?.disconnect();
  view.observer = new ResizeObserver(() => sharpen(view));
  view.observer.observe(view.parts.root);
  view.draw = () => {
    cancelAnimationFrame(view.frame); // the parts arrive one after the other, and are drawn once
    view.frame = requestAnimationFrame(() => draw(view));
  };
}

function unmount(view) {
  cancelAnimationFrame(view.frame);
  view.observer.disconnect();
  view.parts.root.remove();
  for (const name of ["draw", "observer", "parts", "photo", "send", "owner"]) delete view[name];
}

// ---------------------------------------------------------------- making elements

function element(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Keep an element's children on it by name, to update them later.
function keep(node, parts) {
  node.parts = parts;
  return node;
}

function build(view) {
  const parts = {
    grid: element("div", "grid"),
    swipe: buildSwipe(view),
    legend: buildLegend(view),
    lightbox: buildLightbox(view),
  };
  const body = element("div", "viewer", {}, parts.grid, parts.swipe, parts.legend);
  parts.root = element("div", "root", {}, body, parts.lightbox);
  return parts;
}

function buildStack() {
  const photo = element("img", "photo", { draggable: "false", decoding: "sync" });
  const rest = element("div", "rest");
  const layer = element("img", "layer", { draggable: "false", decoding: "sync" });
  const truth = element("img", "layer truth", { draggable: "false", decoding: "sync", alt: "" });
  return keep(element("div", "stack", {}, photo, rest, layer, truth), { photo, rest, layer, truth });
}

function buildFigure(view, index) {
  const title = element("div", "title");
  const stack = buildStack();
  const open = element("button", "open", { type: "button" });
  const caption = element("figcaption", "caption");
  open.addEventListener("click", () => openLightbox(view, index));
  const stage = element("div", "stage", {}, stack, open);
  return keep(element("figure", "panel", {}, title, stage, caption), { title, stack, open, caption });
}

function buildSide(name) {
  const stack = buildStack();
  const label = element("span", "label");
  return keep(element("div", `side ${name}`, {}, stack, label), { stack, label });
}

function buildSwipe(view) {
  const [left, right] = [buildSide("left"), buildSide("right")];
  const grip = element("span", "grip");
  const handle = element("div", "handle", { role: "slider", tabindex: "0", "aria-valuemin": "0" }, grip);
  handle.setAttribute("aria-valuemax", "100");
  handle.addEventListener("keydown", (event) => onHandleKey(view, event));
  const stage = element("div", "stage", {}, left, right, handle);
  enableDrag(view, stage, handle);
  const captions = [element("span"), element("span")];
  const caption = element("figcaption", "caption ends", {}, ...captions);
  return keep(element("figure", "swipe", {}, stage, caption), { sides: [left, right], handle, captions });
}

function buildLegend(view) {
  const list = element("div", "classes", { role: "group", "aria-label": "Classes" });
  const text = element("span", "", { "aria-live": "polite" });
  const all = element("button", "all", { type: "button" }, "Show all classes");
  all.addEventListener("click", () => view.send("isolate", -1));
  const note = element("p", "note", {}, text, " ", all);
  return keep(element("div", "legend", {}, list, note), { list, text, all });
}

function buildEntry(view) {
  const [swatch, name, shares] = ["swatch", "name", "shares"].map((part) => element("span", part));
  const button = element("button", "entry", { type: "button" }, swatch, name, shares);
  button.addEventListener("click", () => {
    view.send("isolate", button.getAttribute("aria-pressed") === "true" ? -1 : button.index);
  });
  return keep(button, { swatch, name, shares });
}

function buildLightbox(view) {
  const title = element("div", "title", { id: "lightbox-title" });
  const close = element("button", "close", { type: "button", "aria-label": "Close" }, "×");
  const stack = buildStack();
  const caption = element("div", "caption");
  const head = element("div", "head", {}, title, close);
  const figure = element("div", "enlarged", {}, head, element("div", "stage", {}, stack), caption);
  const dialog = element("dialog", "lightbox", { "aria-labelledby": "lightbox-title" }, figure);
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => onLightboxKey(view, event));
  dialog.addEventListener("close", () => (view.open = null));
  return keep(dialog, { title, stack, caption });
}

// ---------------------------------------------------------------- drawing the data

// Until the results of this photo are there, each panel shows the photo alone and says what it waits for.
const WAITING = "running the network …";

function waitingPanels({ titles, size }) {
  return titles.map((title) => {
    const waiting = title !== "Photo";
    return { title, caption: waiting ? WAITING : `${size[0]} × ${size[1]} px`, layer: null, waiting };
  });
}

function draw(view) {
  const { parts, photo } = view;
  if (!parts || !photo) return;
  const ready = view.results?.of === photo.of && view.options;
  view.panels = ready ? view.results.panels : waitingPanels(photo);
  view.legend = ready ? view.results.legend : [];
  view.look = view.options ?? { layout: "grid", opacity: 1, left: 0, right: 1, under: true, isolate: null };
  const [width, height] = photo.size;
  parts.root.style.setProperty("--ratio", width / height);
  parts.root.style.setProperty("--opacity", view.look.opacity);
  parts.root.style.setProperty("--columns", Math.min(view.panels.length, 4));
  parts.grid.hidden = view.look.layout === "swipe";
  parts.swipe.hidden = !parts.grid.hidden;
  (parts.grid.hidden ? drawSwipe : drawGrid)(view);
  drawLegend(view);
  drawLightbox(view);
  sharpen(view);
}

function drawGrid(view) {
  const { panels } = view;
  fit(view.parts.grid, panels.length, (index) => buildFigure(view, index));
  panels.forEach((panel, index) => {
    const { title, stack, open, caption } = view.parts.grid.children[index].parts;
    setText(title, panel.title);
    setText(caption, panel.caption);
    open.setAttribute("aria-label", `Enlarge ${panel.title}`);
    drawStack(view, stack, panel);
  });
}

function drawSwipe(view) {
  const { sides, handle, captions } = view.parts.swipe.parts;
  const { panels } = view;
  const chosen = [view.look.left, view.look.right].map((index) => panels[index] ?? panels.at(-1));
  chosen.forEach((panel, index) => {
    const { stack, label } = sides[index].parts;
    setText(label, panel.title);
    setText(captions[index], panel.caption);
    drawStack(view, stack, panel);
  });
  handle.setAttribute("aria-label", `Divider: ${chosen[0].title} left, ${chosen[1].title} right`);
  moveDivider(view, view.position);
}

function drawLegend(view) {
  const { legend } = view.parts;
  const { isolate } = view.look;
  const entries = view.legend;
  const titles = view.panels.filter((panel) => panel.layer).map((panel) => panel.title);
  const alone = entries.find((entry) => entry.index === isolate);
  const { list, text, all } = legend.parts;
  legend.hidden = entries.length === 0 && (isolate === null || view.panels.some((panel) => panel.waiting));
  fit(list, entries.length, () => buildEntry(view));
  entries.forEach((entry, index) => {
    drawEntry(list.children[index], entry, titles, isolate);
  });
  all.hidden = isolate === null;
  setText(text, legendNote(titles, isolate, alone));
}

function legendNote(titles, isolate, alone) {
  if (isolate === null)
    return `Share of the picture in ${titles.join(" · ")}. Click a class to see it alone.`;
  return alone ? `Showing ${alone.name} alone.` : "Showing one class alone; it is not in this list.";
}

function drawEntry(button, entry, titles, isolate) {
  const { swatch, name, shares } = button.parts;
  button.index = entry.index;
  swatch.style.background = entry.colour;
  setText(name, entry.name);
  setText(shares, `${entry.shares.map(percent).join(" · ")} %`);
  const spoken = entry.shares.map((share, index) => `${percent(share)} % in ${titles[index]}`);
  button.setAttribute("aria-label", [entry.name, ...spoken].join(", "));
  button.setAttribute("aria-pressed", entry.index === isolate);
}

function drawLightbox(view) {
  const { lightbox } = view.parts;
  const panel = view.panels[view.open];
  if (!lightbox.open) return;
  if (!panel) return lightbox.close();
  const { title, stack, caption } = lightbox.parts;
  setText(title, panel.title);
  setText(caption, panel.caption);
  drawStack(view, stack, panel);
}

function drawStack(view, stack, panel) {
  const { photo, rest, layer, truth } = stack.parts;
  const outline = view.truth?.of === view.photo.of ? (view.truth.outline ?? null) : null;
  setSource(photo, view.photo.photo);
  setSource(layer, panel.outline ?? panel.layer);
  setSource(truth, panel.layer && outline);
  truth.hidden = !(panel.layer && outline);
  rest.hidden = !panel.outline;
  if (panel.outline) setMask(rest, panel.layer);
  layer.hidden = panel.layer === null;
  photo.hidden = panel.layer !== null && !view.look.under;
  stack.classList.toggle("waiting", panel.waiting === true);
  photo.alt = panel.layer === null ? panel.title : "";
  layer.alt = panel.layer === null ? "" : `Segmentation: ${panel.title}`;
}

// Write only what has changed: otherwise a live region is read out again, and a picture is loaded again.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setSource(image, source) {
  if (image.getAttribute("src") === source) return;
  if (source === null) image.removeAttribute("src");
  else image.src = source;
}

// Enlarged pixels stay crisp; a shrunk layer is smoothed, since dropping rows would break thin boundaries.
function sharpen(view) {
  for (const layer of view.parts.root.querySelectorAll(".layer")) {
    layer.classList.toggle("crisp", layer.clientWidth * devicePixelRatio >= view.photo.size[0]);
  }
}

// A spotlight's layer, as a mask over the theme's grey: so the grey follows the theme without a new picture.
function setMask(node, source) {
  if (node.masked === source) return;
  node.masked = source;
  node.style.maskImage = `url("${source}")`;
}

function fit(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove();
  while (parent.children.length < count) parent.append(make(parent.children.length));
}

function percent(share) {
  return share === 0 ? "–" : (100 * share).toFixed(1);
}

// ---------------------------------------------------------------- the divider

function moveDivider(view, position) {
  view.position = Math.min(100, Math.max(0, position));
  const { swipe } = view.parts;
  const left = Math.round(view.position);
  swipe.style.setProperty("--position", `${view.position}%`);
  swipe.parts.handle.setAttribute("aria-valuenow", left);
  swipe.parts.handle.setAttribute("aria-valuetext", `${left} % left, ${100 - left} % right`);
}

function onHandleKey(view, event) {
  const step = event.shiftKey ? 10 : 2;
  const targets = {
    ArrowLeft: view.position - step,
    ArrowDown: view.position - step,
    ArrowRight: view.position + step,
    ArrowUp: view.position + step,
    PageDown: view.position - 10,
    PageUp: view.position + 10,
    Home: 0,
    End: 100,
  };
  if (!(event.key in targets) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  moveDivider(view, targets[event.key]);
}

// A mouse press outside the handle moves the divider there. A finger, or a press on the handle, drags it.
function enableDrag(view, stage, handle) {
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    const { left, width } = stage.getBoundingClientRect();
    const along = event.pointerType === "touch" || handle.contains(event.target);
    const from = along ? view.position : (100 * (event.clientX - left)) / width;
    drag = { from, x: event.clientX, width };
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus({ preventScroll: true });
    moveDivider(view, from);
  });
  stage.addEventListener("pointermove", (event) => {
    if (drag && event.isPrimary) moveDivider(view, drag.from + (100 * (event.clientX - drag.x)) / drag.width);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (drag = null));
}

// ---------------------------------------------------------------- the lightbox

function openLightbox(view, index) {
  view.open = index;
  view.parts.lightbox.showModal();
  draw(view);
}

function onLightboxKey(view, event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const count = view.panels.length;
  if (!step) return;
  event.preventDefault();
  view.open = (view.open + step + count) % count;
  draw(view);
}
