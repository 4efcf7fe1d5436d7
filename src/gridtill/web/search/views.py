"""The box at the top of every page: customers, meters and receipts, as far as one may see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from gridtill.apps.assets.queries.archive import assets_within
from gridtill.apps.vending.queries.find import find_customers
from gridtill.apps.vending.queries.records import find_purchases, purchase_records
from gridtill.web.session import needs

MOST = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found, and where it leads."""

    url: str
    name: str
    about: str


@needs("archives.view", "vend.sell", "vend.view", "assets.view")
def search(request: Any) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:80]
    groups = [(label, hits) for label, hits in _found(request, text) if hits] if len(text) > 1 else []
    every = [hit for _label, hits in groups for hit in hits]
    if len(every) == 1:
        # One match opens at once, as at the counter.
        return redirect(every[0].url)
    return render(request, "search/page.html", {"q": text, "groups": groups})


def _found(request: Any, text: str) -> list[tuple[str, list[Hit]]]:
    path, may = request.actor.unit_path, request.actor.may
    found = []
    if may("vend.sell") or may("archives.view"):
        found.append((_("Customers"), [_customer(row, sells=may("vend.sell")) for row in _customers(text, path)]))
    if may("assets.view"):
        meters = assets_within("meter", path, text="".join(text.split()))[:MOST]
        found.append((_("Meters"), [_meter(row) for row in meters]))
    if may("vend.view") or may("vend.sell"):
        # Receipts only, whose numbers have a dash; other purchases are found through the customer.
        vends = find_purchases(purchase_records(unit_path=path), text)[:MOST] if "-" in text else ()
        found.append((_("Purchases"), [_vend(row) for row in vends]))
    return found


def _customers(text: str, path: str) -> list[Any]:
    return find_customers(text, unit_path=path)[:MOST]


def _customer(row: Any, *, sells: bool) -> Hit:
    url = f"{reverse('counter')}?customer={row.pk}" if sells else reverse("archive_customer", args=[row.pk])
    return Hit(url, row.name, f"{row.number} · {row.address}")


def _meter(row: Any) -> Hit:
    return Hit(
        reverse("asset", args=["meters", row.pk]), row.number, f"{row.asset_number} · {row.get_status_display()}"
    )


def _vend(row: Any) -> Hit:
    return Hit(reverse("purchase", args=[row.pk]), row.number, f"{row.customer.name} · {row.customer.number}")
