// A dialog that picks one record: type to search, arrows to move, Enter to take, Escape to leave.
// A [data-picker-open="ID"] button opens dialog#ID; what is taken goes into the [data-picker-value]
// input and the [data-picker-label] element of the button's [data-picker-for] group, and the event
// "picker:chosen" (detail: value, label) tells whoever listens. A row with an href is followed instead.
import { $, $$, onHtmx } from "./ui.js";

let group = null;

function rows(dialog) {
  return $$("[role=option][data-value]", dialog);
}

function mark(dialog, row) {
  for (const other of rows(dialog)) other.setAttribute("aria-selected", String(other === row));
  const box = $("[data-picker-search]", dialog);
  if (row) {
    box.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
  } else box.removeAttribute("aria-activedescendant");
}

function take(dialog, row) {
  if (!row) return;
  const { value, label, href } = row.dataset;
  dialog.close();
  if (href) {
    location.assign(href);
    return;
  }
  const target = group || document;
  const input = $("[data-picker-value]", target);
  if (input) {
    input.value = value;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const text = $("[data-picker-label]", target);
  if (text) text.textContent = label;
  dialog.dispatchEvent(new CustomEvent("picker:chosen", { bubbles: true, detail: { value, label } }));
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-picker-open]");
  if (opener) {
    group = opener.closest("[data-picker-for]");
    const dialog = document.getElementById(opener.dataset.pickerOpen);
    dialog.showModal();
    const box = $("[data-picker-search]", dialog);
    box.focus();
    box.select();
    htmx.trigger(box, "open");
    return;
  }
  const dialog = event.target.closest("[data-picker]");
  if (!dialog) return;
  if (event.target.closest("[data-picker-close]")) dialog.close();
  else take(dialog, event.target.closest("[role=option][data-value]"));
});

document.addEventListener("keydown", (event) => {
  const dialog = event.target.closest?.("[data-picker]");
  if (!dialog || !event.target.matches("[data-picker-search]")) return;
  const all = rows(dialog);
  const at = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") mark(dialog, all[Math.min(at + 1, all.length - 1)]);
  else if (event.key === "ArrowUp") mark(dialog, all[Math.max(at - 1, 0)]);
  else if (event.key === "Enter") take(dialog, all[at]);
  else return;
  event.preventDefault();
});

onHtmx("afterSwap", (event) => {
  const dialog = event.target.closest?.("[data-picker]");
  if (dialog) mark(dialog, rows(dialog)[0]);
});
