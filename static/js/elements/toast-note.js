// A line that says what happened and leaves by itself; errors stay until they are closed.
const STAYS_MS = 10_000;

class ToastNote extends HTMLElement {
  connectedCallback() {
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "✕";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => this.remove());
    this.append(close);
    if (!this.classList.contains("bad")) this.timer = setTimeout(() => this.remove(), STAYS_MS);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
  }
}
customElements.define("toast-note", ToastNote);

export function toast(words, tone = "") {
  const region = document.getElementById("toasts");
  if (!region || [...region.children].some((note) => note.firstChild.textContent === words)) return;
  const note = document.createElement("toast-note");
  note.className = `toast ${tone}`;
  const text = document.createElement("span");
  text.textContent = words;
  note.append(text);
  region.append(note);
}
