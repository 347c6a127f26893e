// What the server answers to htmx: a lapsed session leads to the login, a failure becomes words.
import { sentenceOf } from "./post.js";
import { toast } from "./toasts.js";

document.addEventListener("htmx:beforeSwap", (event) => {
  if (new URL(event.detail.xhr.responseURL || location.href).pathname.startsWith("/accounts/login")) {
    event.preventDefault();
    location.assign(`/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
});

document.addEventListener("htmx:responseError", (event) => {
  toast(sentenceOf(event.detail.xhr.responseText), "error");
});

document.addEventListener("says", (event) => toast(event.detail.text, event.detail.tone));
