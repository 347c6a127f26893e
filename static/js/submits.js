// data-submits on a field: its form goes off on change.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submits]")) event.target.form?.requestSubmit();
});
