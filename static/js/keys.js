// Keys: j k r n e c / ? and Ctrl K. data-key="e" on a button or link says what a letter presses.
import { open } from "./dialogs.js";

const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]");

// A dialog is open, or the conversation that a letter would act on is just being replaced.
const isElsewhere = () => document.querySelector("dialog[open], .composer[inert]");

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    open("palette");
    return;
  }
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isElsewhere()) return;
  if (press(event.key)) event.preventDefault();
});

function press(key) {
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  if (key === "?") return open("help") ?? true;
  if (key === "/") return focusOn(".pane-list .search, main input[type=search]");
  if (key === "r") return focusOn(".composer textarea");
  const button = /^[a-z]$/.test(key) && document.querySelector(`[data-key="${key}"]`);
  button?.click?.();
  return Boolean(button);
}

function focusOn(selector) {
  const element = document.querySelector(selector);
  element?.focus();
  return Boolean(element);
}

function step(by) {
  const links = [...document.querySelectorAll(".list .row > a")];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[at < 0 ? 0 : at + by];
  next?.click();
  next?.scrollIntoView({ block: "nearest" });
  return Boolean(next);
}

// In the palette the arrows walk and Enter goes.
document.getElementById("palette")?.addEventListener("keydown", (event) => {
  const links = [...document.querySelectorAll("#palette-found a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    (links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? event.currentTarget.querySelector("input")).focus();
  } else if (event.key === "Enter" && at < 0 && links.length) {
    links[0].click();
  }
});
