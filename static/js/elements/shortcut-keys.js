// One listener for the page. What a key does stands on the element itself, in aria-keyshortcuts.
// Single keys never fire in text fields, while composing, or outside the panel that is open.

const TYPED = 'input:not([type="checkbox"], [type="radio"], [type="button"], [type="submit"]), textarea, select, [contenteditable]';

export function keyOf(event) {
  const name = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const held = [event.ctrlKey && "Control", event.altKey && "Alt", event.metaKey && "Meta"].filter(Boolean);
  if (event.shiftKey && event.key.length > 1) held.push("Shift");
  return [...held, name].join("+");
}

export const shown = (element) => element.checkVisibility({ visibilityProperty: true });

// The panel that has the floor, or the whole page.
export const floor = () => [...document.querySelectorAll("[popover]:popover-open")].at(-1) || document;

export function press(element) {
  if (element.matches("textarea, select, input:not([type=checkbox], [type=radio])")) element.focus();
  else element.click();
}

class ShortcutKeys extends HTMLElement {
  connectedCallback() {
    this.listen = (event) => this.onKey(event);
    document.addEventListener("keydown", this.listen);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.listen);
  }

  onKey(event) {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const key = keyOf(event);
    const chord = /^(Control|Alt|Meta)\+/.test(key);
    if (!chord && key !== "Escape" && (this.hasAttribute("data-off") || event.target.closest(TYPED))) return;
    if (key === "Escape" && event.target.closest(TYPED) && floor() === document) return event.target.blur();
    const found = [...floor().querySelectorAll("[aria-keyshortcuts]")].filter(
      (element) => element.getAttribute("aria-keyshortcuts").split(" ").includes(key) && !element.disabled && shown(element),
    );
    if (!found.length) return;
    event.preventDefault();
    if (found[0].matches("summary")) found.forEach(press);
    else press(found[0]);
  }
}
customElements.define("shortcut-keys", ShortcutKeys);
