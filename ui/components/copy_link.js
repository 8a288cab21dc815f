// Buttons that copy the browser's address, which has the host's name and what fragments have changed since the page
// ran, and an <iframe> that shows the page, or its open section alone, in another one.

export default function ({ parentElement }) {
  if (!parentElement.querySelector(".share")) build(parentElement);
}

function build(parentElement) {
  const row = document.createElement("div");
  const said = document.createElement("span");
  const text = document.createElement("input");
  row.className = "share";
  said.setAttribute("role", "status");
  text.readOnly = true;
  text.hidden = true;
  text.onfocus = () => text.select();
  const copy = copier(said, text);
  row.append(
    button("Copy link", () => copy(location.href)),
    button("Embed", () => copy(frame())),
    said,
    text,
  );
  parentElement.append(row);
}

function button(title, onclick) {
  const made = document.createElement("button");
  return Object.assign(made, { type: "button", textContent: title, onclick });
}

function frame() {
  const address = new URL(location.href);
  const section = document.querySelector('.st-key-section [aria-checked="true"]')?.textContent;
  if (section) address.searchParams.set("section", section);
  address.searchParams.set("embed", "true");
  const source = address.href.replaceAll("&", "&amp;").replaceAll('"', "%22");
  return `<iframe src="${source}" width="100%" height="700" style="border: 0" title="fcnviz"></iframe>`;
}

function copier(said, text) {
  let timer;
  const say = (words) => {
    said.textContent = words;
    clearTimeout(timer);
  };
  return async (wanted) => {
    text.value = wanted;
    text.setAttribute("aria-label", wanted.startsWith("<") ? "Code to embed this page" : "Link to this page");
    try {
      await navigator.clipboard.writeText(wanted);
      text.hidden = true;
      say("Copied");
      timer = setTimeout(() => say(""), 4000);
    } catch {
      // The browser has no clipboard over plain http, or the visitor does not allow it.
      text.hidden = false;
      say("Copy it from here:");
      text.focus();
    }
  };
}
