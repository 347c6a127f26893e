// The open conversation became another one (its message changed senders). The page goes on there in place: what is being
// typed stays, and the server asks before a message leaves from the new sender.
import { composer, keyOf } from "./composer-fields.js";
import { rename } from "./draft-store.js";
import { saveOf } from "./drafts.js";
import { opened, refreshAll } from "./inbox.js";

document.addEventListener("conversation-moved", ({ detail: { old, now } }) => {
  rename(old, now);
  if (opened() !== old) return;
  document.querySelectorAll(`[data-conversation="${old}"]`).forEach((part) => { part.dataset.conversation = now; });
  const form = composer();
  if (form && keyOf(form) === old) follow(form, old, now);
  history.replaceState(history.state, "", location.href.replace(old, now));
  refreshAll();
});

// "conversation" still names the one the composer was drawn for.
function follow(form, old, now) {
  form.dataset.keyOfDraft = now;
  form.elements.draft_of.value = now;
  form.setAttribute("action", form.getAttribute("action").replace(old, now));
  saveOf(form);
}
