// The keypad of a virtual meter: its buttons type into the field that the keyboard types into too.
import { $ } from "./ui.js";

document.addEventListener("click", (event) => {
  const key = event.target.closest("[data-digit], [data-erase]");
  if (!key) return;
  const field = $("[data-keyed]");
  field.value = key.dataset.digit === undefined ? field.value.trimEnd().slice(0, -1) : field.value + key.dataset.digit;
  group(field);
});

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-keyed]")) group(event.target);
});

// Groups of four, as they stand on the receipt; only at the end, so that correcting in the middle stays possible.
function group(field) {
  if (field.selectionStart !== field.value.length && document.activeElement === field) return;
  const digits = field.value.replace(/\D/g, "").slice(0, 20);
  field.value = digits.replace(/(\d{4})(?=\d)/g, "$1 ");
}
