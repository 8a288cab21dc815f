// Shows a slide as high as the window allows. A new one replaces it once its pictures are decoded, so that nothing
// flickers. What a presenter's window needs is sent to it over the browser's own channel.

const [ABOVE, BELOW] = [20, 16]; // px that stay free above the sentence, and above the controls

function measure(view) {
  const controls = document.querySelector("[data-testid=stBottom]")?.getBoundingClientRect().height ?? 0;
  const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
  const free = Number.parseFloat(view.style.marginTop) || 0;
  const above = view.getBoundingClientRect().top + scrolled - free; // of the page's header, which is empty here
  view.style.marginTop = `${Math.min(0, ABOVE - above)}px`;
  view.style.setProperty("--height", `${window.innerHeight - ABOVE - controls - BELOW}px`);
}

export default function ({ data, parentElement: root }) {
  const view = root.querySelector(".view") ?? document.createElement("div");
  if (!view.isConnected) {
    view.className = "view";
    root.append(view);
  }
  const fit = () => measure(view);
  fit();
  const around = new ResizeObserver(fit);
  around.observe(document.documentElement);
  const controls = document.querySelector("[data-testid=stBottom]");
  if (controls) around.observe(controls);
  if (view.shown !== data.html) show(view, data, fit);
  const channel = new BroadcastChannel("fcnviz-lecture");
  const tell = () => channel.postMessage({ kind: "slide", ...data });
  channel.onmessage = (event) => event.data.kind === "hello" && tell();
  tell();
  view.stop?.(); // new data calls this function again without unmounting
  view.stop = () => {
    channel.close();
    around.disconnect();
  };
  return () => view.stop();
}

function show(view, data, fit) {
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
    view.replaceChildren(next.content);
    view.dataset.step = data.step;
    fit();
  });
}
