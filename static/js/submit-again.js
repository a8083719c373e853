// What was to be submitted while nobody answered is submitted once the line is back, after what was typed before it.
// `again` tells the server that it may have got it already.
const AGAIN_MS = 1000;

let waiting; // the form, or the button beside it
let timer;

function submitAgain() {
  clearTimeout(timer);
  const what = waiting;
  waiting = null;
  if (!what?.isConnected) return;
  const form = document.getElementById("desk");
  if (!form.elements.again) form.insertAdjacentHTML("beforeend", '<input type="hidden" name="again" value="1">');
  if (what === form) form.requestSubmit();
  else what.click();
}

document.addEventListener("htmx:sendError", (event) => {
  const what = event.target;
  if (what.id !== "desk" && what.getAttribute("form") !== "desk") return;
  waiting = what;
  const line = document.querySelector("draft-state > span");
  if (line) line.textContent = "Offline: submitted when the line is back";
  clearTimeout(timer);
  if (navigator.onLine) timer = setTimeout(submitAgain, AGAIN_MS);
});
window.addEventListener("online", submitAgain);
