// The saved lecture. All slides are here; the address says which one is shown. A window with ?view=presenter is the
// presenter's: it was opened by the lecture's, and the two talk by messages, the only way that there is between files.
import { build, draw, follow, list, listen, present, toggleList } from "./controls.js";
import { arrival, fit, stage, thumbnail } from "./deck.js";
import { speaker } from "./speaker.js";

const root = document.documentElement;
const steps = [...document.querySelectorAll("section")];
const names = steps.map((step) => step.dataset.name);
const stages = (step) => [...(steps[step - 1]?.querySelectorAll(".slide") ?? [])];

// Adds thumbnails to the list of all steps when it is opened first.
function seeAll(nav) {
  for (const [i, button] of nav.querySelectorAll(".steps button").entries())
    if (!button.querySelector(".thumbnail")) button.prepend(thumbnail(stages(i + 1).at(-1)));
  toggleList(nav);
}

function lecture() {
  const nav = build(document.body);
  const now = { step: 0, stage: 0 };
  const addressed = () => Number(/^#step-(\d{1,3})$/.exec(location.hash)?.[1] ?? 1);
  const more = () => stages(now.step).length - 1 - now.stage;
  const fitNow = () => root.matches(".printed") || fit(stages(now.step)[now.stage]);
  const tell = () => nav.presenter?.postMessage({ kind: "at", ...now }, "*"); // numbers: for whoever reads them

  const go = (wanted, staged) => {
    const step = Math.min(Math.max(wanted, 1), steps.length);
    for (const [i, section] of steps.entries()) section.hidden = i + 1 !== step;
    now.stage = stage(steps[step - 1], staged ?? arrival(now.step || step, step, now.stage));
    now.step = step;
    if (addressed() !== step) location.hash = `step-${step}`;
    scrollTo(0, 0);
    draw(nav, names, step, more());
    fitNow();
    tell();
    const ahead = steps[step]?.querySelectorAll("img") ?? [];
    for (const image of ahead) image.decode().catch(() => {}); // so that the next step does not flicker
  };
  const move = (by) => (by === 1 && more() ? go(now.step, now.stage + 1) : go(now.step + by));
  const turnNotes = (on) => {
    root.classList.toggle("noted", on);
    fitNow();
  };
  const open = () => {
    present(nav);
    if (nav.presenter) turnNotes(false); // the presenter has them
  };
  const print = () => {
    root.classList.add("printed");
    for (const [i, section] of steps.entries()) {
      section.hidden = false;
      stage(section, Infinity);
      fit(stages(i + 1).at(-1), false);
    }
  };
  const printed = () => {
    root.classList.remove("printed");
    go(now.step, now.stage);
  };
  const asked = ({ source, data }) => {
    if (source?.opener !== window) return; // no window that this one has opened
    nav.presenter = source; // again, where this window was loaded anew
    if (data.kind === "hello") tell();
    else follow(nav, data, move, go);
  };
  nav.querySelector(".keys").append(document.querySelector("footer"));
  list(nav, names, (step) => go(step));
  listen(nav, { move, go, n: () => turnNotes(), o: () => seeAll(nav), p: open });
  addEventListener("message", asked);
  addEventListener("hashchange", () => addressed() !== now.step && go(addressed()));
  addEventListener("beforeprint", print);
  addEventListener("afterprint", printed);
  addEventListener("resize", fitNow);
  document.fonts.ready.then(fitNow);
  go(addressed());
}

function speak() {
  const opener = window.opener;
  const lead = (message) => opener?.postMessage(message, "*");
  const view = speaker(document.body, "Press P in the lecture's window: it opens this one.", lead, {
    o: () => seeAll(view.nav),
  });
  let shown;
  root.classList.add("speaking");
  document.querySelector("footer").remove();
  addEventListener("message", ({ source, data }) => {
    if (source !== opener || data?.kind !== "at") return;
    const { step, stage } = data;
    const slides = stages(step);
    if (!slides[stage] || shown === slides[stage]) return;
    shown = slides[stage];
    const notes = slides.at(-1).querySelector(".notes")?.textContent ?? "";
    view.show({ slides, stage, after: stages(step + 1)[0], names, step, notes });
  });
  const hello = () => lead({ kind: "hello" });
  hello();
  setInterval(hello, 1000); // the lecture's window may be loaded anew
}

root.classList.add("deck");
new URLSearchParams(location.search).get("view") === "presenter" ? speak() : lecture();
