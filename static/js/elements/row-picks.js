// A list beside what is looked at, by keyboard: X chooses the row that is shown, with Shift all from the last one chosen. What is
// chosen stays so while the list comes anew; an act is then meant for all of it.

const chosen = new Set();
let from = null;
let shift = false;
document.addEventListener("keydown", (event) => (shift = event.shiftKey), true);
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-pick]")) document.querySelector("row-picks")?.pick();
});

class RowPicks extends HTMLElement {
  connectedCallback() {
    queueMicrotask(() => this.restore());
    this.addEventListener("change", (event) => this.picked(event.target, shift));
  }

  get boxes() {
    return [...this.querySelectorAll("input[type=checkbox]")];
  }

  restore() {
    const here = new Set(this.boxes.map((box) => box.value));
    for (const one of chosen) if (!here.has(one)) chosen.delete(one);
    for (const box of this.boxes) box.checked = chosen.has(box.value);
    this.say();
  }

  pick() {
    const box = this.querySelector(".row[aria-current]")?.parentElement.querySelector("input[type=checkbox]");
    if (!box) return;
    box.checked = shift || !box.checked;
    this.picked(box, shift);
  }

  picked(box, range) {
    const boxes = this.boxes;
    const [one, other] = [boxes.findIndex((b) => b.value === from), boxes.indexOf(box)].sort((a, b) => a - b);
    if (range && one >= 0) for (const between of boxes.slice(one, other + 1)) between.checked = box.checked;
    from = box.value;
    for (const each of boxes) chosen[each.checked ? "add" : "delete"](each.value);
    this.say();
  }

  say() {
    const words = chosen.size ? `${chosen.size} chosen` : "";
    for (const place of document.querySelectorAll("#screen .chosen")) place.textContent = words;
  }
}
customElements.define("row-picks", RowPicks);
