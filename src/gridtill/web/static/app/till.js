// Adds up what is counted while it is typed; the server counts again and knows what it compares with.
import { $, $$, readAmount } from "./ui.js";

const sum = $("[data-counted]");

function count() {
  let total = 0;
  for (const field of $$("[data-face]")) {
    if (field.value.trim()) total += Number(field.dataset.face) * readAmount(field.value);
  }
  sum.textContent = Number.isNaN(total) ? "?" : total.toFixed(2).replace(/\.00$/, "");
}

document.addEventListener("input", (event) => {
  if (sum && event.target.matches("[data-face]")) count();
});
