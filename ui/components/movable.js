// A photo with an object that one moves. The app hears of the place when the object is dropped, or when the arrow keys
// have been still for a moment: one run per move.

const STEP = 5; // percent per key
const STILL = 500; // ms after the last key

export default function ({ data, parentElement, setTriggerValue }) {
  const stage = parentElement.querySelector(".stage") ?? build(parentElement);
  const { photo, frame, thing } = stage.parts;
  stage.send = (place) => setTriggerValue("moved", place);
  stage.called = data.name;
  for (const [image, source] of [
    [photo, data.photo],
    [thing.firstChild, data.thing],
  ])
    if (image.src !== source) image.src = source;
  for (const side of ["left", "top", "width", "height"]) frame.style[side] = `${data.frame[side]}%`;
  thing.style.width = `${data.spot.width}%`;
  if (!stage.moving) put(stage, data.spot);
}

function build(parentElement) {
  const stage = document.createElement("div");
  const [photo, frame, thing] = ["img", "div", "button"].map((tag) => document.createElement(tag));
  stage.className = "stage";
  frame.className = "frame";
  Object.assign(thing, { type: "button", className: "thing" });
  photo.alt = "";
  photo.draggable = false;
  thing.append(Object.assign(document.createElement("img"), { alt: "", draggable: false }));
  stage.append(photo, frame, thing);
  stage.parts = { photo, frame, thing };
  parentElement.append(stage);

  thing.onpointerdown = (event) => {
    thing.setPointerCapture(event.pointerId);
    const at = share(stage, event);
    stage.moving = { x: stage.place.x - at.x, y: stage.place.y - at.y }; // where it was taken hold of
  };
  thing.onpointermove = (event) => {
    if (!thing.hasPointerCapture(event.pointerId)) return;
    const at = share(stage, event);
    put(stage, { x: at.x + stage.moving.x, y: at.y + stage.moving.y });
  };
  thing.onpointerup = () => drop(stage);
  thing.onpointercancel = () => drop(stage);
  stage.onclick = (event) => {
    if (event.target.closest(".thing")) return;
    put(stage, share(stage, event));
    drop(stage);
  };
  thing.onkeydown = (event) => {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[
      event.key
    ];
    if (!by) return;
    event.preventDefault();
    put(stage, { x: stage.place.x + by[0], y: stage.place.y + by[1] });
    clearTimeout(stage.timer);
    stage.moving = {};
    stage.timer = setTimeout(() => drop(stage), STILL);
  };
  return stage;
}

function share(stage, event) {
  const box = stage.getBoundingClientRect();
  return {
    x: (100 * (event.clientX - box.left)) / box.width,
    y: (100 * (event.clientY - box.top)) / box.height,
  };
}

function put(stage, { x, y }) {
  const [across, down] = [x, y].map((value) => Math.round(Math.min(Math.max(value, 0), 100)));
  const { thing } = stage.parts;
  stage.place = { x: across, y: down };
  thing.style.left = `${across}%`;
  thing.style.top = `${down}%`;
  const where = `${across} % across, ${down} % down`;
  thing.setAttribute("aria-label", `${stage.called}, ${where}. Drag it, or press the arrow keys.`);
}

function drop(stage) {
  stage.moving = undefined;
  stage.send(stage.place);
}
