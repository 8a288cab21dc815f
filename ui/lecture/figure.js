// Shows a slide as large as the window allows. A new one replaces it once its pictures are decoded, so that nothing
// flickers. What a presenter's window needs is sent to it over the browser's own channel. A slide may come in stages, such
// as a question and its answer: one of them is shown, and the next one before the next step.
import { arrival, fit, stage } from "./deck.js";

const [ABOVE, BELOW, BAR] = [16, 16, 8]; // px above the sentence, below the slide, above and below the controls

function measure(view) {
  const bottom = document.querySelector("[data-testid=stBottom]");
  const inner = bottom?.querySelector("[data-testid=stBottomBlockContainer]");
  const main = document.querySelector("[data-testid=stMain]") ?? document.documentElement;
  const side = Math.max(16, 0.02 * main.clientWidth);
  if (inner) inner.style.padding = `${BAR}px ${side}px`;
  const free = [view.style.marginTop, view.style.marginLeft].map((margin) => Number.parseFloat(margin) || 0);
  const place = view.getBoundingClientRect();
  const above = place.top + main.scrollTop - free[0]; // of the page's header, which is empty here
  const before = place.left - main.getBoundingClientRect().left - free[1];
  view.style.marginTop = `${Math.min(0, ABOVE - above)}px`;
  view.style.marginLeft = `${side - before}px`;
  view.style.width = `${main.clientWidth - 2 * side}px`;
  view.style.setProperty("--height", `${window.innerHeight - ABOVE - (bottom?.offsetHeight ?? 0) - BELOW}px`);
  const slide = view.querySelector(".slide:not([hidden])");
  if (slide) fit(slide);
}

function turn(view, wanted) {
  view.stage = stage(view, wanted);
  const more = view.querySelectorAll(".slide").length - 1 - view.stage;
  document.dispatchEvent(new CustomEvent("fcnviz-stages", { detail: more }));
}

export default function ({ data, parentElement: root }) {
  const view = root.querySelector(".view") ?? document.createElement("div");
  if (!view.isConnected) {
    view.className = "view";
    root.append(view);
  }
  const again = () => measure(view);
  again();
  const around = new ResizeObserver(again);
  around.observe(document.documentElement);
  const controls = document.querySelector("[data-testid=stBottom]");
  if (controls) around.observe(controls);
  const channel = new BroadcastChannel("fcnviz-lecture");
  const tell = () => channel.postMessage({ kind: "slide", ...data, stage: view.stage ?? 0 });
  const settled = () => {
    again();
    tell();
  };
  if (view.shown !== data.html) show(view, data, settled);
  const forward = (event) => {
    if (event.detail !== data.step || view.stage >= view.querySelectorAll(".slide").length - 1) return;
    event.preventDefault();
    turn(view, view.stage + 1);
    settled();
  };
  document.addEventListener("fcnviz-next", forward);
  channel.onmessage = (event) => event.data.kind === "hello" && tell();
  tell();
  view.stop?.(); // new data calls this function again without unmounting
  view.stop = () => {
    channel.close();
    around.disconnect();
    document.removeEventListener("fcnviz-next", forward);
  };
  return () => view.stop();
}

function show(view, data, settled) {
  view.shown = data.html;
  const next = document.createElement("template");
  next.innerHTML = data.html; // from ui/lecture/templates/slide.html, where Jinja escapes all text
  const decoded = [...next.content.querySelectorAll("img")].map((image) => {
    const twin = new Image();
    twin.src = image.src;
    return twin.decode().catch(() => {});
  });
  Promise.all(decoded).then(() => {
    if (view.shown !== data.html) return; // a newer slide has come
    const before = Number(view.dataset.step ?? data.step);
    const wanted = arrival(before, data.step, view.stage ?? 0);
    view.replaceChildren(next.content);
    view.dataset.step = data.step;
    turn(view, wanted);
    settled();
  });
}
