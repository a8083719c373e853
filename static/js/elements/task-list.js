// A queue as a list, by keyboard: one row is the current one; X chooses it, with Shift all from the last one chosen.
// An act with nothing chosen is meant for the current row.

let at = 0; // stays where it was when the list comes anew
let shift = false;
document.addEventListener("keydown", (event) => (shift = event.shiftKey), true);

class TaskList extends HTMLElement {
  connectedCallback() {
    this.from = null;
    this.addEventListener("click", (event) => this.onClick(event));
    this.addEventListener("change", () => this.say());
    this.addEventListener("focusin", (event) => this.onFocus(event));
    this.say();
    if (document.body.classList.contains("by-keys")) queueMicrotask(() => this.go(0));
  }

  get boxes() {
    return [...this.querySelectorAll("input[name=task]:not(:disabled)")];
  }

  onFocus(event) {
    const place = this.boxes.indexOf(event.target);
    if (place >= 0) at = place;
  }

  onClick(event) {
    const act = event.target.closest("button");
    if (event.target.matches("input[name=task]")) this.picked(event.target, event.shiftKey);
    else if (act?.dataset.step) this.go(Number(act.dataset.step));
    else if (act && "pick" in act.dataset) this.pick();
    else if (act?.form?.id === "bulk" && !this.chosen.length && this.boxes[at]) this.boxes[at].checked = true;
  }

  get chosen() {
    return this.boxes.filter((box) => box.checked);
  }

  go(step) {
    const boxes = this.boxes;
    const begun = boxes.includes(document.activeElement);
    at = Math.max(0, Math.min(boxes.length - 1, begun ? at + step : at));
    document.body.classList.add("by-keys");
    boxes[at]?.focus();
    boxes[at]?.closest(".pick-row").scrollIntoView({ block: "nearest" });
  }

  pick() {
    const box = this.boxes[at];
    if (!box) return;
    box.focus();
    box.checked = shift || !box.checked;
    this.picked(box, shift);
    this.say();
  }

  // From the last one chosen to this one: as this one.
  picked(box, range) {
    const boxes = this.boxes;
    const [one, other] = [boxes.indexOf(this.from), boxes.indexOf(box)].sort((a, b) => a - b);
    if (range && one >= 0) boxes.slice(one, other + 1).forEach((between) => (between.checked = box.checked));
    this.from = box;
  }

  say() {
    const place = this.querySelector(".chosen");
    if (place) place.textContent = this.chosen.length ? `${this.chosen.length} chosen` : "";
  }
}
customElements.define("task-list", TaskList);
