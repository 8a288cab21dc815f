// The browser side of the stepper: plain DOM. The steps arrive as a part of their own (viewer_part.js), so that the
// photo is there before the networks have run. A step costs the app no picture: all are here.

const PAUSE = 1700; // ms between two steps while it plays by itself

export default function ({ data, parentElement, setTriggerValue }) {
  globalThis.fcnvizViewers ??= new Map();
  const views = globalThis.fcnvizViewers;
  const view = views.get(data.id) ?? {};
  views.set(data.id, view);
  const owner = {};
  Object.assign(view, { owner, photo: data, send: setTriggerValue });
  if (view.parts?.root.parentNode !== parentElement) {
    view.parts = build(view);
    reserve(view.parts.root, data);
    parentElement.append(view.parts.root);
  }
  view.draw = () => {
    cancelAnimationFrame(view.frame);
    view.frame = requestAnimationFrame(() => draw(view));
  };
  view.draw();
  return () => {
    if (view.owner !== owner) return;
    pause(view);
    cancelAnimationFrame(view.frame);
    view.parts.root.remove();
    for (const name of ["draw", "parts", "photo", "send", "owner", "drawn", "turn", "at"]) delete view[name];
  };
}

// What has still to come has its place already: nothing below moves.
function reserve(root, { size, diagram }) {
  root.style.setProperty("--ratio", size[0] / size[1]);
  root.style.setProperty("--diagram", diagram[0] / diagram[1]);
}

// ---------------------------------------------------------------- making elements

