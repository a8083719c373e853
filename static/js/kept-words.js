// What stands in the form when the session ends is kept in the tab, and stands there again once the same person is back.
const KEY = "desk";
const TYPED = /^(category|severity-.*|nothing_wrong|cannot_judge|root_cause|rewrite|confidence|note)$/;

const form = () => document.getElementById("desk");
const person = () => document.querySelector("lease-keeper")?.dataset.person;

document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status !== 401 || !form()) return;
  const fields = [...new FormData(form())].filter(([name]) => TYPED.test(name));
  sessionStorage.setItem(KEY, JSON.stringify({ person: person(), action: form().action, fields }));
});

function putBack() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
  if (!kept || !form()) return;
  sessionStorage.removeItem(KEY);
  if (kept.person !== person() || kept.action !== form().action) return;
  for (const field of form().elements) {
    if (!TYPED.test(field.name)) continue;
    const values = kept.fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (/checkbox|radio/.test(field.type)) field.checked = values.includes(field.value);
    else field.value = values[0] ?? "";
  }
  form().dispatchEvent(new Event("input", { bubbles: true }));
}
// Once htmx listens, so that it is saved as if it were typed.
document.addEventListener("htmx:load", putBack);
