// What every page loads. Behaviour lives in custom elements, one a file; pages without it still work.
import "./htmx-wiring.js";
import "./elements/focus-here.js";
import "./elements/toast-note.js";
import "./elements/key-sheet.js";
import "./elements/shortcut-keys.js";
import "./elements/draft-state.js";
import "./elements/lease-keeper.js";
import "./elements/verdict-form.js";
import "./elements/span-picker.js";
import "./elements/row-picks.js";
import "./elements/task-list.js";

document.documentElement.classList.add("js");
import "./submit-again.js";
import "./kept-words.js";
