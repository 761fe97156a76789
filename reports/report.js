
"use strict";
// Conveniences only: without this script nothing is hidden and nothing is missing.
document.documentElement.classList.add("scripted");
for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
const open = (target) => {
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
};
const follow = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) { open(target); target.scrollIntoView(); }
};
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.connection")) part.open = true;
});
follow();
