// Explains a term where the page's text has it first: there it becomes a button that opens a note.
//
// The texts are React's. A text node is cut around a term, and what was added goes when React writes to it anew.

const TEXT = '[data-testid="stMarkdownContainer"] :is(p, li)';
const NO_TEXT = 'a, button, label, summary, code, h1, h2, h3, [role="alert"], [data-testid="stExpander"]';
const LOOK = {
  font: "inherit",
  color: "inherit",
  background: "none",
  border: "0",
  padding: "0",
  cursor: "help",
  textDecoration: "underline dotted",
  textUnderlineOffset: "0.2em",
};

export default function ({ data, parentElement }) {
  parentElement.end?.();
  const main = document.querySelector('[data-testid="stMain"]');
  const note = document.createElement("div");
  note.popover = "auto";
  note.setAttribute("role", "status");
  parentElement.append(note);

  const names = new Map(data.terms.flatMap((term) => term.names.map((name) => [name.toLowerCase(), term])));
  const longest = [...names.keys()].sort((a, b) => b.length - a.length);
  const any = longest
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(" ", "\\s+"))
    .join("|");
  const pattern = new RegExp(`(?<![\\w-])(${any})s?(?![\\w-])`, "gi");
  const places = new Map(); // of each term, its button
  const added = new Map(); // of each text node of React's that was cut, what stands behind it

  function mark() {
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (parent.closest(TEXT) && !parent.closest(NO_TEXT)) cut(walker.currentNode);
    }
    watcher.takeRecords(); // what was done here
  }

  function cut(text) {
    for (const match of text.data.matchAll(pattern)) {
      const term = names.get(match[1].toLowerCase().replace(/\s+/g, " "));
      if (places.get(term)?.isConnected) continue;
      const button = made(term, match[0]);
      const rest = text.splitText(match.index);
      rest.data = rest.data.slice(match[0].length);
      rest.before(button);
      const whole = [...added.keys()].find((node) => added.get(node).includes(text)) ?? text;
      added.set(whole, [...(added.get(whole) ?? []), button, rest]);
      places.set(term, button);
      return; // the walker comes to the rest next
    }
  }

  function made(term, words) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: words });
    Object.assign(button.style, LOOK);
    button.onclick = () => open(term, button);
    return button;
  }

  function open(term, button) {
    const name = document.createElement("strong");
    name.textContent = term.names[0];
    note.showPopover();
    note.replaceChildren(name, term.about, document.createElement("br"), term.text);
    const at = button.getBoundingClientRect();
    const room = document.documentElement.clientWidth - note.offsetWidth - 8;
    note.style.left = `${Math.max(8, Math.min(at.left, room))}px`;
    const below = at.bottom + 6 + note.offsetHeight < innerHeight;
    note.style.top = `${below ? at.bottom + 6 : at.top - 6 - note.offsetHeight}px`;
  }

  function written(records) {
    for (const { target, removedNodes } of records)
      for (const node of [target, ...removedNodes]) {
        for (const ours of added.get(node) ?? []) ours.remove();
        added.delete(node);
      }
    clearTimeout(watcher.timer);
    watcher.timer = setTimeout(mark, 200);
  }

  const hide = () => note.hidePopover();
  const watcher = new MutationObserver(written);
  watcher.observe(main, { childList: true, characterData: true, subtree: true });
  main.addEventListener("scroll", hide);
  mark();

  parentElement.end = () => {
    clearTimeout(watcher.timer);
    watcher.disconnect();
    main.removeEventListener("scroll", hide);
    for (const [text, ours] of added) {
      text.data += ours.map((node) => node.textContent).join("");
      for (const node of ours) node.remove();
    }
    added.clear(); // Streamlit may call this twice
    note.remove();
  };
  return parentElement.end;
}
