// Short messages in the corner; those that don't need an answer leave after a while.
const LINGER = 6000;

export function toast(text, tone = "") {
  const place = document.getElementById("toasts");
  const box = document.createElement("div");
  box.className = `toast ${tone}`;
  const words = document.createElement("span");
  words.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.dismiss = "";
  button.setAttribute("aria-label", "Dismiss");
  button.textContent = "×";
  box.append(words, button);
  place.append(box);
  leaveLater(box);
}

function leaveLater(box) {
  if (!box.classList.contains("error")) setTimeout(() => box.remove(), LINGER);
}

document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast, .notice")?.remove());
document.querySelectorAll(".toast").forEach(leaveLater);
