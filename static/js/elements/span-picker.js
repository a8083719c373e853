// Comments on stretches of the output. The browser counts UTF-16 units, the server code points: here alone they meet.
import { floor } from "./shortcut-keys.js";

const graphemes = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
const words = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;
const GAP = 8;

// Code points before a UTF-16 offset: every surrogate pair counts once.
export function codePoints(text, offset) {
  let count = 0;
  for (let at = 0; at < offset; at += text.codePointAt(at) > 0xffff ? 2 : 1) count += 1;
  return count;
}

// [start, end) in UTF-16 units, widened so that no character that a person sees is cut.
export function widened(text, start, end) {
  if (!graphemes) return [start, end];
  const parts = graphemes.segment(text);
  const first = parts.containing(start);
  const last = end > start ? parts.containing(end - 1) : null;
  return [first ? first.index : start, last ? last.index + last.segment.length : end];
}

export function wordAt(text, offset) {
  const parts = words?.segment(text);
  const part = parts && (parts.containing(offset) || parts.containing(Math.max(offset - 1, 0)));
  return part?.isWordLike ? [part.index, part.index + part.segment.length] : [offset, offset];
}

class SpanPicker extends HTMLElement {
  connectedCallback() {
    this.panel = this.querySelector(".comment-panel");
    this.form = this.querySelector("#comment-form");
    this.abort = new AbortController();
    const on = (target, kind, act) => target.addEventListener(kind, act, { signal: this.abort.signal });
    on(this, "pointerup", (event) => event.target.closest("#output") && setTimeout(() => this.offer(), 0));
    on(document, "selectionchange", () => this.settle());
    on(this, "keydown", (event) => this.onKey(event));
    on(this, "pointerover", (event) => this.light(event));
    on(this, "pointerout", () => this.unlight());
    on(this.form, "change", (event) => event.target.name === "span_category" && this.form.elements.span_text.focus());
    // A refusal is shown in the page and so counts as successful with htmx: the status tells.
    on(this.form, "htmx:afterRequest", ({ detail }) => detail.successful && detail.xhr.status < 400 && this.close());
    on(document, "click", (event) => {
      const act = event.target.closest("[data-act]")?.dataset.act;
      if (act === "caret") this.caret();
      if (act === "comment") this.comment();
      if (act === "close") this.close();
    });
    on(document, "pointerdown", (event) => {
      if (this.isOpen && !event.target.closest(".comment-panel, #output, [data-act]")) this.close();
    });
  }

  disconnectedCallback() {
    this.abort.abort();
    CSS.highlights?.delete("picked");
  }

  get output() {
    return this.querySelector("#output");
  }

  get isOpen() {
    return this.panel.matches(":popover-open");
  }

  // The selection as [start, end) in UTF-16 units of the output, or null.
  picked() {
    const selection = getSelection();
    if (!selection.rangeCount) return null;
    const range = selection.getRangeAt(0);
    if (!this.output.contains(range.startContainer) || !this.output.contains(range.endContainer)) return null;
    const before = document.createRange();
    before.selectNodeContents(this.output);
    before.setEnd(range.startContainer, range.startOffset);
    const start = before.toString().length;
    return [start, start + range.toString().length];
  }

