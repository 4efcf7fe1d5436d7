"""Taking purchases back, alone or with a supervisor's approval."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from gridtill.apps.staff.queries import actor_of
from gridtill.apps.vending.operations.reverse import (
    ReversalCase,
    approval_reason,
    decide_reversal,
    request_reversal,
    reverse_vend,
)
from gridtill.apps.vending.queries import counter as reads
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.web.counter.forms import TakeBackForm
from gridtill.web.session import needs


@needs("vend.reverse")
def take_back(request: Any, vend_id: UUID) -> HttpResponse:
    try:
        found = reads.sold(vend_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    needs_approval = approval_reason(found.vend, at=now())
    form = TakeBackForm(request.POST or None, initial={"request_id": new_id()})
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            _take_back(request, vend_id, form, needs_approval=bool(needs_approval))
            return redirect("counter_sold", vend_id=vend_id)
        except Refusal as error:
            refusal = error
    context = {
        "form": form,
        "refusal": refusal,
        "title": _("Take back %(number)s") % {"number": found.vend.number},
        "subtitle": needs_approval,
        "submit_label": _("Ask for approval") if needs_approval else _("Take back"),
    }
    return render(request, "components/form_page.html", context, status=422 if refusal or form.errors else 200)


def _take_back(request: Any, vend_id: UUID, form: TakeBackForm, *, needs_approval: bool) -> None:
    data, at = form.cleaned_data, now()
    if needs_approval:
        request_reversal(
            request_id=data["request_id"], vend_id=vend_id, reason=data["reason"], actor=request.actor, at=at
        )
        messages.success(request, _("Asked for approval. A supervisor finds it among the alerts."))
        return
    shift = reads.open_shift_of(request.user.pk)
    case = ReversalCase(vend_id, shift.pk if shift else 0, data["reason"])
    reverse_vend(request_id=data["request_id"], case=case, actor=request.actor, at=at)
    messages.success(request, _("Taken back. Return the money to the customer."))


@needs("vend.reverse_approve", "vend.reverse")
def waiting(request: Any) -> HttpResponse:
    wishes = reads.waiting_reversals(unit_path=request.actor.unit_path)
    return render(request, "counter/recoveries.html", {"wishes": wishes, "currency": request.utility.currency})


@needs("vend.reverse_approve")
def decide(request: Any, wish_id: UUID) -> HttpResponse:
    wish = reads.waiting_reversals(unit_path=request.actor.unit_path).filter(pk=wish_id).first()
    if wish is None:
        raise Http404
    if request.method == "POST":
        try:
            decide_reversal(
                wish_id=wish_id,
                approve=request.POST.get("decision") == "approve",
                note=request.POST.get("note", "")[:500],
                requester=actor_of(wish.requested_by),
                actor=request.actor,
                at=now(),
            )
            messages.success(request, _("Decided."))
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}")
    return redirect("recoveries")
