// Drafts in this browser: one entry per member, conversation and tab, so that people who share a machine and tabs that
// are open side by side never overwrite each other. Written at every keystroke, before anything goes to the server.
const PREFIX = "callsign-draft";
const member = () => document.body.dataset.member ?? "";

// Of this tab; survives a reload.
export const tab = (() => {
  const known = sessionStorage.getItem("callsign-tab");
  const mine = known ?? crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  sessionStorage.setItem("callsign-tab", mine);
  return mine;
})();

const nameOf = (key, ref) => [PREFIX, member(), key, tab, ref].join(":");

export function keep(key, draft) {
  try {
    localStorage.setItem(nameOf(key, draft.ref), JSON.stringify(draft));
  } catch {
    // full or switched off: the server's copy remains
  }
}

export function drop(key, ref, ofTab = tab) {
  localStorage.removeItem([PREFIX, member(), key, ofTab, ref].join(":"));
}

// Every entry of this member (in a conversation): { name, key, tab, ref, draft }.
export function entries(wanted = null) {
  const found = [];
  for (const name of Object.keys(localStorage)) {
    const [prefix, whose, key, ofTab, ref] = name.split(":");
    if (prefix !== PREFIX || whose !== member() || (wanted && key !== wanted)) continue;
    try {
      found.push({ name, key, tab: ofTab, ref, draft: JSON.parse(localStorage.getItem(name)) });
    } catch {
      localStorage.removeItem(name);
    }
  }
  return found.sort((one, other) => other.draft.edited - one.draft.edited);
}

// What this tab keeps under a draft's name, if anything.
export const stored = (key, ref) => entries(key).find((entry) => entry.tab === tab && entry.ref === ref)?.draft;

// The conversation is another one by now.
export function rename(key, to) {
  for (const entry of entries(key).filter((one) => one.tab === tab)) {
    localStorage.setItem(nameOf(to, entry.ref), JSON.stringify({ ...entry.draft, draft_of: to }));
    localStorage.removeItem(entry.name);
  }
}

// With `edited`: only if nothing was typed since.
export function forget(name, edited = null) {
  if (edited !== null && JSON.parse(localStorage.getItem(name) ?? "{}").edited !== edited) return;
  localStorage.removeItem(name);
}
