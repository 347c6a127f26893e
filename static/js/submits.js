// data-submits on a field: its form goes off on change. data-once on a form: its button works once.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submits]")) event.target.form?.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-once]");
  if (form) queueMicrotask(() => form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = true; }));
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-once] button:disabled").forEach((button) => { button.disabled = false; }));
