// POSTs a form's fields to us and never leaves the page: { state, data }. States: ok, refused (data says why in words),
// signed-out (the session ended), failed (the server could not answer), offline (no answer came; it may have arrived).
import { lost, signedOut } from "./connection.js";

const TIMEOUT = 20000;

export async function post(url, fields, { keepalive = false } = {}) {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: fields,
      headers: { ...pageHeaders(), "X-Composer": "1" },
      credentials: "same-origin",
      redirect: "manual",
      keepalive,
      signal: keepalive ? undefined : AbortSignal.timeout(TIMEOUT),
    });
    return await read(response);
  } catch {
    lost();
    return { state: "offline", data: {} };
  }
}

// What htmx sends too: the CSRF token, and the organization this page was drawn for (it never acts in another).
export const pageHeaders = () => JSON.parse(document.body.getAttribute("hx-headers"));

async function read(response) {
  if (response.type === "opaqueredirect" || response.status === 401) {
    signedOut();
    return { state: "signed-out", data: {} };
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const data = isJson ? await response.json() : { html: await response.text() };
  if (response.ok) return { state: "ok", data };
  if (isJson) return { state: "refused", data };
  if (response.status === 409) return { state: "refused", data: { text: sentenceOf(data.html) } };
  if (response.status === 403) signedOut(); // another login in this browser made our token invalid
  return { state: response.status === 403 ? "signed-out" : "failed", data };
}

// The sentence of a page that says what went wrong.
export function sentenceOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const words = page.querySelector("[data-says], main .empty p")?.textContent.trim();
  return words || "That did not work. Reload the page and try again.";
}
