// Shows a slide's figure. A new one replaces it once its pictures are decoded, so that nothing flickers.

export default function ({ data, parentElement: root }) {
  const view = root.querySelector(".view") ?? document.createElement("div");
  if (!view.isConnected) {
    view.className = "view";
    root.append(view);
  }
  if (view.shown === data.html && view.beside === data.beside) return;
  Object.assign(view, { shown: data.html, beside: data.beside });
  const next = document.createElement("template");
  next.innerHTML = data.html; // from ui/lecture/templates/figure.html, where Jinja escapes all text
  const decoded = [...next.content.querySelectorAll("img")].map((image) => {
    const twin = new Image();
    twin.src = image.src;
    return twin.decode().catch(() => {});
  });
  Promise.all(decoded).then(() => {
    if (view.shown !== data.html) return; // a newer figure has come
    view.style.setProperty("--beside", `${data.beside}px`);
    view.replaceChildren(next.content);
    view.dataset.step = data.step;
  });
}
