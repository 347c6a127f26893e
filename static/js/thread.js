// The thread: begins at its end, marks what is seen as read, says new texts to screen readers, loads earlier ones.
import { opened, refreshList, refreshRail } from "./inbox.js";

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
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];
  await fetch(`/inbox/${opened()}/read`, { method: "POST", headers: { "X-CSRFToken": token }, credentials: "same-origin" });
  refreshRail();
  refreshList();
}

let newest = null;
function announce() {
  const last = [...document.querySelectorAll("#timeline .bubble:not(.out)")].pop();
  if (newest !== null && last && last.id !== newest) {
    document.getElementById("announcer").textContent = `New text: ${last.textContent.trim().slice(0, 200)}`;
    askAgainWhoSpeaks();
  }
  newest = last?.id ?? "";
}

// STOP or START may have come in. What is being typed stays; an empty composer is fetched anew.
function askAgainWhoSpeaks() {
  const box = document.querySelector("#composer textarea");
  if (!box) return;
  if (box.value) window.htmx.trigger("#preview", "preview-now");
  else window.htmx.ajax("GET", `/inbox/${opened()}/composer${location.search || "?"}${box === document.activeElement ? "&focus=1" : ""}`, { target: "#composer", swap: "outerHTML" });
}

function dropRepeated() {
  document.querySelectorAll("#earlier [id]").forEach((one) => {
    if (document.querySelector(`#timeline #${CSS.escape(one.id)}`)) one.remove();
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
