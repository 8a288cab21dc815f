// The presenter's window of the page: it shows what the lecture's window sends over the browser's own channel, and leads
// it. Nothing of it is on the server, so that one's own photo is here as well.
import { speaker } from "./speaker.js";

export default function ({ parentElement: root }) {
  const channel = new BroadcastChannel("fcnviz-lecture");
  const view = speaker(root, "Open the lecture in another window of this browser.", (message) =>
    channel.postMessage(message),
  );
  channel.onmessage = ({ data }) => {
    if (data.kind !== "slide") return;
    const made = document.createElement("template");
    made.innerHTML = data.html; // from ui/lecture/templates/slide.html, where Jinja escapes all text
    view.show({ ...data, slides: [...made.content.querySelectorAll(".slide")] });
  };
  channel.postMessage({ kind: "hello" });
  return () => {
    view.stop();
    channel.close();
  };
}
