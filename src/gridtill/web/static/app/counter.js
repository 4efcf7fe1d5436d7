// Keyboard flow of the purchase counter. The server quotes and sells; this only moves the focus,
// keeps a hurried or held Enter from doing harm, and never sells at a price that is not on the screen.
//
// Hooks in the markup: [data-find] search form with #q; [data-results][data-for] list of matches;
// [data-customer] when a customer is open; form[data-sale] with [data-amount], [data-quick],
// [data-tendered], [data-change], [data-part], radios name=pay and name=unit; #quote with [data-quoted]
// and, when energy was typed, [data-due]; [data-sell]; [data-lost] with the address of the sale;
// after the sale [data-done] with [data-next], [data-again]; the form reacts to the event "sell".
import { $, $$, confirmBox, onHtmx, readAmount, toast } from "./ui.js";

const QUIET_MS = 900;
let quietUntil = 0;
let typedByHand = false;

function focusAmount() {
  const amount = $("[data-amount]");
  amount?.focus();
  amount?.select();
}

function showChange() {
  const amount = $("[data-amount]");
  const tendered = $("[data-tendered]");
  const change = $("[data-change]");
  if (!amount || !tendered || !change) return;
  const byEnergy = $("[name=unit]:checked")?.value === "kwh";
  let due = readAmount(byEnergy ? ($("[data-due]")?.dataset.due ?? "") : amount.value);
  for (const part of $$("[data-part]")) due -= part.value.trim() ? readAmount(part.value) : 0;
  // What is received follows the price until the cashier types it.
  if (!tendered.dataset.touched) tendered.value = Number.isNaN(due) ? "" : due.toFixed(Number(change.dataset.places ?? 2));
  const left = readAmount(tendered.value) - due;
  const places = Number(change.dataset.places ?? 2);
  change.textContent = Number.isNaN(left) ? "" : left.toFixed(places);
  change.classList.toggle("bad", left < 0);
}

function markQuick(value) {
  for (const button of $$("[data-quick]")) button.setAttribute("aria-pressed", String(button.dataset.quick === value));
}

function setAmount(value) {
  const amount = $("[data-amount]");
  amount.value = value;
  amount.dispatchEvent(new Event("input", { bubbles: true }));
  focusAmount();
}

/** Sell only at the price on the screen: an older quote is shown as stale and Enter must come again. */
function sell() {
  const button = $("[data-sell]");
  const quoted = $("[data-quoted]");
  if (!button || button.disabled || document.body.hasAttribute("data-offline-now")) return;
  const unit = $("[name=unit]:checked")?.value;
  if (!quoted || quoted.dataset.unit !== unit || readAmount(quoted.dataset.quoted) !== readAmount($("[data-amount]").value)) {
    $("#quote")?.classList.add("stale");
    return;
  }
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  htmx.trigger($("[data-sale]"), "sell");
}

async function search() {
  const box = $("#q");
  if (!box) return;
  if ($("[data-customer]") && typedByHand && !$("[data-done]")) {
    const form = $("[data-sale]");
    if (form?.dataset.leave && !(await confirmBox(form.dataset.leave))) return;
  }
  typedByHand = false;
  box.focus();
  box.select();
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.matches("[data-amount]")) {
    typedByHand = true;
    markQuick(field.value);
    $("#quote")?.classList.toggle("stale", readAmount($("[data-quoted]")?.dataset.quoted ?? "") !== readAmount(field.value));
    showChange();
  }
  if (field.matches("[data-part]")) showChange();
  if (field.matches("[data-tendered]")) {
    field.dataset.touched = "yes";
    showChange();
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.quick) setAmount(button.dataset.quick);
  if (button.hasAttribute("data-sell")) sell();
});

/** Switch between money and energy: the amount is emptied, since the number means another thing now. */
function switchUnit() {
  const amount = $("[data-amount]");
  const chosen = $("[name=unit]:checked");
  $("[data-unit-name]").textContent = chosen.nextElementSibling.textContent;
  for (const button of $$("[data-quick]")) button.disabled = chosen.value === "kwh";
  amount.value = "";
  $("#quote")?.classList.add("stale");
  showChange();
  focusAmount();
}

