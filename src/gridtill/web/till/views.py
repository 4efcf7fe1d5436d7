from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from gridtill.apps.vending.operations.shifts import count_shift, drop_to_safe, open_shift, sign_shift
from gridtill.apps.vending.queries.counter import open_shift_of, shift_documents, till_in_hand
from gridtill.apps.vending.queries.tills import counted_shifts, free_tills, open_shifts, tenders_of
from gridtill.kernel.clock import now
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import exponent, parse_money
from gridtill.web.session import needs
from gridtill.web.shell import TillChip, sources

FACES = (1000, 500, 200, 100, 50, 40, 20, 10, 5, 1)


@needs("vend.sell", "shift.sign")
def till(request: Any, refusal: Refusal | None = None) -> HttpResponse:
    shift = open_shift_of(request.user.pk)
    path = request.actor.unit_path
    context = {
        "shift": shift,
        "tenders": tenders_of(shift.pk) if shift else (),
        "documents": shift_documents(shift.pk).reverse()[:20] if shift else (),
        "free": free_tills(unit_path=path) if not shift and request.actor.may("vend.sell") else (),
        "counted": counted_shifts(unit_path=path) if request.actor.may("shift.sign") else (),
        "others": open_shifts(unit_path=path).exclude(cashier_id=request.actor.id)
        if request.actor.may("shift.sign")
        else (),
        "currency": request.utility.currency,
        "faces": FACES,
        "request_id": new_id(),
        "refusal": refusal,
    }
    return render(request, "till/page.html", context, status=422 if refusal else 200)


def _request_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        raise InvalidValue("The page was not complete. Nothing was changed.", remedy="Load it again.") from None


def _minor(request: Any, field: str) -> int:
    return parse_money(request.POST.get(field, "")[:24] or "0", request.utility.currency).minor


@needs("vend.sell")
def open_till(request: Any) -> HttpResponse:
    if request.method == "POST":
        try:
            open_shift(
                request_id=_request_id(request),
                till_id=_number(request.POST.get("till", "")),
                float_minor=_minor(request, "float"),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            return till(request, refusal)
        messages.success(request, _("The till is open. You can sell."))
    return redirect("counter" if request.method == "POST" else "till")


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise InvalidValue("Choose a till.", field="till")
    return int(text)


@needs("vend.sell")
def drop(request: Any) -> HttpResponse:
    shift = open_shift_of(request.user.pk)
    if request.method == "POST" and shift is not None:
        try:
            drop_to_safe(
                request_id=_request_id(request),
                shift_id=shift.pk,
                amount_minor=_minor(request, "amount"),
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            return till(request, refusal)
        messages.success(request, _("Moved to the safe."))
    return redirect("till")


@needs("vend.sell")
def count(request: Any) -> HttpResponse:
    shift = open_shift_of(request.user.pk)
    if request.method == "POST" and shift is not None:
        try:
            counted = count_shift(
                request_id=_request_id(request),
                shift_id=shift.pk,
                denominations=_denominations(request),
                note=request.POST.get("note", "")[:500],
                actor=request.actor,
                at=now(),
            )
        except Refusal as refusal:
            return till(request, refusal)
        difference = (counted.counted_minor or 0) - (counted.expected_minor or 0)
        if difference == 0:
            messages.success(request, _("Counted, and it agrees. A supervisor signs it now."))
        else:
            messages.warning(request, _("Counted; the difference was noted. A supervisor signs it now."))
    return redirect("till")


@needs("shift.sign")
def count_for(request: Any, shift_id: int) -> HttpResponse:
    """Count the drawer of a cashier who is away."""
    shift = open_shifts(unit_path=request.actor.unit_path).filter(pk=shift_id).first()
    if shift is None:
        raise Http404
    refusal = None
    if request.method == "POST":
        try:
            count_shift(
                request_id=_request_id(request),
                shift_id=shift.pk,
                denominations=_denominations(request),
                note=request.POST.get("note", "")[:500],
                actor=request.actor,
                at=now(),
            )
        except Refusal as error:
            refusal = error
        else:
            messages.success(request, _("Counted. Another supervisor signs it now."))
            return redirect("till")
    context = {
        "shift": shift,
        "faces": FACES,
        "currency": request.utility.currency,
        "request_id": new_id(),
        "refusal": refusal,
    }
    return render(request, "till/count_for.html", context, status=422 if refusal else 200)


def _denominations(request: Any) -> dict[int, int]:
    places = 10 ** exponent(request.utility.currency)
    pieces = {}
    for face in FACES:
        text = request.POST.get(f"face-{face}", "").strip() or "0"
        if not text.isdecimal() or len(text) > 6:
            raise InvalidValue("A count of pieces is a whole number from 0.", field=f"face-{face}")
        pieces[face * places] = int(text)
    rest = _minor(request, "coins")
    if rest:
        pieces[1] = pieces.get(1, 0) + rest
    return pieces


@needs("shift.sign")
def sign(request: Any, shift_id: int) -> HttpResponse:
    if request.method == "POST":
        known = counted_shifts(unit_path=request.actor.unit_path).filter(pk=shift_id).exists()
        if known:
            try:
                sign_shift(shift_id=shift_id, note=request.POST.get("note", ""), actor=request.actor, at=now())
            except Refusal as refusal:
                return till(request, refusal)
            messages.success(request, _("Signed. The shift is closed."))
    return redirect("till")


def _chip(request: Any) -> TillChip | None:
    if not request.actor.may("vend.sell"):
        return None
    found = till_in_hand(request.actor.id)
    return TillChip(*found) if found else None


sources.till = _chip
