// Stands for a component's JavaScript where another instance on the page has brought it already (see first.js).

export default function (args) {
  const lent = globalThis.fcnvizCode?.get("NAME");
  if (lent) return lent(args);
  globalThis.fcnvizWaiting ??= new Map();
  const waiting = globalThis.fcnvizWaiting;
  const instance = { args };
  waiting.set("NAME", [...(waiting.get("NAME") ?? []), instance]);
  return () => {
    waiting.set(
      "NAME",
      (waiting.get("NAME") ?? []).filter((other) => other !== instance),
    );
    instance.end?.();
  };
}
