// The saved lecture. All slides are here; the address says which one is shown.
import { build, draw, list, listen, toggleList } from "./controls.js";
import { arrival, fit, stage, thumbnail } from "./deck.js";

const root = document.documentElement;
const steps = [...document.querySelectorAll("section")];
const names = steps.map((step) => step.dataset.name);
const nav = build(document.body);
const now = { step: 0, stage: 0 };

const stages = (step) => steps[step - 1].querySelectorAll(".slide");
const addressed = () => Number(/^#step-(\d{1,3})$/.exec(location.hash)?.[1] ?? 1);

function go(wanted, staged) {
  const step = Math.min(Math.max(wanted, 1), steps.length);
  for (const [i, section] of steps.entries()) section.hidden = i + 1 !== step;
  now.stage = stage(steps[step - 1], staged ?? arrival(now.step || step, step, now.stage));
  now.step = step;
  if (addressed() !== step) location.hash = `step-${step}`;
  document.querySelector("main").scrollTop = 0;
  draw(nav, names, step, stages(step).length - 1 - now.stage);
  fitNow();
}

function move(by) {
  if (by === 1 && now.stage < stages(now.step).length - 1) go(now.step, now.stage + 1);
  else go(now.step + by);
}

function fitNow() {
  if (!root.matches(".printed")) fit(stages(now.step)[now.stage]);
}

function seeAll() {
  for (const [i, button] of nav.querySelectorAll(".steps button").entries())
    if (!button.querySelector(".thumbnail")) button.prepend(thumbnail([...stages(i + 1)].at(-1)));
  toggleList(nav);
}

function print() {
  root.classList.add("printed");
  for (const step of steps) {
    step.hidden = false;
    stage(step, Infinity);
    fit([...step.querySelectorAll(".slide")].at(-1), false);
  }
}

function printed() {
  root.classList.remove("printed");
  go(now.step, now.stage);
}

function turnNotes() {
  root.classList.toggle("noted");
  fitNow();
}

root.classList.add("deck");
nav.querySelector(".keys").append(document.querySelector("footer"));
list(nav, names, go);
listen(nav, { move, go, n: turnNotes, o: seeAll });
addEventListener("hashchange", () => addressed() !== now.step && go(addressed()));
addEventListener("beforeprint", print);
addEventListener("afterprint", printed);
new ResizeObserver(fitNow).observe(document.querySelector("main"));
document.fonts.ready.then(fitNow);
go(addressed());
