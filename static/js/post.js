// POSTs a form's fields to us and never leaves the page: { state, data }. States: ok, refused (data says why in words),
// signed-out (the session ended), failed (the server could not answer), offline (no answer came; it may have arrived).
import { lost, signedOut } from "./connection.js";

const TIMEOUT = 20000;

export async function post(url, fields, { keepalive = false } = {}) {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: fields,
      headers: { "X-CSRFToken": csrfToken(), "X-Composer": "1" },
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

export const csrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];

async function read(response) {
  if (response.type === "opaqueredirect" || response.status === 401) {
    signedOut();
    return { state: "signed-out", data: {} };
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const data = isJson ? await response.json() : { html: await response.text() };
  if (response.ok) return { state: "ok", data };
  if (isJson) return { state: "refused", data };
  if (response.status === 403) signedOut(); // another login in this browser made our token invalid
  return { state: response.status === 403 ? "signed-out" : "failed", data };
}
