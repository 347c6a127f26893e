// Submits the composer once: the words, the recipient, the mode and the time as they stand. Until the server says that
// it has them they stay in the box; a refusal or a question stands beside them.
import { bodyOf, composer, keyOf, payload } from "./composer-fields.js";
import { isOnline } from "./connection.js";
import { shown, typed, wasSent } from "./drafts.js";
import { post } from "./post.js";
import { toast } from "./toasts.js";

const FAILED = "The server did not answer. Your text is kept; try again. It won’t be sent twice.";

export async function submit(form) {
  if (form.dataset.sending || !isOnline()) return;
  if (form.dataset.mode === "message" && form.querySelector("[data-can-send=no]")) return;
  typed(form);
  const sent = { key: keyOf(form), ref: form.elements.client_ref.value, body: bodyOf(form) };
  hold(form, true);
  say(form, "");
  const { state, data } = await post(form.action, payload(form));
  hold(form, false);
  if (state === "ok") accepted(sent, data);
  else if (state !== "signed-out") refused(sent, state === "refused" ? data : { text: FAILED });
}

function accepted(sent, data) {
  wasSent(sent.key, sent.ref, sent.body);
  if (data.location) location.assign(data.location);
  else document.dispatchEvent(new CustomEvent("conversation-changed"));
}

function refused(sent, data) {
  const form = shown(sent.ref);
  if (form) say(form, data.text, data);
  else toast(`Not sent: ${data.text} Your text is kept as a draft.`, "error");
}

function hold(form, isHeld) {
  if (isHeld) form.dataset.sending = "yes";
  else delete form.dataset.sending;
  form.querySelector("[data-send]").disabled = isHeld || !isOnline();
}

function say(form, text, { action = "", fields = {} } = {}) {
  const place = form.querySelector("[data-refusal]");
  place.hidden = !text;
  place.querySelector("span").textContent = text;
  const button = place.querySelector("[data-answer]");
  button.hidden = !action;
  button.type = "button";
  button.textContent = action;
  button.onclick = () => answer(form, fields);
}

// "Send anyway": the rep has read what changed.
function answer(form, fields) {
  for (const [name, value] of Object.entries(fields)) if (form.elements[name]) form.elements[name].value = value;
  submit(form);
}

const online = () => {
  const button = composer()?.querySelector("[data-send]");
  if (button) button.disabled = !isOnline() || Boolean(composer().dataset.sending);
};
new MutationObserver(online).observe(document.documentElement, { attributeFilter: ["data-online"] });
