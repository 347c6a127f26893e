// The thread: begins at its end, marks what is seen as read, says new texts to screen readers, loads earlier ones.
import { refreshHints } from "./composer-hints.js";
import { opened, refreshList, refreshRail } from "./inbox.js";
import { pageHeaders } from "./post.js";

const scroller = () => document.querySelector(".thread");

function showEnd() {
  const box = scroller();
  if (box) box.scrollTop = box.scrollHeight;
}

// The composer grows and shrinks: whoever read the end goes on reading the end.
let isAtEnd = true;
const shrinking = new ResizeObserver(() => isAtEnd && showEnd());

function watch() {
  const box = scroller();
  if (!box) return;
  shrinking.disconnect();
  shrinking.observe(box);
  box.addEventListener("scroll", () => { isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60; }, { passive: true });
}

async function markRead() {
  const line = document.getElementById("timeline");
  if (!opened() || !line?.dataset.unread || line.dataset.unread === "0" || document.visibilityState !== "visible") return;
  line.dataset.unread = "0";
  document.getElementById(`row-${opened()}`)?.closest(".row").classList.remove("unread");
  await fetch(`/inbox/${opened()}/read`, { method: "POST", headers: pageHeaders(), credentials: "same-origin" });
  refreshRail();
  refreshList();
}

let newest = null;
function announce() {
  const last = [...document.querySelectorAll("#timeline .bubble:not(.out)")].pop();
  if (newest !== null && last && last.id !== newest) {
    document.getElementById("announcer").textContent = `New message: ${last.textContent.trim().slice(0, 200)}`;
  }
  newest = last?.id ?? "";
}

// The hints are asked for again. An empty box has seen what the thread shows; one that is being written in has not:
// the server asks before it sends.
function hintAgain() {
  const form = document.querySelector("form.composer");
  const line = document.getElementById("timeline");
  if (!form || !line || form.dataset.conversation !== line.dataset.conversation) return;
  if (!form.elements.body.value) form.elements.seen.value = line.dataset.seen;
  refreshHints(form, 0);
}

// Earlier lines were loaded above and the thread was fetched again: each line once, at its earlier place and as it is
// now; a day above its first line. What the thread no longer reaches back to stays above.
function dropRepeated() {
  document.querySelectorAll("#earlier [id]").forEach((one) => {
    const again = document.querySelector(`#timeline #${CSS.escape(one.id)}`);
    if (one.matches(".day")) again?.remove();
    else if (again) one.replaceWith(again);
  });
}

function arrived() {
  newest = null;
  isAtEnd = true;
  watch();
  showEnd();
  announce();
  markRead();
}

document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "conversation" && queueMicrotask(arrived));
document.addEventListener("fragment-placed", (event) => {
  if (event.target.id !== "timeline") return;
  dropRepeated();
  announce();
  hintAgain();
  markRead();
});
document.addEventListener("visibilitychange", markRead);

// "Show earlier" adds above: what the reader looks at stays where it is.
let height = 0;
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.closest("#earlier")) height = scroller().scrollHeight;
});
document.addEventListener("htmx:afterSettle", () => {
  if (height) scroller().scrollTop += scroller().scrollHeight - height;
  height = 0;
});

if (scroller()) arrived();
