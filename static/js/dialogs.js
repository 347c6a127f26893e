// data-opens="id": opens the <dialog>; a click beside it closes it.
export function open(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  document.getElementById("rail")?.matches(":popover-open") && document.getElementById("rail").hidePopover();
  dialog.showModal();
  dialog.querySelector("input")?.select();
  dialog.dispatchEvent(new CustomEvent(`${id}-opened`, { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) open(opener.dataset.opens);
  if (event.target.matches("dialog.dialog")) event.target.close();
});
