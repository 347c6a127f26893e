// data-plain='{"“": "\""}' data-into="id": replaces these characters in that field on click; the caret stays.
export function replacePlain(field, forms) {
  const plain = JSON.parse(forms), before = field.value.slice(0, field.selectionStart);
  const replaced = (text) => [...text].map((sign) => plain[sign] ?? sign).join("");
  field.value = replaced(field.value);
  field.focus();
  field.setSelectionRange(replaced(before).length, replaced(before).length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-plain]");
  const field = button && document.getElementById(button.dataset.into);
  if (field) replacePlain(field, button.dataset.plain);
});

// data-inserts="text" data-into="id": puts the text at the end of that field on click.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-inserts]");
  const field = button && document.getElementById(button.dataset.into);
  if (!field) return;
  field.value = `${field.value.trimEnd()} ${button.dataset.inserts}`.trimStart();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
