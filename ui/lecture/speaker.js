// What a presenter's window shows, of the page and of the saved file: this slide, the next one, notes, the clock, and
// the time since it was opened. Its controls are the lecture's, which it leads.
import { build, draw, list, listen } from "./controls.js";
import { thumbnail } from "./deck.js";

// Draws it. `waiting`: what it says before the first slide; `lead` sends a message to the lecture's window; other keys
// may do more. Returns what shows a slide, and what ends it.
export function speaker(root, waiting, lead, keys) {
  const box = document.createElement("div");
  box.className = "presenter";
  box.innerHTML = `<div class="slides"><div class="now"><p></p></div><p class="next"></p>
    <div class="following"></div></div>
    <div class="speaker"><p class="clock" role="timer"></p><p class="notes"></p></div>`;
  root.append(box);
  const find = (name) => box.querySelector(name);
  find(".now p").textContent = waiting;
  const nav = build(box);
  const go = (step) => lead({ kind: "go", step });
  const stop = listen(nav, {
    move: (by) => lead({ kind: "go", by }),
    go,
    b: () => lead({ kind: "blank" }),
    ...keys,
  });
  let known;
  // `slides`: the stages of this step; `after`: the first one of the next step, if it is there yet.
  const show = ({ slides, stage, after, names, step, notes }) => {
    const more = slides[stage + 1];
    const following = more ?? after;
    find(".now").replaceChildren(thumbnail(slides[stage]));
    find(".following").replaceChildren(...(following ? [thumbnail(following)] : []));
    find(".next").textContent = more
      ? "Next, on this slide:"
      : step < names.length
        ? `Next: ${names[step]}`
        : "The last step.";
    find(".notes").textContent = notes;
    if (known !== names.join()) list(nav, names, go);
    known = names.join();
    draw(nav, names, step, slides.length - 1 - stage);
  };
  const begun = Date.now();
  const tick = () => {
    const [now, seconds] = [new Date(), Math.floor((Date.now() - begun) / 1000)];
    const elapsed = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    find(".clock").textContent =
      `${now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} · ${elapsed}`;
  };
  tick();
  const clock = setInterval(tick, 1000);
  return {
    nav,
    show,
    stop() {
      clearInterval(clock);
      stop();
      box.remove();
    },
  };
}
