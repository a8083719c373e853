// Says whether what is typed is kept. What the server did not take for want of an answer is sent again until it does.
const AGAIN_MS = 1000;

const autosave = () => document.getElementById("autosave");
const state = (words, name) => {
  const place = document.querySelector("draft-state");
  if (!place || !autosave()) return;
  place.dataset.state = name;
  let line = place.querySelector("span");
  if (!line) place.prepend((line = document.createElement("span")));
  line.textContent = words;
};

// What was typed goes at once when the form loses the focus, so that no key pressed then leads away from it.
let typed = false;
document.addEventListener("input", (event) => {
  typed ||= Boolean(event.target.closest?.("#desk"));
});
document.addEventListener("focusout", (event) => {
  if (typed && event.target.closest?.("#desk")) autosave()?.dispatchEvent(new Event("keep"));
});
document.addEventListener("htmx:beforeSend", (event) => {
  if (event.target.id !== "autosave") return;
  typed = false;
  state("Saving…", "saving");
});
document.addEventListener("htmx:sendError", () => state("Offline, kept in this tab", "offline"));
// What the task's end left homeless is carried away as a file: its names and values as they stand in the form now.
const SAID = ["category", "nothing_wrong", "cannot_judge", "root_cause", "rewrite", "confidence", "note", "comments"];
function written() {
  const form = new FormData(document.getElementById("desk"));
  const said = [...form].filter(([name, value]) => SAID.includes(name) && value && value !== "[]");
  return said.map(([name, value]) => `${name}:\n${value}\n`).join("\n");
}

function offerFile() {
  const place = document.querySelector("draft-state");
  if (!place || place.querySelector("a")) return;
  const link = document.createElement("a");
  Object.assign(link, { href: "#", download: "draft.txt", textContent: "Download what you wrote" });
  link.addEventListener("click", () => {
    link.href = URL.createObjectURL(new Blob([written()], { type: "text/plain" }));
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  place.append(" ", link);
}

const again = () => document.getElementById("desk")?.dispatchEvent(new Event("input"));
let waiting;
// A conflict is shown in the page and so counts as successful with htmx: the status tells.
document.addEventListener("htmx:afterRequest", (event) => {
  const { status } = event.detail.xhr;
  if ([403, 404].includes(status) && event.target.closest("#desk")) offerFile();
  if (event.target.id !== "autosave") return;
  clearTimeout(waiting);
  if (status >= 400) state("Not saved, kept in this tab", "offline");
  if (!status || status >= 500) waiting = setTimeout(again, AGAIN_MS);
});
window.addEventListener("online", again);

class DraftState extends HTMLElement {}
customElements.define("draft-state", DraftState);
