// data-copy="text": copies it on click and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return; // no permission: the title still shows what to copy
  }
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 1500);
});
