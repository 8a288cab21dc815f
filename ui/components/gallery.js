// Thumbnails. Elements are made once and then only updated, so that nothing flickers.

export default function ({ data, parentElement, setTriggerValue }) {
  let row = parentElement.querySelector(".gallery");
  if (!row) {
    row = document.createElement("div");
    row.className = "gallery";
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Photos");
    parentElement.append(row);
  }
  while (row.children.length > data.items.length) row.lastChild.remove();
  data.items.forEach((item, i) => {
    let button = row.children[i];
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("img"));
      row.append(button);
    }
    const image = button.firstChild;
    if (image.getAttribute("src") !== item.image) image.src = item.image;
    image.alt = item.title;
    button.title = item.title;
    button.setAttribute("aria-pressed", String(item.name === data.selected));
    button.onclick = () => setTriggerValue("pick", item.name);
  });
  if (row.shown !== undefined && row.shown !== data.shown) closeSidebar();
  row.shown = data.shown;
}

// Where the sidebar covers the page (Streamlit's own limit for a narrow window), Python has no way to close it.
function closeSidebar() {
  if (!matchMedia("(max-width: 768px)").matches) return;
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}
