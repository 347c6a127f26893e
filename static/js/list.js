// The list of conversations: which one is open, and the pane that shows on a phone.
import { closeMenus } from "./menus.js";
import { inbox, opened, refreshList, refreshRail, refreshThread } from "./inbox.js";

function mark() {
  const id = opened();
  inbox()?.classList.toggle("is-open", Boolean(id));
  document.querySelectorAll(".list .row > a").forEach((link) => {
    if (id && link.id === `row-${id}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
}

document.addEventListener("htmx:pushedIntoHistory", mark);
document.addEventListener("fragment-placed", (event) => event.target.id === "rows" && mark());

// Something was done here: show it at once, without waiting for the event of it.
document.addEventListener("conversation-changed", () => {
  closeMenus();
  refreshThread();
  refreshList();
  refreshRail();
});
