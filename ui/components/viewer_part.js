// A part of a viewer (see viewer.js): hands its data to the view of the same id, and removes them on unmounting.

export default function ({ data }) {
  globalThis.fcnvizViewers ??= new Map();
  const views = globalThis.fcnvizViewers;
  const view = views.get(data.id) ?? {};
  views.set(data.id, view);
  view[data.part] = data;
  view.draw?.();
  return () => {
    if (view[data.part] === data) delete view[data.part];
  };
}
