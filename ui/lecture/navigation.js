// Buttons, keys, swipes and the counter of a lecture. The wanted step is kept here, as a number: two quick presses ask
// for 5 and then 6, so that none is lost if Python answers late, or answers the last one only.
const KEYS = {
  ArrowRight: 1,
  PageDown: 1,
  " ": 1,
  ArrowLeft: -1,
  PageUp: -1,
  Home: -Infinity,
  End: Infinity,
};
const TYPING =
  "input:not([type=checkbox]):not([type=button]):not([type=submit]), textarea, select," +
  "[contenteditable=true], [role=slider], [role=combobox], [role=listbox], [role=option], [role=radio]";
const PRESSED_BY_KEY = "button, a, summary, [role=button], [role=switch], input[type=checkbox]";
const PATIENCE = 5000; // ms to wait for the answer to a press before Python's step is shown again
const SWIPE = 60; // px
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

function build(root) {
  const nav = document.createElement("nav");
  nav.setAttribute("aria-label", "Steps");
  nav.innerHTML = `<button type="button" aria-label="Previous step">‹</button>
    <button type="button" aria-label="Next step">›</button>
    <h1 aria-live="polite"><button type="button" title="All steps (O)"><span></span><small></small></button></h1>
    <button type="button" class="text" aria-label="Follow along" title="Follow along (Q)">QR</button>
    <button type="button" class="text" aria-label="Keys" title="Keys (?)">?</button>
    <dialog class="steps" aria-label="All steps"><ol></ol></dialog>
    <dialog class="follow" aria-label="Follow along"><img alt="QR code of the link"><code></code><p></p></dialog>
    <dialog class="keys" aria-label="Keys"><table></table></dialog><div class="blank" hidden></div>`;
  for (const [keys, does] of HELP) {
    const row = nav.querySelector("table").insertRow();
    row.insertCell().textContent = keys;
    row.insertCell().textContent = does;
  }
  for (const dialog of nav.querySelectorAll("dialog"))
    dialog.onclick = (event) => event.target === dialog && dialog.close();
  root.append(nav);
  return nav;
}

function toggle(dialog) {
  dialog.open ? dialog.close() : dialog.showModal();
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

function present() {
  const here = new URL(location.href);
  here.search = "?view=presenter";
  window.open(here, "fcnviz-presenter", "popup,width=1000,height=700");
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const nav = root.querySelector("nav") ?? build(root);
  root.fcnvizLecture ??= { sent: 0, when: 0, digits: "" };
  const state = root.fcnvizLecture;
  if (!state.sent || data.seen === state.sent || performance.now() - state.when > PATIENCE)
    Object.assign(state, { step: data.step, notes: data.notes });
  const [back, on, ...opening] = nav.querySelectorAll("button:not(dialog *)");
  const dialogs = nav.querySelectorAll("dialog");
  const [steps, follow, help] = dialogs;
  const blank = nav.querySelector(".blank");

  const draw = () => {
    const name = data.names[state.step - 1];
    nav.querySelector("h1 span").textContent = `${state.step} / ${data.names.length} `;
    nav.querySelector("h1 small").textContent = name;
    back.disabled = state.step <= 1;
    on.disabled = state.step >= data.names.length && !state.stages;
    follow.querySelector("img").src = data.follow.code;
    follow.querySelector("img").hidden = !data.follow.code;
    follow.querySelector("code").textContent = data.follow.link;
    follow.querySelector("p").textContent = data.follow.note;
    steps.querySelector("ol").replaceChildren(...data.names.map(entry));
  };
  const entry = (name, i) => {
    const line = document.createElement("li");
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: `${i + 1} ${name}` });
    button.setAttribute("aria-current", String(i + 1 === state.step));
    button.onclick = () => {
      steps.close();
      send(i + 1, state.notes);
    };
    line.append(button);
    return line;
  };
  const send = (step, notes) => {
    step = Math.min(Math.max(step, 1), data.names.length);
    if (step === state.step && notes === state.notes) return;
    Object.assign(state, { step, notes, sent: state.sent + 1, when: performance.now() });
    draw();
    setTriggerValue("go", { step, notes, sent: state.sent });
  };
  const move = (by) => {
    const next = new CustomEvent("fcnviz-next", { cancelable: true, detail: state.step });
    if (by === 1 && !document.dispatchEvent(next)) return; // the slide had more to show
    send(state.step + by, state.notes);
  };
  const staged = ({ detail }) => {
    state.stages = detail;
    draw();
  };
  const does = {
    n: () => send(state.step, !state.notes),
    o: () => toggle(steps),
    q: () => toggle(follow),
    "?": () => toggle(help),
    f: fullScreen,
    b: () => (blank.hidden = !blank.hidden),
    p: present,
    Enter: () => state.digits && send(Number(state.digits), state.notes),
  };
  const pressed = (event) => {
    const at = event.composedPath()[0];
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (at instanceof Element && at.matches(TYPING)) return;
    if ([" ", "Enter"].includes(event.key) && at instanceof Element && at.matches(PRESSED_BY_KEY)) return;
    const act = does[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    const digits = /^[0-9]$/.test(event.key) ? state.digits + event.key : "";
    if (event.key in KEYS) move(KEYS[event.key]);
    else if (act) act();
    else if (!digits) return;
    event.preventDefault();
    state.digits = digits;
  };
  const touched = ({ changedTouches: [touch] }) => (state.touch = [touch.clientX, touch.clientY]);
  const left = ({ changedTouches: [touch], target }) => {
    const [x, y] = [touch.clientX - state.touch[0], touch.clientY - state.touch[1]];
    const wide = Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y);
    if (wide && target.closest?.("[data-testid=stMain]")) move(-Math.sign(x));
  };
  const asked = ({ data: message }) => {
    if (message.kind === "go") message.by ? move(message.by) : send(message.step, state.notes);
    if (message.kind === "hello" && state.notes) send(state.step, false); // the presenter has them
  };
  back.onclick = () => move(-1);
  on.onclick = () => move(1);
  for (const [i, button] of opening.entries()) button.onclick = () => toggle(dialogs[i]);
  blank.onclick = () => (blank.hidden = true);
  draw();
  state.stop?.(); // new data calls this function again without unmounting: one listener at a time
  const channel = new BroadcastChannel("fcnviz-lecture");
  channel.addEventListener("message", asked);
  document.addEventListener("fcnviz-stages", staged);
  document.addEventListener("keydown", pressed);
  document.addEventListener("touchstart", touched, { passive: true });
  document.addEventListener("touchend", left, { passive: true });
  state.stop = () => {
    channel.close();
    document.removeEventListener("fcnviz-stages", staged);
    document.removeEventListener("keydown", pressed);
    document.removeEventListener("touchstart", touched);
    document.removeEventListener("touchend", left);
  };
  return () => state.stop();
}
