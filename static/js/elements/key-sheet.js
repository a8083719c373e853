// Lists every key of this page, read from the page itself, so that it cannot be out of date.
import { shown } from "./shortcut-keys.js";

const NAMES = { "Control+Enter": "Ctrl Enter", Escape: "Esc", "-": "−" };

function words(element) {
  const copy = (element.labels?.[0] || element).cloneNode(true);
  for (const part of copy.querySelectorAll("kbd, .one-line")) part.remove();
  return (element.getAttribute("aria-label") || copy.textContent).replace(/\s+/g, " ").trim();
}

class KeySheet extends HTMLElement {
  connectedCallback() {
    this.addEventListener("beforetoggle", (event) => event.newState === "open" && this.fill());
  }

  fill() {
    const seen = new Set();
    const list = document.createElement("dl");
    list.className = "key-list";
    for (const element of document.querySelectorAll("[aria-keyshortcuts]")) {
      const key = element.getAttribute("aria-keyshortcuts").split(" ")[0];
      if (seen.has(key) || element.closest("[popover]") || !shown(element)) continue;
      seen.add(key);
      const cap = document.createElement("kbd");
      cap.textContent = NAMES[key] || key;
      const term = document.createElement("dt");
      term.append(cap);
      const what = document.createElement("dd");
      what.textContent = words(element);
      list.append(term, what);
    }
    const title = document.createElement("h2");
    title.textContent = "Keys on this page";
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "Single keys rest while you type. You can turn them off, or choose others, under your name.";
    this.querySelector(".inside").replaceChildren(title, list, hint);
  }
}
customElements.define("key-sheet", KeySheet);
