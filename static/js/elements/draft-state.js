// Says whether what is typed is kept. Offline it waits in the tab and saves again when the line is back.
const autosave = () => document.getElementById("autosave");
const state = (words, name) => {
  const place = document.querySelector("draft-state");
  if (!place || !autosave()) return;
  place.dataset.state = name;
  let line = place.querySelector("span");
  if (!line) place.prepend((line = document.createElement("span")));
  line.textContent = words;
};

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.target.id === "autosave") state("Saving…", "saving");
});
document.addEventListener("htmx:sendError", () => state("Offline, kept in this tab", "offline"));
// A conflict is shown in the page and so counts as successful with htmx: the status tells.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.id === "autosave" && event.detail.xhr.status >= 400) state("Not saved, kept in this tab", "offline");
});
window.addEventListener("online", () => document.getElementById("desk")?.dispatchEvent(new Event("input")));

class DraftState extends HTMLElement {}
customElements.define("draft-state", DraftState);
