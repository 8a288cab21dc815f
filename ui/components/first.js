// Goes after a component's own JavaScript: its first instance on a page lends the code to all others (see again.js).

globalThis.fcnvizCode ??= new Map();
globalThis.fcnvizWaiting ??= new Map();
const fcnvizSheet = new CSSStyleSheet();
fcnvizSheet.replaceSync("STYLE");

function fcnvizLent(args) {
  const root = args.parentElement.getRootNode();
  if (!root.adoptedStyleSheets.includes(fcnvizSheet)) root.adoptedStyleSheets.push(fcnvizSheet);
  return component(args);
}

globalThis.fcnvizCode.set("NAME", fcnvizLent);
for (const instance of globalThis.fcnvizWaiting.get("NAME") ?? []) instance.end = fcnvizLent(instance.args);
globalThis.fcnvizWaiting.delete("NAME");

export default fcnvizLent;
