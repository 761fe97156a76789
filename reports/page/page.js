"use strict";
// Conveniences only: without this script nothing is hidden and nothing that matters is missing.
document.documentElement.classList.add("scripted");

const made = (name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};

let toast = null;
const tell = (words) => {
  if (!toast) {
    toast = made("p", "", "toast");
    toast.setAttribute("role", "status");
    document.body.append(toast);
  }
  toast.hidden = false;
  toast.textContent = words;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { toast.hidden = true; }, 2500);
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const code = button.closest("li").querySelector("code");
  const copied = await copy(code.textContent);
  if (!copied) getSelection().selectAllChildren(code);
  button.textContent = copied ? "Copied" : "Selected";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});

const reveal = (target) => {
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
};
const follow = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) { reveal(target); target.scrollIntoView(); }
};
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.connection")) part.open = true;
});
follow();
