// <details class="menu">: one open at a time; Escape and a click elsewhere close it.
export function closeMenus(keep = null) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== keep) menu.open = false;
  });
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
