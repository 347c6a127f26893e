// The composer: send by Ctrl or ⌘ Enter, note mode, schedule, "why?", inserting the reply instruction. What is typed stays.
const composerOf = (element) => element.closest(".composer");

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.(".composer textarea");
  if (!box) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    const button = composerOf(box).querySelector("button[data-send]:not(:disabled)");
    if (button) composerOf(box).requestSubmit(button);
  } else if (event.key === "Escape") {
    box.blur();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest(".composer [data-does]");
  if (button) doIt(button.dataset.does, composerOf(button), button);
});

const DEEDS = {
  why: (form) => { form.dataset.why = form.dataset.why === "open" ? "" : "open"; },
  note: (form) => setNote(form, !form.classList.contains("as-note")),
  schedule: (form) => toggleLater(form),
  insert: (form, button) => insert(form.querySelector("textarea"), button.dataset.text),
};

function doIt(deed, form, button) {
  DEEDS[deed]?.(form, button);
}

function setNote(form, isNote) {
  form.classList.toggle("as-note", isNote);
  form.elements.mode.value = isNote ? "note" : "text";
  form.querySelector("textarea").focus();
  form.querySelector("textarea").placeholder = isNote ? "A note for colleagues; the contact never sees it" : "Write a text";
  form.querySelector('[data-does="note"]').setAttribute("aria-pressed", String(isNote));
}

function toggleLater(form) {
  const later = form.querySelector(".later");
  later.hidden = !later.hidden;
  const field = form.elements.send_at;
  if (later.hidden) field.value = "";
  else field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function insert(box, text) {
  const gap = box.value && !/\s$/.test(box.value) ? " " : "";
  box.focus();
  box.setRangeText(gap + text, box.value.length, box.value.length, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

// While a text is on its way nothing can be typed into the composer that its answer would take the place of.
document.addEventListener("htmx:beforeRequest", (event) => hold(event.detail.elt, true));
document.addEventListener("htmx:afterRequest", (event) => hold(event.detail.elt, false));

function hold(element, isHeld) {
  if (element.matches?.(".composer")) element.querySelector("textarea").readOnly = isHeld;
}
