// After a swap the reader starts at the new item, not at the top of the page.
class FocusHere extends HTMLElement {
  connectedCallback() {
    const place = document.getElementById(this.dataset.at);
    this.remove();
    queueMicrotask(() => place?.focus({ preventScroll: true })); // after htmx has given the focus back to the old id
  }
}
customElements.define("focus-here", FocusHere);
