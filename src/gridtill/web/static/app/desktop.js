// Graphic statistics change by themselves; they rest under the mouse, under focus, and for people who prefer less motion.
const EVERY_MS = 8000;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const box = document.querySelector("[data-rotate]");
let rests = false;

function next() {
  if (!box || rests || still.matches || document.hidden) return;
  const buttons = [...box.querySelectorAll(".stat-n button")];
  const current = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  const following = buttons[(current + 1) % buttons.length];
  if (!following || buttons.length < 2) return;
  // Nobody did this: it must not keep the session awake.
  following.setAttribute("hx-headers", '{"X-Unattended": "1"}');
  following.click();
  following.removeAttribute("hx-headers");
}

if (box) {
  for (const name of ["mouseenter", "focusin"]) box.addEventListener(name, () => (rests = true));
  for (const name of ["mouseleave", "focusout"]) box.addEventListener(name, () => (rests = false));
  setInterval(next, EVERY_MS);
}
