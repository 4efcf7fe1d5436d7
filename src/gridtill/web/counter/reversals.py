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
from gridtill.apps.vending.operations.cheques import bounce_cheque
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
from gridtill.usecases.sell import modify_and_issue
from gridtill.web.approval import approver_of
from gridtill.web.counter.forms import ModifyForm, ReturnedChequeForm, TakeBackForm
from gridtill.web.session import needs


@needs("vend.reverse")
def take_back(request: Any, vend_id: UUID) -> HttpResponse:
    found = _purchase(request, vend_id)
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


def _purchase(request: Any, vend_id: UUID) -> reads.Sold:
    try:
        return reads.sold(vend_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None


@needs("vend.reverse")
def modify(request: Any, vend_id: UUID) -> HttpResponse:
    """Take a purchase back and sell the right amount, both or neither."""
    found = _purchase(request, vend_id)
    tender = found.document["tenders"][0]
    initial = {
        "reversal_id": new_id(),
        "request_id": new_id(),
        "pay": tender["kind"],
        "reference": tender["reference"],
    }
    form = ModifyForm(request.POST or None, initial=initial)
    needs_approval = approval_reason(found.vend, at=now()) if found.vend.state == "SOLD" else ""
    if not needs_approval:
        for name in ("approver", "approver_password", "approver_code"):
            del form.fields[name]
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("counter_sold", vend_id=_modified(request, found, form, needed=bool(needs_approval)))
        except Refusal as error:
            refusal = _beside(form, error)
    context = {
        "form": form,
        "refusal": refusal,
        "title": _("Modify %(number)s") % {"number": found.vend.number},
        "subtitle": needs_approval,
        "submit_label": _("Take back and sell the right amount"),
    }
    return render(request, "components/form_page.html", context, status=422 if refusal or form.errors else 200)


def _modified(request: Any, found: reads.Sold, form: ModifyForm, *, needed: bool) -> UUID:
    data, at = form.cleaned_data, now()
    shift = reads.open_shift_of(request.user.pk)
    shift_id = shift.pk if shift else 0
    vend_id = modify_and_issue(
        reversal_id=data["reversal_id"],
        case=ReversalCase(found.vend.pk, shift_id, data["reason"]),
        request_id=data["request_id"],
        order=form.order(agreement_id=found.vend.agreement_id, shift_id=shift_id, currency=request.utility.currency),
        actor=request.actor,
        at=at,
        approver=approver_of(request, form) if needed else None,
    )
    messages.success(request, _("Put right: the old purchase is taken back, this one takes its place."))
    return vend_id


def _beside(form: Any, refusal: Refusal) -> Refusal | None:
    """Put a refusal beside its field; one without a field is shown above the form."""
    if refusal.field not in form.fields:
        return refusal
    form.add_error(refusal.field, f"{refusal.message} {refusal.remedy}".strip())
    return None


@needs("shift.banking")
def cheque_returned(request: Any, vend_id: UUID) -> HttpResponse:
    found = _purchase(request, vend_id)
    form = ReturnedChequeForm(request.POST or None, initial={"request_id": new_id()})
    refusal = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            bounce_cheque(
                request_id=data["request_id"], vend_id=vend_id, reason=data["reason"], actor=request.actor, at=now()
            )
        except Refusal as error:
            refusal = _beside(form, error)
        else:
            messages.success(request, _("Recorded. The customer owes the cheque, and purchases pay it off."))
            return redirect("purchase", vend_id=vend_id)
    context = {
        "form": form,
        "refusal": refusal,
        "title": _("Cheque of %(number)s returned by the bank") % {"number": found.vend.number},
        "subtitle": _("The energy stays sold; the customer owes what the cheque was for."),
        "submit_label": _("Record the returned cheque"),
    }
    return render(request, "components/form_page.html", context, status=422 if refusal or form.errors else 200)