function element(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function picture(className) {
  return element("img", className, { alt: "", draggable: "false", decoding: "sync" });
}

function build(view) {
  const parts = {
    photo: picture("photo"),
    frames: element("div", "frames"),
    flash: element("div", "flash"),
    play: element("button", "play", { type: "button" }),
    steps: element("div", "steps", { role: "group", "aria-label": "Steps" }),
    title: element("strong"),
    text: element("span"),
    diagram: element("div", "diagram", {
      tabindex: "0",
      role: "region",
      "aria-label": "Diagram of the network",
    }),
  };
  const stage = element("div", "stage", {}, parts.photo, parts.frames, parts.flash);
  const bar = element("div", "bar", {}, parts.play, parts.steps);
  const words = element("p", "words", { "aria-live": "polite" }, parts.title, " ", parts.text);
  const main = element("div", "main", {}, stage, bar, words);
  parts.root = element("div", "root", {}, element("div", "both", {}, main, parts.diagram));
  parts.play.addEventListener("click", () => (view.timer ? pause(view) : play(view)));
  main.addEventListener("keydown", (event) => onKey(view, event));
  parts.diagram.addEventListener("click", (event) => onPart(view, event));
  enableSwipe(view, stage);
  return parts;
}

function buildFrame(frame) {
  const node = element("div", "frame");
  if (frame.layer) {
    const rest = element("div", "rest");
    rest.style.maskImage = `url("${frame.layer}")`;
    node.append(rest);
  }
  for (const x of frame.columns) node.append(line("column", "left", x));
  for (const y of frame.rows) node.append(line("row", "top", y));
  if (frame.outline) {
    const outline = picture("outline");
    outline.src = frame.outline;
    node.append(outline);
  }
  for (const { text, x, y } of frame.tags) {
    const tag = element("span", "tag", {}, text);
    tag.style.left = `${100 * x}%`;
    tag.style.top = `${100 * y}%`;
    node.append(tag);
  }
  return node;
}

function line(kind, side, share) {
  const node = element("i", kind);
  node.style[side] = `${100 * share}%`;
  return node;
}

// ---------------------------------------------------------------- drawing

function draw(view) {
  const { parts, photo, steps } = view;
  if (!parts || !photo) return;
  reserve(parts.root, photo);
  if (parts.photo.getAttribute("src") !== photo.photo) parts.photo.src = photo.photo;
  const ready = steps?.of === photo.of;
  parts.root.classList.toggle("waiting", !ready);
  if (!ready) return wait(view);
  if (view.drawn !== steps) drawSteps(view);
  if (view.turn !== photo.turn) {
    view.turn = photo.turn;
    begin(view);
  } else go(view, Math.min(view.at ?? steps.frames.length - 1, steps.frames.length - 1));
}

function wait(view) {
  const { parts } = view;
  pause(view);
  view.drawn = undefined;
  parts.frames.replaceChildren();
  parts.steps.replaceChildren();
  parts.photo.alt = view.photo.title;
  parts.title.textContent = "";
  parts.text.textContent = "running the networks …";
}

function drawSteps(view) {
  const { parts, steps } = view;
  view.drawn = steps;
  parts.frames.replaceChildren(...steps.frames.map(buildFrame));
  parts.diagram.innerHTML = steps.diagram;
  const buttons = steps.frames.map((frame, index) => {
    const number = element("b", "", {}, String(index + 1));
    const button = element("button", "", { type: "button" }, number, element("span", "", {}, frame.name));
    button.title = frame.title;
    button.addEventListener("click", () => take(view, index));
    return button;
  });
  parts.steps.replaceChildren(...buttons);
}

// Where to begin: at the link's step; else it plays once; else it shows the last step.
function begin(view) {
  const { frames } = view.steps;
  const asked = frames.findIndex((frame) => frame.key === view.photo.asked);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (asked >= 0) {
    pause(view);
    go(view, asked);
  } else if (still || globalThis.fcnvizPlayed) {
    go(view, frames.length - 1);
  } else play(view);
}

function go(view, index) {
  const { parts, steps } = view;
  const before = view.at;
  view.at = index;
  const frame = steps.frames[index];
  [...parts.frames.children].forEach((node, i) => {
    node.classList.toggle("on", i === index);
  });
  [...parts.steps.children].forEach((node, i) => {
    if (i === index) node.setAttribute("aria-current", "step");
    else node.removeAttribute("aria-current");
  });
  parts.photo.alt = `${view.photo.title}: ${frame.title}`;
  if (parts.title.textContent !== frame.title) {
    parts.title.textContent = frame.title;
    parts.text.textContent = frame.text;
  }
  for (const node of parts.diagram.querySelectorAll("[data-part]"))
    node.classList.toggle("lit", frame.lit.includes(node.dataset.part));
  for (const node of parts.diagram.querySelectorAll("[data-to]"))
    node.classList.toggle("lit", frame.lit.includes(node.dataset.to));
  reveal(parts.diagram);
  drawPlay(view);
  if (Math.abs(index - before) === 1) flash(view, steps.frames[Math.max(index, before)].changed);
}

// On a phone, the diagram is wider than the page: move what is lit into sight, sideways only.
function reveal(diagram) {
  const lit = [...diagram.querySelectorAll(".box.lit")].map((box) => box.getBoundingClientRect());
  const { left, right } = diagram.getBoundingClientRect();
  const [first, last] = [Math.min(...lit.map((r) => r.left)), Math.max(...lit.map((r) => r.right))];
  if (last > right) diagram.scrollLeft += last - right + 8;
  else if (first < left) diagram.scrollLeft += first - left - 8;
}

// What changed is lit for a moment.
function flash(view, changed) {
  const { flash: node } = view.parts;
  node.classList.remove("on");
  if (!changed) return;
  node.style.maskImage = `url("${changed}")`;
  void node.offsetWidth; // else the animation does not start anew
  node.classList.add("on");
}

// ---------------------------------------------------------------- taking steps

// A step that the visitor takes: the app puts it into the link.
function take(view, index) {
  if (!view.drawn || index < 0 || index >= view.steps.frames.length) return;
  pause(view);
  go(view, index);
  clearTimeout(view.told);
  view.told = setTimeout(() => view.send?.("step", view.steps.frames[index].key), 300);
}

function play(view) {
  globalThis.fcnvizPlayed = true;
  const last = view.steps.frames.length - 1;
  go(view, view.at === undefined || view.at >= last ? 0 : view.at);
  view.timer = setInterval(() => {
    if (view.at < last) go(view, view.at + 1);
    if (view.at >= last) pause(view);
  }, PAUSE);
  drawPlay(view);
}

function pause(view) {
  clearInterval(view.timer);
  delete view.timer;
  if (view.parts) drawPlay(view);
}

function drawPlay(view) {
  const { play } = view.parts;
  play.classList.toggle("playing", Boolean(view.timer));
  play.setAttribute("aria-label", view.timer ? "Pause" : "Play the steps");
}

function onKey(view, event) {
  const last = (view.steps?.frames.length ?? 1) - 1;
  const targets = { ArrowLeft: view.at - 1, ArrowRight: view.at + 1, Home: 0, End: last };
  if (!(event.key in targets) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  take(view, targets[event.key]);
  view.parts.steps.children[view.at]?.focus();
}

// A sideways swipe on the picture goes one step on or back; the page still scrolls up and down.
function enableSwipe(view, stage) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    from = event.isPrimary ? event.clientX : null;
  });
  stage.addEventListener("pointerup", (event) => {
    const along = from === null ? 0 : event.clientX - from;
    from = null;
    if (Math.abs(along) > 30) take(view, view.at - Math.sign(along));
    else if (event.pointerType !== "touch") take(view, (view.at + 1) % (view.steps?.frames.length ?? 1));
  });
  stage.addEventListener("pointercancel", () => {
    from = null;
  });
}

// The app opens the section, and keeps the visitor's photo; a click for a new tab stays the browser's.
function onPart(view, event) {
  const link = event.target.closest("[data-part]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view.send?.("part", link.dataset.part);
}
