// What the lecture's page and its saved file share.

const GROW = [1.8, 1.6, 1.4, 1.2, 1]; // times the type of tables and bars, as far as there is room
const GAIN = 1.1; // that pictures must gain by a row that is not full
const LEAST = 0.3; // of a slide, that pictures take at least
const SMALL = matchMedia("(max-width: 640px), (max-height: 500px)"); // a phone, or a window much enlarged

const shown = (parts) =>
  parts
    .flatMap((part) => [...part.querySelectorAll(".stack")])
    .reduce((sum, picture) => sum + picture.clientWidth * picture.clientHeight, 0);
const spills = (e) => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1;

// Lays a slide out as its window allows: the number of columns that shows the pictures largest, and large type. In a
// small window that shows them small or not all, the slide flows: it is as long as it is, and scrolls.
export function fit(slide, small = SMALL.matches) {
  const parts = [...slide.querySelectorAll(".part")];
  const words = parts.filter((part) => !part.matches(".picture"));
  clear(slide, parts);
  if (slide.querySelector(".figure.free")) arrange(parts, words);
  for (const part of words) GROW.find((times) => grown(part, times));
  const little = words.length < parts.length && shown(parts) < LEAST * slide.clientWidth * slide.clientHeight;
  if (small && (little || words.some(spills))) {
    clear(slide, parts);
    slide.classList.add("flow");
  }
}

function clear(slide, parts) {
  slide.classList.remove("flow");
  for (const part of [...parts, ...slide.querySelectorAll(".free .parts")]) part.removeAttribute("style");
}

function grown(part, times) {
  part.style.setProperty("--grow", times);
  return ![part, ...part.querySelectorAll("td, th")].some(spills);
}

function arrange(parts, words) {
  const tried = parts.map((_, i) => {
    inColumns(parts, i + 1);
    return words.some(spills) ? 0 : shown(parts) / (parts.length % (i + 1) ? GAIN : 1);
  });
  const most = Math.max(...tried);
  inColumns(parts, most ? tried.lastIndexOf(most) + 1 : parts.length);
}

// Each part takes two columns of the grid, so that a row that is not full can be centred.
function inColumns(parts, columns) {
  const rest = parts.length % columns;
  parts[0].parentElement.style.gridTemplateColumns = `repeat(${2 * columns}, minmax(0, 1fr))`;
  for (const part of parts) part.style.gridColumn = "span 2";
  if (rest) parts[parts.length - rest].style.gridColumn = `${1 + columns - rest} / span 2`;
}

// Shows one stage of a step, such as its question or its answer, and returns the number of it.
export function stage(step, wanted) {
  const stages = [...step.querySelectorAll(".slide")];
  const now = Math.min(wanted, stages.length - 1);
  for (const [i, slide] of stages.entries()) slide.hidden = i !== now;
  return now;
}

// The stage at which one comes to a step: from behind at its last, else at its first; at the same step it stays.
export function arrival(before, step, now) {
  return { "-1": Infinity, 0: now, 1: 0 }[Math.sign(step - before)];
}

// A slide as on a projector of 1280 x 720 px, as small as the box that is returned.
export function thumbnail(slide) {
  const box = document.createElement("div");
  const small = slide.cloneNode(true);
  box.className = "thumbnail";
  box.inert = true; // its links are those of the slide, and so are its words
  box.ariaHidden = "true";
  small.querySelector(".notes")?.remove();
  box.append(small);
  small.hidden = false;
  new ResizeObserver(() => {
    if (!box.clientWidth) return;
    box.style.setProperty("--scale", box.clientWidth / small.offsetWidth);
    fit(small, false);
  }).observe(box);
  return box;
}
