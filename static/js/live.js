// Keeps an open page true: server-sent events say what changed, the page fetches that part again. A new token for
// each connection, renewed before it ends; after a gap or sleep everything is fetched; without a connection it asks
// each ten seconds. A stream that the server ends ("ended": access changed) is opened again with a new token.
//
// Pages other than the inbox: an element with data-live="campaign:<id>" and data-fragment="<address>" is fetched again
// whenever that campaign moves.
import { refresh } from "./fragments.js";
import { inbox, opened, refreshAll, refreshList, refreshRail, refreshThread } from "./inbox.js";
import { pageHeaders } from "./post.js";

const PAUSES = [500, 1000, 2000, 5000, 10000];
const POLL = 10000, SLOW = 60000, SOON = 60, SPREAD = 1500;
let source = null, fails = 0, poll = null, soon = null, slept = 0, renewal = null;
let changed = new Set();

if (inbox() || document.querySelector("[data-live]")) begin();

function begin() {
  connect();
  setInterval(() => document.visibilityState === "visible" && all(), SLOW);
  addEventListener("online", () => { fails = 0; connect(); });
  addEventListener("pagehide", () => source?.close());
  document.addEventListener("visibilitychange", wake);
}

function wake() {
  if (document.visibilityState === "hidden") {
    slept = Date.now();
  } else if (Date.now() - slept > 5000) {
    all();
    if (!source || source.readyState === EventSource.CLOSED) connect();
  }
}

async function connect() {
  source?.close();
  source = null;
  try {
    listen(await newToken());
  } catch {
    later();
  }
}

async function newToken() {
  const answer = await fetch("/inbox/live-token", { method: "POST", headers: pageHeaders(), credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

// The new stream is heard before the old one is closed, so that nothing is missed between.
async function renew() {
  const old = source;
  try {
    const token = await newToken();
    if (old && source === old) listen(token, old);
  } catch {
    // The old stream goes on until its token ends; then it is opened again.
  }
}

function listen(token, before = null) {
  const mine = new EventSource(token.url);
  clearTimeout(renewal);
  renewal = setTimeout(renew, token.renew_seconds * 1000 * (0.9 + Math.random() / 10));
  source = mine;
  mine.addEventListener("hello", () => {
    before?.close();
    connected(before !== null);
    before = null;
  });
  mine.addEventListener("gap", all);
  mine.addEventListener("conversation", (event) => heard(JSON.parse(event.data)));
  mine.addEventListener("campaign", (event) => moved(JSON.parse(event.data)));
  mine.addEventListener("ended", () => failed(mine, before, Math.random() * SPREAD));
  mine.onerror = () => failed(mine, before);
}

function failed(mine, before, wait = 0) {
  mine.close();
  before?.close();
  if (source === mine) later(wait);
}

function connected(isRenewed) {
  fails = 0;
  clearInterval(poll);
  poll = null;
  document.documentElement.dataset.connected = "yes";
  if (!isRenewed) all(); // what happened since the page was drawn, or since the last stream ended
}

function later(wait = 0) {
  source = null;
  clearTimeout(renewal);
  document.documentElement.dataset.connected = "no";
  poll ??= setInterval(all, POLL);
  setTimeout(connect, wait + PAUSES[Math.min(fails++, PAUSES.length - 1)] * (0.75 + Math.random() / 2));
}

// A burst of events becomes one round of fetching.
function heard(event) {
  changed.add(event.conversation);
  soon ??= setTimeout(fetchChanged, SOON);
}

async function fetchChanged() {
  const these = changed;
  changed = new Set();
  soon = null;
  if (these.has(opened())) await refreshThread();
  await Promise.all([refreshList(), refreshRail()]);
}

function moved(event) {
  document.querySelectorAll(`[data-live="campaign:${CSS.escape(event.campaign)}"]`).forEach((one) => refresh(one.dataset.fragment));
}

function all() {
  if (inbox()) refreshAll();
  document.querySelectorAll("[data-live][data-fragment]").forEach((one) => refresh(one.dataset.fragment));
}
