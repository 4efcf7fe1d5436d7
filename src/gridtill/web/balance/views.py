from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.closing import close_day
from gridtill.apps.vending.queries.tills import DayBalance, bureaus, day_balance, day_closes
from gridtill.kernel.clock import business_day, now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import format_minor
from gridtill.web.session import needs


def _day(text: str, default: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return default


@needs("reports.view", "day.close")
def balance(request: Any, refusal: Refusal | None = None) -> HttpResponse:
    path = request.actor.unit_path
    day = _day(request.GET.get("day", "") or request.POST.get("day", ""), business_day(now(), request.utility.zone))
    found = day_balance(day, unit_path=path)
    if request.GET.get("export") == "csv":
        return _csv(found, day, request.utility.currency)
    context = {
        "day": day,
        "balance": found,
        "kinds": dict(TenderKind.choices),
        "currency": request.utility.currency,
        "closes": day_closes(unit_path=path)[:20],
        "bureaus": bureaus(unit_path=path) if request.actor.may("day.close") else (),
        "request_id": new_id(),
        "refusal": refusal,
    }
    return render(request, "balance/page.html", context, status=422 if refusal else 200)


def _csv(found: DayBalance, day: date, currency: str) -> HttpResponse:
    lines = ["day,till,paid by,purchases,sold,taken back,net"]
    for row in found.rows:
        money = (format_minor(minor, currency) for minor in (row.sold_minor, row.reversed_minor, row.net_minor))
        # Names of tills come from people; a quote mark around them keeps commas and formulas harmless.
        name = "'" + row.till if row.till[:1] in "=+-@" else row.till
        lines.append(f'{day},"{name.replace(chr(34), chr(39))}",{row.kind},{row.count},{",".join(money)}')
    answer = HttpResponse("\r\n".join(lines) + "\r\n", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="balance-{day}.csv"'
    return answer


@needs("day.close")
def close(request: Any) -> HttpResponse:
    if request.method != "POST":
        return redirect("daily_balance")
    try:
        done = close_day(
            request_id=_uuid(request.POST.get("request_id", "")),
            bureau_id=_bureau(request),
            day=date.fromisoformat(request.POST.get("day", "")[:10] or "0001-01-01"),
            actor=request.actor,
            at=now(),
        )
    except ValueError:
        return balance(request, InvalidValue("That is not a day."))
    except Refusal as refusal:
        return balance(request, refusal)
    messages.success(request, _("Closed as number %(number)s.") % {"number": done.number})
    return redirect("daily_balance")


def _bureau(request: Any) -> int:
    wanted = request.POST.get("bureau", "")
    found = [unit.pk for unit in bureaus(unit_path=request.actor.unit_path) if str(unit.pk) == wanted]
    if not found:
        raise InvalidValue("Choose a bureau.")
    return found[0]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue("The page was not complete. Nothing was closed.", remedy="Load it again.") from None
