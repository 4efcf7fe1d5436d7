from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gridtill.apps.notices.queries import current_notices
from gridtill.apps.vending.queries.counter import till_in_hand
from gridtill.apps.vending.queries.desktop import AlertCounts, DaySales, alert_counts, daily_sales
from gridtill.kernel.clock import business_day, now
from gridtill.kernel.money import exponent
from gridtill.web.shell import sources, url_of

DAYS = 14


def desktop(request: Any) -> HttpResponse:
    at = now()
    today = business_day(at, request.utility.zone)
    context = {
        **(_figures(request, today) if _sees_figures(request) else {}),
        "currency": request.utility.currency,
        "alerts": _alerts(_counts(request)),
        "notices": current_notices(request.actor.unit_path, at)[:10],
        "is_demo": request.utility.is_demo,
    }
    template = "desktop/page.html#chart" if request.htmx and _sees_figures(request) else "desktop/page.html"
    return render(request, template, context)


def _sees_figures(request: Any) -> bool:
    return bool(request.actor.may("reports.view") or request.actor.may("vend.view"))


def _figures(request: Any, today: date) -> dict[str, Any]:
    sales = daily_sales(request.actor.unit_path, today - timedelta(days=DAYS - 1), today)
    statistics = _statistics(sales, request.utility.currency)
    # Who still has a drawer to count is not told what it should hold.
    uncounted = bool(till_in_hand(request.actor.id)) and not request.actor.may("shift.sign")
    if uncounted:
        statistics = [item for item in statistics if item["kind"] != "money"]
    kind = request.GET.get("show", "money")
    chosen = next((item for item in statistics if item["kind"] == kind), statistics[0])
    return {
        "today": sales[-1],
        "uncounted": uncounted,
        "statistics": statistics,
        "chosen": chosen,
        "chart": json.dumps(chosen["chart"]),
        "table": zip(chosen["chart"]["x"], chosen["chart"]["series"][0]["data"], strict=True),
    }


def _statistics(sales: list[DaySales], currency: str) -> list[dict[str, Any]]:
    places = 10 ** exponent(currency)
    days = [date_format(item.day, "j M") for item in sales]
    kinds = (
        ("money", "cash", _("Sales"), currency, [item.minor // places for item in sales]),
        ("energy", "bolt", _("Energy sold"), "kWh", [item.energy_wh // 1000 for item in sales]),
        ("count", "receipt", _("Purchases"), "", [item.count for item in sales]),
    )
    return [
        {
            "kind": kind,
            "icon": icon,
            "label": label,
            "chart": {"x": days, "unit": unit, "series": [{"name": label, "type": "bar", "data": data}]},
        }
        for kind, icon, label, unit, data in kinds
    ]


def _alerts(counts: AlertCounts) -> list[dict[str, Any]]:
    found = (
        (
            counts.unknown,
            "danger",
            ngettext("%d token without an answer", "%d tokens without an answer", counts.unknown),
            "purchases",
        ),
        (
            counts.undelivered,
            "danger",
            ngettext("%d paid purchase without a token", "%d paid purchases without a token", counts.undelivered),
            "purchases",
        ),
        (
            counts.waiting_reversals,
            "warning",
            ngettext("%d recovery waits for approval", "%d recoveries wait for approval", counts.waiting_reversals),
            "recoveries",
        ),
        (
            counts.unsigned_shifts,
            "warning",
            ngettext("%d shift waits for a signature", "%d shifts wait for a signature", counts.unsigned_shifts),
            "till",
        ),
        (
            counts.waiting_engineering,
            "warning",
            ngettext(
                "%d engineering act waits for approval",
                "%d engineering acts wait for approval",
                counts.waiting_engineering,
            ),
            "engineering",
        ),
    )
    narrowed = {"purchases": "?delivery=OPEN", "engineering": "?state=REQUESTED"}
    return [
        {"level": level, "text": text % count, "url": f"{url_of(name)}{narrowed.get(name, '')}"}
        for count, level, text, name in found
        if count
    ]


def _counts(request: Any) -> AlertCounts:
    return alert_counts(request.actor.unit_path, with_engineering=request.actor.may("tokens.approve"))


def _alert_total(request: Any) -> int:
    counts = _counts(request)
    waiting = counts.waiting_reversals + counts.unsigned_shifts + counts.waiting_engineering
    return counts.unknown + counts.undelivered + waiting


sources.alert_count = _alert_total
