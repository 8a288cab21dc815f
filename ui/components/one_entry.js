// One entry of the browser's history for each page that is opened, so that Back leads to where one was.
//
// Streamlit pushes an entry whenever a script changes the address: when a page is opened that is several, some of
// them with the old page's path and not its values. From a click on a link on, until the visitor's next input, the
// first entry of the new page is the only one.

export default function () {
  globalThis.fcnvizHistory ??= watch();
}

function watch() {
  const push = history.pushState.bind(history);
  let opening = true; // the page that the browser has loaded
  let from = "";
  const touched = () => {
    opening = false;
  };
  addEventListener("pointerdown", touched, true);
  addEventListener("keydown", touched, true);
  addEventListener(
    "click",
    (event) => {
      if (!event.composedPath().some((node) => node.matches?.("a"))) return;
      opening = true;
      from = location.pathname;
    },
    true,
  );
  history.pushState = (state, title, address) => {
    const { pathname } = new URL(address, location.href);
    if (!opening || pathname !== location.pathname) push(state, title, address);
    else if (pathname !== from) history.replaceState(state, title, address);
  };
  return true;
}
