// Parts of the page that the server renders again. An answer holds elements with ids; each takes the place of the
// content of the page's element with that id. Scroll, focus and open menus stay; nothing jumps.
import { pageHeaders } from "./post.js";

const under_way = new Map();

// Fetches `url` and puts its parts in place; a call while one is out runs once more after it.
export function refresh(url) {
  const known = under_way.get(url);
  if (known) {
    known.again = true;
    return known.done;
  }
  const state = { again: false };
  state.done = run(url, state).finally(() => under_way.delete(url));
  under_way.set(url, state);
  return state.done;
}

async function run(url, state) {
  do {
    state.again = false;
    const answer = await ask(url);
    if (answer?.redirected) announceMove(url, answer.url);
    if (!answer || answer.redirected || !answer.ok) return false;
    place(await answer.text());
  } while (state.again);
  return true;
}

// The conversation of this fragment is another one by now: its message changed senders and took it along.
function announceMove(from, to) {
  const [old, now] = [from, new URL(to).pathname].map((path) => path.match(/^\/inbox\/([0-9a-f-]{36})\/thread/)?.[1]);
  if (old && now) document.dispatchEvent(new CustomEvent("conversation-moved", { detail: { old, now } }));
}

// null without a connection: the next event or poll asks again.
async function ask(url) {
  try {
    const headers = { ...pageHeaders(), "HX-Request": "true", "X-Fragment": "true" };
    return await fetch(url, { headers, credentials: "same-origin" });
  } catch {
    return null;
  }
}

function place(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of [...page.body.children].filter((element) => element.id)) {
    const here = document.getElementById(part.id);
    if (here && isOfSame(here, part) && !isBusy(here) && here.innerHTML !== part.innerHTML) put(here, part);
  }
}

// A part names its conversation; when another one is open by now it is dropped. So is a list of other filters.
function isOfSame(here, part) {
  return here.dataset.conversation === part.dataset.conversation && here.dataset.look === part.dataset.look;
}

function isBusy(element) {
  return element.matches("[data-steady]") && Boolean(element.querySelector("details[open], input:focus, textarea:focus"));
}

function put(here, part) {
  const keep = anchorOf(here);
  const focused = here.contains(document.activeElement) ? document.activeElement.id : "";
  for (const { name, value } of part.attributes) if (name.startsWith("data-")) here.setAttribute(name, value);
  const open = [...here.querySelectorAll("details[id][open]")].map((one) => one.id);
  here.replaceChildren(...part.childNodes);
  for (const id of open) here.querySelector(`details#${CSS.escape(id)}`)?.setAttribute("open", "");
  window.htmx?.process(here);
  keep();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  here.dispatchEvent(new CustomEvent("fragment-placed", { bubbles: true }));
}

// Remembers what the reader looks at; the function returned puts it back where it was.
function anchorOf(element) {
  const scroller = element.closest("[data-scrolls]");
  if (!scroller) return () => {};
  if (scroller.dataset.scrolls === "end") {
    const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    return () => { if (isAtEnd) scroller.scrollTop = scroller.scrollHeight; };
  }
  if (scroller.scrollTop < 8) return () => {};
  const top = scroller.getBoundingClientRect().top;
  const seen = [...element.querySelectorAll("[id]")].find((one) => one.getBoundingClientRect().bottom > top);
  if (!seen) return () => {};
  const { id } = seen, before = seen.getBoundingClientRect().top;
  return () => {
    const now = document.getElementById(id);
    if (now) scroller.scrollTop += now.getBoundingClientRect().top - before;
  };
}
