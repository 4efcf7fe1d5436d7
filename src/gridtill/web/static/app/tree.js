// A tree after the WAI-ARIA pattern: arrows, Home and End, type-ahead, children fetched when opened.
// Markup: ul[role=tree][data-tree][data-target="#detail"] with li[role=treeitem][data-node][data-href],
// data-lazy for the address of its children; [data-tree-filter] narrows what is shown.
import { $, $$ } from "./ui.js";

function start(tree) {
  const items = () =>
    $$("[role=treeitem]", tree).filter(
      (item) => !item.hidden && !item.parentElement.closest('[aria-expanded="false"]'),
    );

  function focus(item) {
    for (const other of $$('[tabindex="0"]', tree)) other.tabIndex = -1;
    item.tabIndex = 0;
    item.focus();
  }

  async function open(item, wanted) {
    if (!item.hasAttribute("aria-expanded")) return;
    item.setAttribute("aria-expanded", String(wanted));
    const group = $(":scope > ul", item);
    if (wanted && item.dataset.lazy && !group.children.length) {
      await htmx.ajax("GET", item.dataset.lazy, { target: group, swap: "innerHTML" });
    }
  }

  function select(item) {
    for (const other of $$('[aria-selected="true"]', tree)) other.setAttribute("aria-selected", "false");
    item.setAttribute("aria-selected", "true");
    focus(item);
    if (!item.dataset.href) return;
    if (!tree.dataset.target) {
      location.assign(item.dataset.href);
      return;
    }
    history.pushState(null, "", item.dataset.href);
    htmx.ajax("GET", item.dataset.href, { target: tree.dataset.target, swap: "innerHTML" });
  }

  tree.addEventListener("click", (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (!item) return;
    if (event.target.closest(".tw")) open(item, item.getAttribute("aria-expanded") !== "true");
    else select(item);
  });

  let typed = "";
  let typedAt = 0;
  function typeAhead(key, shown, from) {
    typed = Date.now() - typedAt < 700 ? typed + key : key;
    typedAt = Date.now();
    const found = [...shown.slice(from + 1), ...shown].find((item) =>
      $(".tl", item).textContent.trim().toLowerCase().startsWith(typed.toLowerCase()),
    );
    if (found) focus(found);
  }

  function inward(item, next) {
    if (item.getAttribute("aria-expanded") === "false") open(item, true);
    else if (item.getAttribute("aria-expanded") === "true" && next) focus(next);
  }

  function outward(item) {
    const parent = item.parentElement.closest("[role=treeitem]");
    if (item.getAttribute("aria-expanded") === "true") open(item, false);
    else if (parent) focus(parent);
  }

  tree.addEventListener("keydown", (event) => {
    const item = event.target.closest("[role=treeitem]");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = items();
    const at = shown.indexOf(item);
    const rtl = document.dir === "rtl";
    const key = event.key;
    if (key === "ArrowDown") focus(shown[Math.min(at + 1, shown.length - 1)]);
    else if (key === "ArrowUp") focus(shown[Math.max(at - 1, 0)]);
    else if (key === "Home") focus(shown[0]);
    else if (key === "End") focus(shown.at(-1));
    else if (key === (rtl ? "ArrowLeft" : "ArrowRight")) inward(item, shown[at + 1]);
    else if (key === (rtl ? "ArrowRight" : "ArrowLeft")) outward(item);
    else if (key === "Enter" || key === " ") select(item);
    else if (key.length === 1) typeAhead(key, shown, at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  if (!$('[tabindex="0"]', tree)) $("[role=treeitem]", tree)?.setAttribute("tabindex", "0");
  const filter = $("[data-tree-filter]", tree.closest(".treebox") || document);
  filter?.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const item of $$("[role=treeitem]", tree)) {
      item.hidden = Boolean(wanted) && !item.textContent.toLowerCase().includes(wanted);
    }
  });
}

$$("[data-tree]").forEach(start);
// What the detail shows follows the address, so going back must show it again.
addEventListener("popstate", () => {
  if ($("[data-tree]")) location.reload();
});
