from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import FileResponse, Http404, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.closing import close_day
from gridtill.apps.vending.queries.counter import till_in_hand
from gridtill.apps.vending.queries.records import BalanceConditions, DayBalance, day_balance, report_choices
from gridtill.apps.vending.queries.tills import bureaus, closed_day, day_closes
from gridtill.kernel.clock import business_day, now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import format_minor
from gridtill.reports.exporters import CSV_TYPE, XLSX_TYPE, write_csv, write_xlsx
from gridtill.web.balance.forms import ConditionsForm
from gridtill.web.session import needs


@needs("reports.view", "day.close")
def balance(request: Any, refusal: Refusal | None = None) -> HttpResponseBase:
    path = request.actor.unit_path
    given = request.POST if refusal else request.GET
    form = ConditionsForm(
        given, choices=report_choices(unit_path=path), today=business_day(now(), request.utility.zone)
    )
    context: dict[str, Any] = {
        "form": form,
        "currency": request.utility.currency,
        "closes": day_closes(unit_path=path)[:20],
        "bureaus": bureaus(unit_path=path) if request.actor.may("day.close") else (),
        "request_id": new_id(),
        "refusal": refusal,
    }
    if till_in_hand(request.actor.id) and not request.actor.may("shift.sign"):
        # Who still has a drawer to count is not told what it should hold.
        return render(request, "balance/page.html", context | {"uncounted": True})
    if not form.is_valid():
        return render(request, "balance/page.html", context, status=422)
    conditions = form.conditions()
    found = day_balance(conditions, unit_path=path)
    if request.GET.get("export") in {"csv", "xlsx"}:
        return _file(request, found, conditions)
    context |= {
        "balance": found,
        "rows": [(row, TenderKind(row.kind).label, _drill(conditions, row.till_id, row.kind)) for row in found.rows],
        "one_day": conditions.first if conditions.first == conditions.last else None,
        "query": urlencode({name: value for name, value in form.data.items() if value}),
    }
    return render(request, "balance/page.html", context, status=422 if refusal else 200)


def _drill(conditions: BalanceConditions, till_id: int, kind: str) -> str:
    """Return the address of the purchases behind a row."""
    wanted = {
        "first": conditions.first.isoformat(),
        "last": conditions.last.isoformat(),
        "till": till_id,
        "kind": kind,
        "office": conditions.office_id or "",
        "cashier": conditions.cashier_id or "",
    }
    return f"{reverse('purchases')}?{urlencode({name: value for name, value in wanted.items() if value})}"


def _file(request: Any, found: DayBalance, conditions: BalanceConditions) -> HttpResponseBase:
    currency = request.utility.currency
    header = [_("From day"), _("To day"), _("Till"), _("Paid by"), _("Purchases"), _("Sold"), _("Taken back"), _("Net")]

    def rows() -> Iterator[list[object]]:
        for row in found.rows:
            sums = (row.sold_minor, row.reversed_minor, row.net_minor)
            yield [
                *(conditions.first, conditions.last, row.till, str(TenderKind(row.kind).label), row.count),
                *(Decimal(format_minor(minor, currency)) for minor in sums),
            ]

    zone = timezone.get_current_timezone()
    name = f"balance-{conditions.first}-{conditions.last}"
    if request.GET["export"] == "xlsx":
        book = write_xlsx(header, rows(), zone=zone)
        return FileResponse(book, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)
    answer = StreamingHttpResponse(write_csv(header, rows(), zone=zone), content_type=CSV_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


@needs("day.close")
def close(request: Any) -> HttpResponseBase:
    if request.method != "POST":
        return redirect("daily_balance")
    try:
        done = close_day(
            request_id=_uuid(request.POST.get("request_id", "")),
            bureau_id=_bureau(request),
            day=_day(request.POST.get("day", "")),
            actor=request.actor,
            at=now(),
        )
    except Refusal as refusal:
        return balance(request, refusal)
    messages.success(request, _("Closed as number %(number)s.") % {"number": done.number})
    return redirect("day_closed", close_id=done.pk)


@needs("reports.view", "day.close")
def closed(request: Any, close_id: UUID) -> HttpResponseBase:
    """Show a closed day as it was written; nothing in it is worked out anew."""
    try:
        found = closed_day(close_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    content = json.loads(found.payload)
    tills = [
        {
            "code": code,
            "head": content["heads"][code],
            "totals": totals,
            "tenders": [(TenderKind(kind).label, minor) for kind, minor in totals["tenders"].items()],
        }
        for code, totals in content["totals"].items()
    ]
    context = {
        "close": found,
        "content": content,
        "tills": tills,
        "idle": [till["code"] for till in tills if till["head"]["last"] < till["head"]["first"]],
        "currency": request.utility.currency,
    }
    return render(request, "balance/closed.html", context)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise InvalidValue(_("That is not a day. Nothing was closed."), field="day") from None


def _bureau(request: Any) -> int:
    wanted = request.POST.get("bureau", "")
    found = [unit.pk for unit in bureaus(unit_path=request.actor.unit_path) if str(unit.pk) == wanted]
    if not found:
        raise InvalidValue(_("Choose a bureau. Nothing was closed."), field="bureau")
    return found[0]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue(_("The page was not complete. Nothing was closed."), remedy=_("Load it again.")) from None
