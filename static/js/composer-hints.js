// The hints beside the composer (sender, why, segments, warnings, what others did), asked for again in place: the box,
// the mode and the time are never touched. An answer for another conversation, or an older one, is dropped.
import { composer, payload } from "./composer-fields.js";
import { pageHeaders } from "./post.js";
import { isOnline, signedOut } from "./connection.js";

let timer = null, asked = 0;

export function refreshHints(form, delay = 250) {
  clearTimeout(timer);
  timer = setTimeout(() => ask(form), delay);
}

async function ask(form) {
  if (!isOnline() || form !== composer()) return;
  const number = ++asked;
  try {
    const response = await fetch("/inbox/compose/preview", {
      method: "POST",
      body: payload(form),
      headers: { ...pageHeaders(), "X-Composer": "1" }, // asked twice with the same words, it is answered anew
      credentials: "same-origin",
      redirect: "manual",
    });
    if (response.type === "opaqueredirect" || response.status === 401) return signedOut();
    if (!response.ok) return;
    const html = await response.text();
    if (number === asked && form === composer()) place(form, html);
  } catch {
    // the next keystroke asks again; sending says when there is no connection
  }
}

function place(form, html) {
  const region = form.querySelector("#preview");
  region.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  const counter = region.querySelector("template[data-counter]");
  if (counter) form.querySelector("#counter").textContent = counter.content.textContent.trim();
  const shown = region.querySelector("[data-sender]");
  if (form.elements.expected_sender) form.elements.expected_sender.value = shown?.dataset.sender ?? "";
}
