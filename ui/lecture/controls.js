// Buttons, keys, swipes and the counter of a lecture, on its page and in the saved file.

const MOVES = {
  ArrowRight: 1,
  PageDown: 1,
  " ": 1,
  ArrowLeft: -1,
  PageUp: -1,
  Home: -Infinity,
  End: Infinity,
};
const HELP = [
  ["→ ← Page Space", "next, previous"],
  ["Home End", "first, last"],
  ["3 Enter", "jump to step 3"],
  ["O", "all steps"],
  ["N", "notes"],
  ["P", "presenter view in a second window"],
  ["Q", "code to follow on a phone"],
  ["F", "full screen"],
  ["B", "blank"],
  ["?", "this list"],
];
const TYPING =
  "input:not([type=checkbox]):not([type=button]):not([type=submit]), textarea, select," +
  "[contenteditable=true], [role=slider], [role=combobox], [role=listbox], [role=option], [role=radio]";
const PRESSED_BY_KEY = "button, a, summary, [role=button], [role=switch], input[type=checkbox]";
const SWIPED = "[data-testid=stMain], main";
const SWIPE = 60; // px
const BLOCKED =
  "The browser has blocked the presenter's window: allow this page to open one, then press P again.";

// Draws the bar. A button with data-key does what that key does.
export function build(root) {
  const nav = document.createElement("nav");
  nav.setAttribute("aria-label", "Steps");
  nav.innerHTML = `<button type="button" aria-label="Previous step">‹</button>
    <button type="button" aria-label="Next step">›</button>
    <h1 aria-live="polite"><button type="button" data-key="o" title="All steps (O)">
    <span></span><small></small></button></h1>
    <button type="button" class="text" data-key="?" aria-label="Keys" title="Keys (?)">?</button>
    <dialog class="steps" aria-label="All steps"><ol></ol></dialog>
    <dialog class="keys" aria-label="Keys"><table></table></dialog>
    <dialog class="said"><p role="alert"></p></dialog><div class="blank" hidden></div>`;
  for (const [keys, does] of HELP) {
    const row = nav.querySelector("table").insertRow();
    const letter = /^[A-Z]$/.test(keys);
    row.insertCell().append(letter ? keyButton(keys) : keys);
    row.insertCell().textContent = does;
  }
  nav.addEventListener("click", ({ target }) => target.matches("dialog") && target.close());
  root.append(nav);
  return nav;
}

export function keyButton(key, label = key) {
  const button = document.createElement("button");
  button.dataset.key = key.toLowerCase();
  return Object.assign(button, { type: "button", className: "text", textContent: label });
}

// Lists all steps; `go` goes to one.
export function list(nav, names, go) {
  const entries = names.map((name, i) => {
    const line = document.createElement("li");
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: `${i + 1} ${name}` });
    button.onclick = () => {
      nav.querySelector(".steps").close();
      go(i + 1);
    };
    line.append(button);
    return line;
  });
  nav.querySelector(".steps ol").replaceChildren(...entries);
}

// Draws where one is; `more`: whether the last step has more to show.
export function draw(nav, names, step, more) {
  const [back, on] = nav.querySelectorAll("button");
  nav.querySelector("h1 span").textContent = `${step} / ${names.length} `;
  nav.querySelector("h1 small").textContent = names[step - 1];
  back.disabled = step <= 1;
  on.disabled = step >= names.length && !more;
  for (const [i, button] of nav.querySelectorAll(".steps button").entries())
    button.setAttribute("aria-current", String(i + 1 === step));
}

export function toggle(dialog) {
  dialog.open ? dialog.close() : dialog.showModal();
}

export function toggleList(nav) {
  toggle(nav.querySelector(".steps"));
  nav.querySelector(".steps [aria-current=true]").focus();
}

// Makes the screen black, or ends that.
export function blank(nav) {
  const cover = nav.querySelector(".blank");
  cover.hidden = !cover.hidden;
}

// Opens the presenter's window, which is of this page too, or comes back to it.
export function present(nav) {
  if (nav.presenter?.closed === false) return nav.presenter.focus();
  const here = new URL(location.href);
  Object.assign(here, { search: "?view=presenter", hash: "" });
  nav.presenter = window.open(here, "fcnviz-presenter", "popup,width=1000,height=700");
  if (nav.presenter) return;
  nav.querySelector(".said p").textContent = BLOCKED;
  toggle(nav.querySelector(".said"));
}

// Does what a presenter's window asks for.
export function follow(nav, message, move, go) {
  if (message.kind === "blank") blank(nav);
  if (message.kind === "go") message.by ? move(message.by) : go(message.step);
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

// Listens to keys, buttons and swipes: `move` by so many steps, `go` to a step, and what other keys do. Returns what
// ends it.
export function listen(nav, { move, go, ...keys }) {
  const does = {
    o: () => toggleList(nav),
    "?": () => toggle(nav.querySelector(".keys")),
    f: fullScreen,
    b: () => blank(nav),
    Enter: () => nav.digits && go(Number(nav.digits)),
    ...keys,
  };
  const pressed = (event) => {
    const at = event.composedPath()[0];
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (at instanceof Element && at.matches(TYPING)) return;
    if ([" ", "Enter"].includes(event.key) && at instanceof Element && at.matches(PRESSED_BY_KEY)) return;
    const act = does[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    const digits = /^[0-9]$/.test(event.key) ? (nav.digits ?? "") + event.key : "";
    if (event.key in MOVES) move(MOVES[event.key]);
    else if (act) act();
    else if (!digits) return;
    event.preventDefault();
    nav.digits = digits;
  };
  const touched = ({ changedTouches: [touch] }) => (nav.touch = [touch.clientX, touch.clientY]);
  const left = ({ changedTouches: [touch], target }) => {
    const [x, y] = [touch.clientX - nav.touch[0], touch.clientY - nav.touch[1]];
    const wide = Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y);
    if (wide && target.closest?.(SWIPED)) move(-Math.sign(x));
  };
  const [back, on] = nav.querySelectorAll("button");
  back.onclick = () => move(-1);
  on.onclick = () => move(1);
  for (const button of nav.querySelectorAll("[data-key]")) {
    const row = button.closest("tr");
    if (row) row.hidden = !(button.dataset.key in does);
    button.onclick = () => {
      button.closest("dialog")?.close();
      does[button.dataset.key]();
    };
  }
  nav.querySelector(".blank").onclick = () => blank(nav);
  document.addEventListener("keydown", pressed);
  document.addEventListener("touchstart", touched, { passive: true });
  document.addEventListener("touchend", left, { passive: true });
  return () => {
    document.removeEventListener("keydown", pressed);
    document.removeEventListener("touchstart", touched);
    document.removeEventListener("touchend", left);
  };
}
