// The CSRF token goes with every request; what the server refuses for good is said in a toast.
import { toast } from "./elements/toast-note.js";

const token = () => document.querySelector('meta[name="csrf-token"]').content;

const WORDS = {
  401: "Your session ended. Sign in again; your draft is kept.",
  403: "Your role does not include this.",
  404: "There is nothing here any more.",
  429: "Too many requests at once. Wait a moment.",
  503: "The database does not answer right now. Nothing was lost: try again in a moment.",
};

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = token();
});

// Undo means what was done last: the offer before goes at the key, also where the request waits for a draft to be saved.
document.addEventListener("htmx:confirm", (event) => {
  const { verb, target } = event.detail;
  if (verb === "post" && target?.id === "screen") document.getElementById("toasts").replaceChildren();
});

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  const { elt, requestConfig } = event.detail;
  if (requestConfig.verb === "get" && elt.matches("[hx-trigger^=every]")) return;
  if (status >= 500 && elt.id === "autosave") return; // it is sent again, and its line says so
  toast(WORDS[status] || "The server could not do this. It was recorded; try again.", "bad");
});

// Sends a form without htmx, also while the page goes away.
export function post(url, fields) {
  return fetch(url, {
    method: "POST",
    keepalive: true,
    headers: { "X-CSRFToken": token(), "HX-Request": "true" },
    body: new URLSearchParams(fields),
  });
}
