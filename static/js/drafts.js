// Drafts: kept in the browser at every keystroke and on the server soon after; one save at a time for each draft.
// What is typed is only ever replaced when the box is empty or holds words that are known to be sent.
import { bodyOf, clear, composer, keyOf, newRef, payloadOf, read, renew, setMode, write } from "./composer-fields.js";
import { drop, entries, forget, keep, stored, tab } from "./draft-store.js";
import { refreshList } from "./inbox.js";
import { post } from "./post.js";

const SOON = 600;
const saving = new Map(); // key → promise of the save that is out
let timer = null;

// Called for every change in a composer.
export function typed(form) {
  form.elements.edited.value = Math.max(Date.now(), Number(form.elements.edited.value) + 1);
  form.elements.tab.value = tab;
  const draft = read(form);
  keep(keyOf(form), { ...draft, saved: false });
  clearTimeout(timer);
  timer = setTimeout(() => saveOf(form), SOON);
}

// Saves what stands in this form now; true when the server has it.
export async function saveOf(form) {
  clearTimeout(timer);
  const draft = read(form);
  return draft.edited ? save(keyOf(form), draft) : true;
}

async function save(key, draft) {
  await saving.get(key);
  const run = put(key, draft);
  saving.set(key, run);
  const isSaved = await run;
  if (saving.get(key) === run) saving.delete(key);
  return isSaved;
}

async function put(key, draft) {
  const form = shown(draft.ref);
  const now = form ? { ...draft, revision: read(form).revision } : draft;
  const { state, data } = await post("/inbox/drafts", payloadOf(now, key, tab));
  if (state === "ok") settle(key, now, data);
  return state === "ok";
}

// The form that holds this draft, if it is on the screen.
export function shown(ref) {
  const form = composer();
  return form && form.elements.client_ref.value === ref ? form : null;
}

// The server has this draft. Words typed since (their save may still wait) stay in the browser as unsaved.
function settle(key, draft, data) {
  if (data.state === "sent") return wasSent(key, draft.ref, data.sent);
  const form = shown(draft.ref);
  if (form) key = keyOf(form); // it may have moved
  const latest = form ? read(form) : stored(key, draft.ref);
  if (data.state === "forked") drop(key, draft.ref);
  if (form) {
    form.elements.client_ref.value = data.ref;
    form.elements.revision.value = data.revision;
  }
  if (!latest) return;
  if (!latest.body.trim() && !latest.later) drop(key, data.ref);
  else keep(key, { ...latest, ref: data.ref, revision: data.revision, saved: latest.edited === draft.edited });
}

// This draft became a message (here, in another tab, or before a reload): the words that went are taken out of the
// box, words typed since stay there as a message of their own.
export function wasSent(key, ref, body) {
  const form = shown(ref);
  if (form) key = keyOf(form);
  const mine = entries(key).filter((entry) => entry.ref === ref);
  mine.filter((entry) => entry.draft.body.trim() === body.trim()).forEach((entry) => forget(entry.name));
  if (!form) return mine.forEach((entry) => moveOn(entry, body));
  drop(key, ref);
  const now = bodyOf(form);
  if (now.trim() === body.trim()) return clear(form);
  renew(form);
  form.elements.body.value = rest(now, body);
  typed(form);
}

// Words typed after the ones that were sent, in a composer that has left the screen: a draft under a name of its own.
function moveOn(entry, body) {
  if (entry.draft.body.trim() === body.trim()) return;
  forget(entry.name);
  const draft = { ...entry.draft, ref: newRef(), revision: 0, body: rest(entry.draft.body, body), saved: false };
  keep(entry.key, draft);
  save(entry.key, draft);
}

const rest = (now, sent) => (now.startsWith(sent) ? now.slice(sent.length).trimStart() : now);

// --- Opening ------------------------------------------------------------------------------------------