document.addEventListener("change", (event) => {
  if (event.target.name === "unit") switchUnit();
  if (event.target.name === "pay") {
    const cash = event.target.value === "CASH";
    if (!cash) $("[data-reference]")?.focus();
    else focusAmount();
  }
});

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * The answer to a sale was lost. Ask until the server says whether it was sold; until then nothing
 * may be sold at this desk. When it says no, the request will never sell, and a new one takes its place.
 */
async function askWhetherSold() {
  const box = $("[data-lost]");
  const body = new FormData();
  body.set("request_id", $("[data-request]").value);
  body.set("csrfmiddlewaretoken", $("[data-sale] [name=csrfmiddlewaretoken]").value);
  box.hidden = false;
  for (let wait = 1000; ; wait = Math.min(wait * 2, 15000)) {
    await pause(wait);
    try {
      const answer = await fetch(box.dataset.lost, { method: "POST", body, redirect: "manual" });
      if (answer.ok) {
        const said = await answer.json();
        if (said.sold) return location.assign(said.address);
        $("[data-request]").value = said.request_id;
        dispatchEvent(new Event("online"));
        break;
      }
    } catch {
      // Still no connection; it is asked again.
    }
  }
  box.hidden = true;
  const button = $("[data-sell]");
  button.disabled = false;
  button.removeAttribute("aria-busy");
  toast(box.dataset.notSold, { tone: "warn", ms: 20000 });
  button.focus();
}

for (const failure of ["sendError", "timeout", "responseError", "sendAbort"]) {
  onHtmx(failure, (event) => {
    if (event.target.closest?.("[data-sale]") && $("[data-sell]")?.disabled && $("[data-lost]")?.hidden) askWhetherSold();
  });
}

function enter(event) {
  // A held or hurried Enter must not sell twice nor skip the result.
  if (event.repeat || performance.now() < quietUntil) {
    event.preventDefault();
    return;
  }
  const field = event.target;
  if (field.matches?.("[data-amount]")) {
    event.preventDefault();
    const tendered = $("[data-tendered]");
    if ($("[name=pay]:checked")?.value === "CASH" && tendered) {
      tendered.focus();
      tendered.select();
    } else sell();
  } else if (field.matches?.("[data-tendered], [data-reference]")) {
    event.preventDefault();
    sell();
  } else if ($("[data-done]") && !field.closest("a, button, input")) {
    event.preventDefault();
    $("[data-next]")?.click();
  } else if (field.id === "q") {
    const list = $("[data-results]");
    if (list && field.value === list.dataset.for) {
      event.preventDefault();
      $("a", list)?.click();
    }
  }
}

function moveInResults(event) {
  const list = $("[data-results]");
  if (!list) return;
  const links = $$("a", list);
  const at = links.indexOf(document.activeElement);
  event.preventDefault();
  if (event.key === "ArrowUp" && at <= 0) $("#q")?.focus();
  else links[Math.min(links.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))]?.focus();
}

function choosePayment(index) {
  const way = $$("[name=pay]")[index];
  if (!way) return;
  way.checked = true;
  way.dispatchEvent(new Event("change", { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  if ($("dialog[open]")) return;
  const { key } = event;
  if (key === "Enter") enter(event);
  else if (key === "F2" || (key === "Escape" && $("[data-customer]"))) {
    event.preventDefault();
    search();
  } else if (key === "F4" && $("[name=unit]")) {
    event.preventDefault();
    $("[name=unit]:not(:checked)").click();
  } else if (["F6", "F7", "F8"].includes(key)) {
    event.preventDefault();
    choosePayment(Number(key[1]) - 6);
  } else if (key === "F9" && $("[data-again]")) {
    event.preventDefault();
    $("[data-again]").click();
  } else if (event.altKey && /^[1-6]$/.test(key)) {
    const button = $$("[data-quick]")[Number(key) - 1];
    if (button) {
      event.preventDefault();
      button.click();
    }
  } else if (key === "ArrowDown" || key === "ArrowUp") moveInResults(event);
});

let resultShown = false;
onHtmx("afterSwap", () => {
  const done = $("[data-done]");
  if (done && !resultShown) {
    quietUntil = performance.now() + QUIET_MS;
    ($("[data-done-title]") || done).focus();
  } else if (!done && $("[data-customer]") && document.activeElement?.id === "q") {
    typedByHand = false;
    focusAmount();
  }
  resultShown = Boolean(done);
  showChange();
});
if ($("[data-customer]")) focusAmount();
