// data-inserts="text" data-into="id": puts the text at the end of that field on click.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-inserts]");
  const field = button && document.getElementById(button.dataset.into);
  if (!field) return;
  field.value = `${field.value.trimEnd()} ${button.dataset.inserts}`.trimStart();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
