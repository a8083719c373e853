// Keeps a task while somebody works on it, and gives it back when they go to another page.
import { post } from "../htmx-wiring.js";

const RENEW_MS = 60_000;

class LeaseKeeper extends HTMLElement {
  connectedCallback() {
    this.last = performance.now();
    this.active = () => this.renew();
    this.leave = () => this.leaving && post(this.dataset.release, { fence: this.dataset.fence });
    // Only what is known to lead elsewhere. The browser's own reload is not told here, nor anything where there is no
    // navigation API: to a page that goes away it looks like leaving, so then the lease ends by itself.
    this.navigate = (event) => {
      const { pathname } = new URL(event.destination.url);
      this.leaving = pathname !== location.pathname && !pathname.startsWith(this.dataset.keep); // one's own history
    };
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, this.active);
    window.addEventListener("pagehide", this.leave);
    window.navigation?.addEventListener("navigate", this.navigate);
  }

  disconnectedCallback() {
    for (const kind of ["keydown", "pointerdown"]) document.removeEventListener(kind, this.active);
    window.removeEventListener("pagehide", this.leave);
    window.navigation?.removeEventListener("navigate", this.navigate);
  }

  renew() {
    if (performance.now() - this.last < RENEW_MS) return;
    this.last = performance.now();
    post(this.dataset.renew, { fence: this.dataset.fence }).catch(() => {});
  }
}
customElements.define("lease-keeper", LeaseKeeper);
