// One lasting banner instead of a heap of messages: no connection, or the session ended. <html data-online="no">
// while the server can't be reached; a "back-online" event when it can again.
const RETRY = 2000;
const banner = () => document.getElementById("connection");
let timer = null;

export const isOnline = () => document.documentElement.dataset.online !== "no";

// A request got no answer. Asks until one comes.
export function lost() {
  if (!isOnline()) return;
  document.documentElement.dataset.online = "no";
  show("No connection. What you type is kept; nothing is sent until you are back online.");
  timer = setTimeout(ask, RETRY);
}

async function ask() {
  try {
    await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(8000) });
    back();
  } catch {
    timer = setTimeout(ask, RETRY);
  }
}

function back() {
  clearTimeout(timer);
  delete document.documentElement.dataset.online;
  if (!document.documentElement.dataset.signedOut) banner().hidden = true;
  document.dispatchEvent(new CustomEvent("back-online"));
}

export function signedOut() {
  document.documentElement.dataset.signedOut = "yes";
  const link = document.createElement("a");
  link.className = "button small";
  link.textContent = "Log in";
  link.href = `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
  show("Your session has ended. What you typed is kept on this device.", link);
}

function show(text, ...more) {
  const words = document.createElement("span");
  words.textContent = text;
  banner().replaceChildren(words, ...more);
  banner().hidden = false;
}

addEventListener("offline", lost);
addEventListener("online", () => { if (!isOnline()) ask(); });
document.addEventListener("htmx:sendError", lost);
