// The fields of a composer as values, and back.
export const composer = () => document.querySelector("form.composer");
export const keyOf = (form) => form.dataset.keyOfDraft;
export const bodyOf = (form) => form.elements.body.value;
export const newRef = () => `composer-${crypto.randomUUID?.() ?? Array.from({ length: 4 }, () => Math.random().toString(16).slice(2)).join("-")}`;

// A draft of what stands in the form now.
export function read(form) {
  return {
    ref: form.elements.client_ref.value,
    revision: Number(form.elements.revision.value) || 0,
    edited: Number(form.elements.edited.value) || 0,
    mode: form.elements.mode.value,
    body: bodyOf(form),
    later: form.elements.when.value === "later",
    send_at: form.elements.send_at.value,
    to: form.elements.to.value,
    sender: form.elements.sender?.value ?? "",
    draft_of: form.elements.draft_of.value,
  };
}

// Puts a draft into the form.
export function write(form, draft) {
  form.elements.client_ref.value = draft.ref;
  form.elements.revision.value = draft.revision ?? 0;
  form.elements.edited.value = draft.edited ?? 0;
  form.elements.body.value = draft.body;
  form.elements.send_at.value = draft.send_at ?? "";
  if (form.elements.sender && draft.sender !== undefined) form.elements.sender.value = draft.sender;
  if (form.elements.sender && draft.to) form.elements.to.value = draft.to;
  setMode(form, draft.mode);
  setLater(form, draft.later);
}

export function setMode(form, mode) {
  form.elements.mode.value = mode;
  form.dataset.mode = mode;
  const contact = form.dataset.contact;
  const box = form.elements.body;
  box.placeholder = mode === "note" ? "Internal note; the contact never sees it" : `Message ${contact}`;
  box.setAttribute("aria-label", mode === "note" ? "Internal note" : `Message to ${contact}`);
  form.querySelector('[data-does="note"]')?.setAttribute("aria-pressed", String(mode === "note"));
}

export function setLater(form, isLater) {
  form.elements.when.value = isLater ? "later" : "now";
  form.dataset.when = form.elements.when.value;
  form.querySelector(".later").hidden = !isLater;
  if (!isLater) form.elements.send_at.value = "";
  nameTime(form);
}

// "Schedule · 24 Dec, 10:00" on the button.
export function nameTime(form) {
  const at = form.elements.send_at.value ? new Date(form.elements.send_at.value) : null;
  const words = at && at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  form.querySelector("[data-send-time]").textContent = words ? ` · ${words}` : "";
}

// A fresh, empty message (or note: the mode stays as it is) after one was sent.
export function clear(form) {
  form.elements.body.value = "";
  renew(form);
  setLater(form, false);
}

export function renew(form, ref = newRef()) {
  form.elements.client_ref.value = ref;
  form.elements.revision.value = 0;
}

// What is submitted or saved: the form's fields, or those of a draft that is no longer on the screen.
export function payload(form) {
  return new URLSearchParams(new FormData(form));
}

export function payloadOf(draft, key, tab) {
  const of = draft.draft_of ?? (key === "new" ? "" : key);
  return new URLSearchParams({
    client_ref: draft.ref,
    revision: draft.revision ?? 0,
    edited: draft.edited,
    mode: draft.mode,
    body: draft.body,
    when: draft.later ? "later" : "now",
    send_at: draft.send_at ?? "",
    to: draft.to ?? "",
    sender: draft.sender ?? "",
    draft_of: of,
    member: document.body.dataset.member,
    tab,
  });
}
