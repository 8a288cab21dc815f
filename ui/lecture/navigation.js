// The controls of the lecture's page. The wanted step is kept here, as a number: two quick presses ask for 5 and then
// 6, so that none is lost if Python answers late, or answers the last one only.
import { build, draw, follow, keyButton, list, listen, present, toggle } from "./controls.js";

const PATIENCE = 5000; // ms to wait for the answer to a press before Python's step is shown again

function buildAll(root) {
  const nav = build(root);
  const button = keyButton("Q", "QR");
  button.title = "Follow along (Q)";
  button.setAttribute("aria-label", "Follow along");
  nav.querySelector("[data-key='?']").before(button);
  const dialog = document.createElement("dialog");
  dialog.className = "follow";
  dialog.setAttribute("aria-label", "Follow along");
  dialog.innerHTML = '<img alt="QR code of the link"><code></code><p></p>';
  nav.append(dialog);
  return nav;
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const nav = root.querySelector("nav") ?? buildAll(root);
  root.fcnvizLecture ??= { sent: 0, when: 0 };
  const state = root.fcnvizLecture;
  if (!state.sent || data.seen === state.sent || performance.now() - state.when > PATIENCE)
    Object.assign(state, { step: data.step, notes: data.notes });
  const along = nav.querySelector(".follow");
  along.querySelector("img").src = data.follow.code;
  along.querySelector("img").hidden = !data.follow.code;
  along.querySelector("code").textContent = data.follow.link;
  along.querySelector("p").textContent = data.follow.note;

  const drawn = () => draw(nav, data.names, state.step, state.stages);
  const send = (step, notes) => {
    step = Math.min(Math.max(step, 1), data.names.length);
    if (step === state.step && notes === state.notes) return;
    Object.assign(state, { step, notes, sent: state.sent + 1, when: performance.now() });
    drawn();
    setTriggerValue("go", { step, notes, sent: state.sent });
  };
  const go = (step) => send(step, state.notes);
  const move = (by) => {
    const next = new CustomEvent("fcnviz-next", { cancelable: true, detail: state.step });
    if (by === 1 && !document.dispatchEvent(next)) return; // the slide had more to show
    go(state.step + by);
  };
  const staged = ({ detail }) => {
    state.stages = detail;
    drawn();
  };
  const asked = ({ data: message }) => {
    follow(nav, message, move, go);
    if (message.kind === "hello" && state.notes) send(state.step, false); // the presenter has them
  };
  list(nav, data.names, go);
  drawn();
  state.stop?.(); // new data calls this function again without unmounting: one listener at a time
  const n = () => send(state.step, !state.notes);
  const deaf = listen(nav, { move, go, n, p: () => present(nav), q: () => toggle(along) });
  const channel = new BroadcastChannel("fcnviz-lecture");
  channel.addEventListener("message", asked);
  document.addEventListener("fcnviz-stages", staged);
  state.stop = () => {
    deaf();
    channel.close();
    document.removeEventListener("fcnviz-stages", staged);
  };
  return () => state.stop();
}