// A composer came onto the screen: its own unsaved words first, then the server's newest; the rest is offered.
export function open(form) {
  form.elements.tab.value = tab;
  const local = entries(keyOf(form));
  const server = JSON.parse(form.dataset.drafts || "[]");
  const known = new Map(server.map((draft) => [draft.ref, draft]));
  const mine = local.filter((entry) => entry.draft.body.trim() && !isOnServer(entry.draft, known.get(entry.ref)));
  const all = [...mine.map((entry) => entry.draft), ...server];
  const [first, ...others] = unique(all);
  if (first) write(form, { ...first, tab: undefined });
  else setMode(form, form.elements.mode.value);
  if (first && mine.length && first === mine[0].draft) saveOf(form);
  mine.slice(1).forEach((entry) => save(entry.key, entry.draft));
  offer(form, others);
}

// The composer may have been drawn before the last save arrived: then the server's copy in it is the older one.
function isOnServer(draft, saved) {
  if (!saved) return false;
  return saved.body.trim() === draft.body.trim() || (draft.saved && saved.revision >= draft.revision);
}

function unique(drafts) {
  const seen = new Set();
  return drafts.filter((draft) => !seen.has(draft.body.trim()) && seen.add(draft.body.trim()));
}

function offer(form, others) {
  const place = form.querySelector("[data-other-drafts]");
  place.hidden = !others.length;
  place.replaceChildren(...others.map((draft) => line(form, draft, place)));
}

function line(form, draft, place) {
  const row = document.createElement("div");
  const words = document.createElement("span");
  words.className = "cut";
  words.textContent = `${draft.mode === "note" ? "Another note" : "Another draft"}: ${draft.body}`;
  row.append(words, button("Use", () => use(form, draft, row, place)), button("Discard", () => discard(form, draft, row, place)));
  return row;
}

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

// What stands in the box goes where this one was.
function use(form, draft, row, place) {
  const now = read(form);
  row.remove();
  write(form, draft);
  if (now.body.trim()) place.append(line(form, now, place));
  place.hidden = !place.children.length;
  typed(form);
}

function discard(form, draft, row, place) {
  row.remove();
  place.hidden = !place.children.length;
  save(keyOf(form), { ...draft, body: "", edited: Date.now() });
}

// --- Leaving ------------------------------------------------------------------------------------------

// The composer leaves the screen: the server gets what it has not yet, and the list shows it.
export async function leave(form) {
  if (!form || !read(form).edited) return;
  await saveOf(form);
  refreshList();
}

// Everything this browser has that the server lacks; true when nothing is left.
export async function push() {
  const waiting = entries().filter((entry) => !entry.draft.saved && entry.draft.body.trim());
  const done = await Promise.all(waiting.map((entry) => pushOne(entry)));
  return done.every(Boolean);
}

async function pushOne(entry) {
  const { state, data } = await post("/inbox/drafts", payloadOf(entry.draft, entry.key, entry.tab));
  if (state !== "ok") return false;
  if (data.state === "sent") return wasSent(entry.key, entry.ref, data.sent) ?? true;
  if (!shown(entry.ref)) forget(entry.name, entry.draft.edited);
  return true;
}

// On the page that logs out: save first (at most three seconds), then nothing saved stays in the browser. The form is
// submitted from a task of its own: a form that is being submitted ignores requestSubmit.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.getAttribute("action") !== "/accounts/logout/" || form.dataset.flushed) return;
  event.preventDefault();
  await Promise.race([push(), new Promise((done) => setTimeout(done, 3000))]).catch(() => {});
  entries().filter((entry) => entry.draft.saved || !entry.draft.body.trim()).forEach((entry) => forget(entry.name));
  form.dataset.flushed = "yes";
  setTimeout(() => form.requestSubmit(event.submitter));
});

addEventListener("pagehide", () => {
  const form = composer();
  if (!form) return;
  const draft = read(form);
  const kept = entries(keyOf(form)).find((entry) => entry.ref === draft.ref && entry.tab === tab);
  if (kept && !kept.draft.saved) post("/inbox/drafts", payloadOf(draft, keyOf(form), tab), { keepalive: true });
});

document.addEventListener("back-online", () => { const form = composer(); if (form) saveOf(form); });
