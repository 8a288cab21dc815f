// The presenter's window: it shows what the lecture's window sends over the browser's own channel, and leads it.
// Nothing of it is on the server, so that one's own photo is here as well.
const KEYS = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };

function build(root) {
  const box = document.createElement("div");
  box.className = "presenter";
  box.innerHTML = `<div class="now"><p class="waiting">Open the lecture in another window of this browser.</p>
    <div class="shown"></div></div>
    <div class="speaker"><p class="clock" role="timer"></p><p class="notes"></p>
    <p class="next"></p><p><button type="button" aria-label="Previous step">‹</button>
    <button type="button" aria-label="Next step">›</button> <span class="step"></span></p></div>`;
  root.append(box);
  return box;
}

export default function ({ parentElement: root }) {
  const box = root.querySelector(".presenter") ?? build(root);
  const find = (name) => box.querySelector(name);
  const channel = new BroadcastChannel("fcnviz-lecture");
  const begun = Date.now();
  const lead = (by) => channel.postMessage({ kind: "go", by });
  channel.onmessage = ({ data }) => {
    if (data.kind !== "slide") return;
    find(".waiting").hidden = true;
    find(".shown").innerHTML = data.html; // from ui/lecture/templates/slide.html, where Jinja escapes all text
    for (const [i, slide] of box.querySelectorAll(".slide").entries()) slide.hidden = i !== data.stage;
    find(".speaker .notes").textContent = data.notes;
    find(".next").textContent = data.next ? `Next: ${data.next}` : "The last step.";
    find(".step").textContent = `${data.step} / ${data.steps}`;
  };
  const tick = () => {
    const [now, seconds] = [new Date(), Math.floor((Date.now() - begun) / 1000)];
    const elapsed = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    find(".clock").textContent =
      `${now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })} · ${elapsed}`;
  };
  const pressed = (event) => {
    if (!(event.key in KEYS) || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    lead(KEYS[event.key]);
  };
  const [back, on] = box.querySelectorAll("button");
  back.onclick = () => lead(-1);
  on.onclick = () => lead(1);
  tick();
  const clock = setInterval(tick, 1000);
  document.addEventListener("keydown", pressed);
  channel.postMessage({ kind: "hello" });
  return () => {
    clearInterval(clock);
    document.removeEventListener("keydown", pressed);
    channel.close();
  };
}
