// Small helpers that the other modules share. It does nothing by itself when loaded.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Listen to an event of htmx under both of the names that its versions use. */
export function onHtmx(name, listener) {
  document.addEventListener(`htmx:${name}`, listener);
  document.addEventListener(`htmx:${name.replace(/[A-Z]/g, (letter) => `:${letter.toLowerCase()}`)}`, listener);
}

/** Show a passing message; errors stay until they are dismissed. */
export function toast(text, { tone = "info", ms = 6000 } = {}) {
  document.dispatchEvent(new CustomEvent("gridtill:toast", { detail: { text, tone, ms } }));
}

/** Ask before something that cannot be taken back. Resolves to true or false. */
export function confirmBox(text, { title = "", yes = "", danger = false } = {}) {
  const box = $("[data-confirm-dialog]");
  const heading = $("[data-confirm-title]", box);
  const button = $("[data-confirm-yes]", box);
  heading.textContent = title || heading.dataset.default;
  $("[data-confirm-text]", box).textContent = text;
  button.textContent = yes || button.dataset.default;
  button.classList.toggle("btn-danger", danger);
  button.classList.toggle("btn-primary", !danger);
  box.returnValue = "no";
  box.showModal();
  return new Promise((resolve) =>
    box.addEventListener("close", () => resolve(box.returnValue === "yes"), { once: true }),
  );
}

/** Tell whether a key press belongs to a field and must not be taken as a shortcut. */
export const typing = (event) =>
  /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;

/** Read an amount as typed: digits with one decimal separator, point or comma; else NaN. */
export function readAmount(text) {
  const compact = String(text).trim();
  // A thousand or one? The server refuses it too.
  if (/^[1-9]\d{0,2},\d{3}$/.test(compact)) return NaN;
  const normal = compact.includes(".") ? compact : compact.replace(",", ".");
  return /^\d{1,15}(\.\d{1,6})?$/.test(normal) ? Number(normal) : NaN;
}
