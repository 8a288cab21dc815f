// Goes after a component's own JavaScript: its first instance on a page lends the code to all others (see again.js).

globalThis.fcnvizCode ??= new Map();
globalThis.fcnvizWaiting ??= new Map();
const fcnvizSheet = new CSSStyleSheet();
fcnvizSheet.replaceSync("STYLE");

if (!globalThis.fcnvizDrawn) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("ARRIVAL");
  document.adoptedStyleSheets.push(sheet);
  // Marks an instance as drawn, once its place has been taken: what follows it may be shown now.
  globalThis.fcnvizDrawn = ({ parentElement }) =>
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        parentElement.getRootNode().host.dataset.drawn = "";
      }),
    );
  const undrawn = '[data-testid="stBidiComponentIsolated"]:not([data-drawn])';
  const waiting = `[data-testid="stSkeleton"], ${undrawn}, [data-test-script-state="running"]`;
  const arrive = () => {
    if (document.querySelector(waiting)) setTimeout(arrive, 200);
    else document.documentElement.dataset.arrived = ""; // from now on, nothing is hidden
  };
  setTimeout(arrive, 200);
}

function fcnvizLent(args) {
  const root = args.parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(fcnvizSheet)) root.adoptedStyleSheets.push(fcnvizSheet);
  const end = component(args);
  globalThis.fcnvizDrawn(args);
  return end;
}

globalThis.fcnvizCode.set("NAME", fcnvizLent);
for (const instance of globalThis.fcnvizWaiting.get("NAME") ?? []) instance.end = fcnvizLent(instance.args);
globalThis.fcnvizWaiting.delete("NAME");

export default fcnvizLent;
