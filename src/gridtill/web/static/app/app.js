// Behaviours of the frame around every page. No inline handlers and no eval anywhere.
import { $, $$, confirmBox, onHtmx, typing } from "./ui.js";

// --- every write carries the CSRF token -------------------------------------------------
onHtmx("configRequest", (event) => {
  const headers = event.detail.headers || event.detail.ctx?.request?.headers;
  if (headers) headers["X-CSRFToken"] = document.body.dataset.csrf;
});

// --- theme ------------------------------------------------------------------------------
$("[data-theme-toggle]")?.addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  document.cookie = `gridtill_theme=${root.dataset.bsTheme};path=/;max-age=31536000;samesite=lax`;
  document.dispatchEvent(new Event("themechange"));
});

// --- side menu on narrow screens --------------------------------------------------------
const side = $("#side");
const opener = $("[data-side]");
function openSide(open) {
  side.classList.toggle("open", open);
  opener?.setAttribute("aria-expanded", String(open));
  if (open) $("nav a", side)?.focus();
  else opener?.focus();
}
opener?.addEventListener("click", () => openSide(!side.classList.contains("open")));
$("[data-side-close]")?.addEventListener("click", () => openSide(false));

// --- toasts -----------------------------------------------------------------------------
const toasts = $("[data-toasts]");
function showToast({ text, tone = "info", ms = 6000 }) {
  const box = document.createElement("div");
  box.className = `toast-x toast-${tone}`;
  box.textContent = text;
  toasts.append(box);
  if (tone !== "error") setTimeout(() => box.remove(), ms);
  else box.addEventListener("click", () => box.remove());
}
document.addEventListener("gridtill:toast", (event) => showToast(event.detail));
// The server sends one with the header HX-Trigger: {"toast": {"text": …}}.
document.addEventListener("toast", (event) => showToast(event.detail));
$$("[data-toast]", toasts).forEach((box) => setTimeout(() => box.remove(), 7000));
toasts?.addEventListener("click", (event) => event.target.closest("[data-toast-close]")?.closest(".toast-x").remove());

// --- confirmation: data-confirm="text" on a form, button or link --------------------------
const sure = new WeakSet();
const asked = (element) => ({
  title: element.dataset.confirmTitle,
  yes: element.dataset.confirmYes,
  danger: element.hasAttribute("data-danger"),
});
document.addEventListener(
  "click",
  async (event) => {
    const element = event.target.closest("a[data-confirm], button[data-confirm]");
    if (!element || sure.has(element)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await confirmBox(element.dataset.confirm, asked(element)))) return;
    sure.add(element);
    element.click();
    sure.delete(element);
  },
  true,
);
document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    if (!form.dataset.confirm || sure.has(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    if (!(await confirmBox(form.dataset.confirm, asked(form)))) return;
    sure.add(form);
    form.requestSubmit(submitter);
    sure.delete(form);
  },
  true,
);

// --- a form with data-once is sent once: its buttons are dead until the page changes -------
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-once") || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  // Disabling at once would drop the pressed button's own value from what is sent.
  setTimeout(() => {
    for (const button of $$("button", form)) {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    }
  });
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of $$("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of $$("button", form)) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  }
});

// --- keys -------------------------------------------------------------------------------
const keysDialog = $("[data-keys]");
$("[data-help]")?.addEventListener("click", () => keysDialog.showModal());
let pressedG = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && side?.classList.contains("open")) openSide(false);
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "/") {
    event.preventDefault();
    $("#gs")?.focus();
  } else if (event.key === "?") {
    keysDialog.showModal();
  } else if (event.key === "g") {
    pressedG = Date.now();
  } else if (Date.now() - pressedG < 900) {
    pressedG = 0;
    $(`.side [data-go="${CSS.escape(event.key)}"]`)?.click();
  }
});

// --- the line to the server -----------------------------------------------------------------
const banner = $("[data-offline]");
const offline = (down) => {
  if (!banner) return;
  banner.hidden = !down;
  document.body.toggleAttribute("data-offline-now", down);
};
onHtmx("sendError", () => offline(true));
onHtmx("timeout", () => offline(true));
onHtmx("afterRequest", (event) => {
  if (event.detail.successful || event.detail.xhr?.status) offline(false);
});
addEventListener("offline", () => offline(true));
addEventListener("online", () => offline(false));
onHtmx("responseError", (event) => {
  const status = event.detail.xhr?.status;
  // Signed out meanwhile: loading the page again leads to the way back in.
  if (status === 401) location.reload();
  else if (status === 403) showToast({ text: toasts.dataset.forbidden, tone: "error" });
  else if (status >= 500) showToast({ text: toasts.dataset.broken, tone: "error" });
});

// --- lists: choosing rows shows what may be done with them ------------------------------------
function bulk(form) {
  const boxes = $$("input[name=chosen]", form);
  const chosen = boxes.filter((box) => box.checked).length;
  const bar = $("[data-bulk-bar]", form);
  if (bar) {
    bar.hidden = chosen === 0;
    $("[data-bulk-count]", bar).textContent = String(chosen);
  }
  const all = $("[data-choose-all]", form);
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-bulk]");
  if (!form) return;
  if (event.target.matches("[data-choose-all]")) {
    for (const box of $$("input[name=chosen]", form)) box.checked = event.target.checked;
  }
  bulk(form);
});

// --- lists: arrows move between rows, Escape closes an open panel -----------------------------
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const panel = event.target.closest?.("details.more-f[open]");
    if (panel) {
      panel.open = false;
      $("summary", panel).focus();
    }
    return;
  }
  if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const link = event.target.closest?.("tbody a[data-row]");
  if (!link) return;
  const links = $$("a[data-row]", link.closest("tbody"));
  const next = links[links.indexOf(link) + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});
document.addEventListener("click", (event) => {
  for (const panel of $$("details.more-f[open]")) if (!panel.contains(event.target)) panel.open = false;
  if (event.target.closest("[data-print]")) print();
  const copied = event.target.closest("[data-copy]");
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy).then(() => showToast({ text: copied.dataset.copied || "✓" }));
});

if ($("[data-print-now]")) addEventListener("load", () => print(), { once: true });
