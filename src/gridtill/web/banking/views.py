"""Signed shifts on their way to the bank."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from gridtill.apps.vending.operations.closing import Slip, bank_shifts, confirm_arrival, takings
from gridtill.apps.vending.queries.tills import bankable_shifts, banking_batches
from gridtill.kernel.clock import now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.web.session import needs

MOST_SHIFTS = 200


@needs("shift.banking")
def banking(request: Any) -> HttpResponse:
    refusal = None
    if request.method == "POST":
        try:
            batch = bank_shifts(
                request_id=_uuid(request.POST.get("request_id", "")),
                shift_ids=_chosen(request),
                slip=Slip(request.POST.get("bank", ""), request.POST.get("slip_number", "")),
                actor=request.actor,
                at=now(),
            )
        except Refusal as error:
            refusal = error
        else:
            messages.success(request, _("Batch %(number)s is on its way to the bank.") % {"number": batch.number})
            return redirect("banking")
    path = request.actor.unit_path
    shifts = [(shift, *takings(shift)) for shift in bankable_shifts(unit_path=path)[:MOST_SHIFTS]]
    context = {
        "shifts": shifts,
        "page": Paginator(banking_batches(unit_path=path), 25).get_page(request.GET.get("page")),
        "typed": request.POST if refusal else {},
        "chosen": set(request.POST.getlist("shift")) if refusal else set(),
        "request_id": (refusal and request.POST.get("request_id")) or new_id(),
        "currency": request.utility.currency,
        "refusal": refusal,
    }
    return render(request, "banking/page.html", context, status=422 if refusal else 200)


def _chosen(request: Any) -> list[int]:
    """Return the ticked shifts that the operator may see; others are as if they were not there."""
    known = set(bankable_shifts(unit_path=request.actor.unit_path).values_list("pk", flat=True))
    return [
        pk
        for text in request.POST.getlist("shift")
        if text.isdecimal() and len(text) < 19 and (pk := int(text)) in known
    ]


@needs("shift.banking")
def arrived(request: Any, batch_id: UUID) -> HttpResponse:
    if request.method == "POST":
        if not banking_batches(unit_path=request.actor.unit_path).filter(pk=batch_id).exists():
            raise Http404
        try:
            batch = confirm_arrival(batch_id=batch_id, actor=request.actor, at=now())
            messages.success(request, _("The bank has batch %(number)s.") % {"number": batch.number})
        except Refusal as refusal:
            messages.error(request, refusal.message)
    return redirect("banking")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidValue(_("The page was not complete. Nothing was banked."), remedy=_("Load it again.")) from None
