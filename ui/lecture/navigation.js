// Buttons, keys and the counter of a lecture. The wanted step is kept here, as a number: two quick presses ask
// for 5 and then 6, so that none is lost if Python answers late, or answers the last one only.
const KEYS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity, End: Infinity };
const TYPING =
  "input:not([type=checkbox]):not([type=button]):not([type=submit]), textarea, select," +
  "[contenteditable=true], [role=slider], [role=combobox], [role=listbox], [role=option], [role=radio]";
const PATIENCE = 5000; // ms to wait for the answer to a press before Python's step is shown again

function build(root) {
  const nav = document.createElement("nav");
  nav.setAttribute("aria-label", "Steps");
  nav.innerHTML = `<button type="button" aria-label="Previous step">‹</button>
    <button type="button" aria-label="Next step">›</button><h1 aria-live="polite"><span></span><small></small></h1>`;
  root.append(nav);
  return nav;
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const nav = root.querySelector("nav") ?? build(root);
  root.fcnvizLecture ??= { sent: 0, when: 0 };
  const state = root.fcnvizLecture;
  if (!state.sent || data.seen === state.sent || performance.now() - state.when > PATIENCE)
    Object.assign(state, { step: data.step, notes: data.notes });
  const [back, on] = nav.querySelectorAll("button");

  const draw = () => {
    const name = data.names[state.step - 1];
    nav.querySelector("h1 span").textContent = `${state.step} / ${data.names.length} `;
    nav.querySelector("h1 small").textContent = name;
    back.disabled = state.step <= 1;
    on.disabled = state.step >= data.names.length;
  };
  const send = (step, notes) => {
    step = Math.min(Math.max(step, 1), data.names.length);
    if (step === state.step && notes === state.notes) return;
    Object.assign(state, { step, notes, sent: state.sent + 1, when: performance.now() });
    draw();
    setTriggerValue("go", { step, notes, sent: state.sent });
  };
  const pressed = (event) => {
    const at = event.composedPath()[0];
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (at instanceof Element && at.matches(TYPING)) return;
    if (event.key in KEYS) {
      event.preventDefault();
      send(state.step + KEYS[event.key], state.notes);
    } else if (event.key.toLowerCase() === "n") {
      event.preventDefault();
      send(state.step, !state.notes);
    }
  };
  back.onclick = () => send(state.step - 1, state.notes);
  on.onclick = () => send(state.step + 1, state.notes);
  draw();
  state.stop?.(); // new data calls this function again without unmounting: one listener at a time
  document.addEventListener("keydown", pressed);
  state.stop = () => document.removeEventListener("keydown", pressed);
  return () => state.stop();
}
