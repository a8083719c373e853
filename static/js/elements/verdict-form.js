// The verdict: what excludes what, how bad, the rewrite that starts from the output, and the time that it took.
const IDLE_MS = 30_000;

const below = (box, other) => (box.dataset.above || "").split(" ").includes(other.value);

class VerdictForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.form.addEventListener("change", (event) => this.exclude(event.target));
    this.form.addEventListener("click", (event) => {
      const step = event.target.closest("[data-step]");
      if (step) this.worsen(Number(step.dataset.step));
      if (event.target.closest("[data-prefill]")) this.prefill();
      if (event.target.closest("[data-take]")) for (const box of this.boxes) if (box.matches("[data-likely]:not(:checked)")) box.click();
    });
    this.form.addEventListener("input", (event) => event.target === this.rewrite && this.count());
    this.form.addEventListener("htmx:load", () => this.count());
    this.start = (event) => {
      const from = event.target.closest("[data-start]");
      if (from) this.startFrom(document.getElementById(from.dataset.start).textContent);
    };
    document.addEventListener("click", this.start);
    this.count();
    this.busyUntil = performance.now() + IDLE_MS;
    this.noteActivity = () => {
      this.busyUntil = performance.now() + IDLE_MS;
    };
    for (const kind of ["keydown", "pointerdown", "wheel"]) document.addEventListener(kind, this.noteActivity, { passive: true });
    this.clock = setInterval(() => this.tick(), 1000);
  }

  disconnectedCallback() {
    clearInterval(this.clock);
    document.removeEventListener("click", this.start);
    for (const kind of ["keydown", "pointerdown", "wheel"]) document.removeEventListener(kind, this.noteActivity);
  }

  tick() {
    if (document.hidden || performance.now() > this.busyUntil) return;
    const spent = this.form.elements.active_seconds;
    spent.value = Number(spent.value) + 1;
  }

  // The server may put another text area in its place.
  get rewrite() {
    return this.form.elements.rewrite;
  }

  get boxes() {
    return [...this.form.querySelectorAll('input[type="checkbox"]')];
  }

  // A fault, "nothing wrong" and "cannot judge" exclude each other; so do a category and what lies below it.
  exclude(box) {
    if (box.name === "category") this.last = box.checked ? box : this.last;
    if (box.type !== "checkbox" || !box.checked) return;
    for (const other of this.boxes) if (other.name !== box.name || below(other, box) || below(box, other)) other.checked = false;
  }

  worsen(by) {
    const box = this.last?.checked ? this.last : this.boxes.findLast((each) => each.name === "category" && each.checked);
    if (!box) return;
    const levels = [...this.form.elements[`severity-${box.value}`]];
    const now = levels.findIndex((level) => level.checked);
    const next = levels[Math.min(Math.max(now + by, 0), levels.length - 1)];
    if (!next.checked) next.click();
  }

  prefill() {
    if (!this.rewrite.value) {
      this.rewrite.value = document.getElementById("output").textContent;
      this.rewrite.setSelectionRange(0, 0);
      this.count();
    }
    this.rewrite.focus();
  }

  // As if it were typed: the browser's own undo brings back what stood there.
  startFrom(text) {
    this.rewrite.focus();
    this.rewrite.select();
    document.execCommand("insertText", false, text);
  }

  count() {
    if (!this.rewrite) return; // a pair has none
    const place = this.querySelector(".rewrite-length");
    const length = [...this.rewrite.value].length;
    place.textContent = length ? `${length} characters` : "";
  }
}
customElements.define("verdict-form", VerdictForm);
