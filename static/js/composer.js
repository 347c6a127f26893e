// The composer: send by Ctrl or ⌘ Enter, note mode, schedule, "why?", inserting the reply instruction.
// Only the rep changes mode, time and words; answers of the server never replace the composer while it is open.
import { composer, nameTime, setLater, setMode } from "./composer-fields.js";
import { refreshHints } from "./composer-hints.js";
import { leave, open, push, saveOf, typed } from "./drafts.js";
import { submit } from "./composer-send.js";
import { replacePlain } from "./inserts.js";

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.(".composer textarea");
  if (!box) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    submit(box.form);
  } else if (event.key === "Escape") {
    box.blur();
  }
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.composer")) return;
  event.preventDefault();
  submit(event.target);
});

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form.composer");
  if (!form) return;
  if (event.target.name === "send_at") nameTime(form);
  changed(form);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".composer [data-does]");
  if (button) DEEDS[button.dataset.does]?.(button.closest(".composer"), button);
  const link = event.target.closest("a[data-carries-draft]");
  if (link) {
    event.preventDefault();
    await saveOf(link.closest("form"));
    location.assign(link.href);
  }
});

const DEEDS = {
  why: (form) => { form.dataset.why = form.dataset.why === "open" ? "" : "open"; },
  note: (form) => {
    setMode(form, form.elements.mode.value === "note" ? "message" : "note");
    form.elements.body.focus();
    changed(form);
  },
  schedule: (form) => {
    setLater(form, form.elements.when.value !== "later");
    if (form.elements.when.value === "later") form.elements.send_at.focus();
    changed(form);
  },
  insert: (form, button) => insert(form.elements.body, button.dataset.text),
  plain: (form, button) => replacePlain(form.elements.body, button.dataset.forms),
};

function changed(form) {
  typed(form);
  refreshHints(form);
}

function insert(box, text) {
  const gap = box.value && !/\s$/.test(box.value) ? " " : "";
  box.focus();
  box.setRangeText(gap + text, box.value.length, box.value.length, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function begin() {
  const form = composer();
  if (!form) return;
  open(form);
  refreshHints(form, 0);
}

// Another conversation is on its way: what is typed from now on would reach neither the old box nor the new one.
const isOpening = (event) => event.detail.target?.id === "conversation";
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = composer();
  if (isOpening(event) && form) form.inert = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = composer();
  if (isOpening(event) && form && !document.querySelector("#conversation.htmx-request")) form.inert = false;
});
document.addEventListener("htmx:beforeSwap", (event) => isOpening(event) && leave(composer()));
document.addEventListener("htmx:afterSwap", (event) => isOpening(event) && queueMicrotask(begin));
begin();
if (document.body.dataset.member) push();