  rangeOf(start, end) {
    const range = document.createRange();
    const walker = document.createTreeWalker(this.output, NodeFilter.SHOW_TEXT);
    let at = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const next = at + node.length;
      if (start >= at && start <= next) range.setStart(node, start - at);
      if (end >= at && end <= next) {
        range.setEnd(node, end - at);
        break;
      }
      at = next;
    }
    return range;
  }

  // On touch the handles move after the finger has left: offer again once the selection rests.
  settle() {
    clearTimeout(this.resting);
    if (!matchMedia("(pointer: coarse)").matches) return;
    this.resting = setTimeout(() => this.picked()?.[0] !== this.picked()?.[1] && this.offer(), 500);
  }

  offer() {
    const picked = this.picked();
    if (picked && picked[0] < picked[1]) this.open(...picked);
    else if (this.isOpen && document.activeElement?.closest(".comment-panel") == null) this.close();
  }

  open(from, to) {
    const text = this.output.textContent;
    const [start, end] = widened(text, from, to);
    const fields = this.form.elements;
    fields.span_start.value = codePoints(text, start);
    fields.span_end.value = codePoints(text, end);
    fields.span_exact.value = text.slice(start, end);
    this.form.querySelector("q").textContent = text.slice(start, end);
    const range = this.rangeOf(start, end);
    CSS.highlights?.set("picked", new Highlight(range));
    if (!this.isOpen) this.panel.showPopover();
    this.place(range);
  }

  place(range) {
    const rects = range.getClientRects();
    const last = rects[rects.length - 1] || this.output.getBoundingClientRect();
    const { width, height } = this.panel.getBoundingClientRect();
    const below = last.bottom + GAP;
    if (matchMedia("(max-width: 860px)").matches) {
      this.panel.removeAttribute("style"); // a sheet at the foot, which must not cover the words
      return scrollBy(0, Math.max(0, below - (innerHeight - height)));
    }
    const top = below + height > innerHeight - GAP ? Math.max(GAP, rects[0].top - height - GAP) : below;
    const left = Math.min(Math.max(GAP, last.left), innerWidth - width - GAP);
    this.panel.style.insetBlockStart = `${top + scrollY}px`;
    this.panel.style.insetInlineStart = `${left + scrollX}px`;
  }

  // The comment button, and Enter in caret mode: the selection, else the word at the caret.
  comment() {
    const picked = this.picked();
    if (picked) {
      const [start, end] = picked[0] < picked[1] ? picked : wordAt(this.output.textContent, picked[0]);
      if (start < end) this.open(start, end);
    }
    if (!this.isOpen) return this.caret();
    this.form.elements.span_text.closest("form").querySelector("[role=radiogroup] input")?.focus();
  }

  close() {
    const within = this.panel.contains(document.activeElement);
    if (this.isOpen) this.panel.hidePopover();
    this.form.reset();
    CSS.highlights?.delete("picked");
    if (within) this.output.focus({ preventScroll: true });
    if (!this.output.isContentEditable) getSelection().removeAllRanges();
  }

  // A real caret in text that cannot be changed: editable for the eyes and arrows, every edit refused.
  caret() {
    const output = this.output;
    const kept = output.cloneNode(true);
    const refuse = (event) => event.preventDefault();
    const restore = () => {
      output.replaceChildren(...kept.cloneNode(true).childNodes);
    };
    output.contentEditable = "true";
    output.setAttribute("aria-readonly", "true");
    output.setAttribute("role", "textbox");
    output.setAttribute("aria-multiline", "true");
    output.spellcheck = false;
    output.inputMode = "none";
    for (const kind of ["beforeinput", "paste", "drop", "cut"]) output.addEventListener(kind, refuse);
    output.addEventListener("input", restore);
    output.focus();
    const start = this.rangeOf(0, 0);
    getSelection().setBaseAndExtent(start.startContainer, 0, start.startContainer, 0);
    this.leave = () => {
      for (const kind of ["beforeinput", "paste", "drop", "cut"]) output.removeEventListener(kind, refuse);
      output.removeEventListener("input", restore);
      output.removeAttribute("contenteditable");
      output.removeAttribute("aria-readonly");
      output.setAttribute("role", "group");
    };
  }

  onKey(event) {
    if (!this.output.isContentEditable || event.target !== this.output || event.isComposing) return;
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.comment();
    }
    if (event.key === "Escape" && floor() === document) {
      event.preventDefault();
      getSelection().removeAllRanges();
      this.leave?.();
      this.output.blur();
    }
  }

  // A stretch and its comments light up together.
  light(event) {
    const on = event.target.closest("mark[data-notes], [data-note]");
    if (!on) return;
    const numbers = (on.dataset.notes || on.dataset.note).split(" ");
    for (const mark of this.querySelectorAll("mark[data-notes]"))
      mark.classList.toggle("lit", mark.dataset.notes.split(" ").some((number) => numbers.includes(number)));
  }

  unlight() {
    for (const mark of this.querySelectorAll("mark.lit")) mark.classList.remove("lit");
  }
}
customElements.define("span-picker", SpanPicker);
