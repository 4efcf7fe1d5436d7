from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gridtill.apps.arrears.queries import debts_of
from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.operations.deliver import issue_token, reveal_token
from gridtill.apps.vending.operations.receipts import count_print
from gridtill.apps.vending.operations.sell import AccountBusy, RequestWithdrawn, withdraw_sale
from gridtill.apps.vending.queries import counter as reads
from gridtill.apps.vending.queries.accounts import agreement_exists
from gridtill.apps.vending.queries.find import customer_within, find_customers
from gridtill.kernel.clock import business_day, month_start, now
from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import format_minor, parse_money
from gridtill.usecases.sell import sell_and_issue
from gridtill.web.counter.forms import SaleForm
from gridtill.web.counter.messages import ways_for
from gridtill.web.session import needs

QUICK = (100, 200, 500, 1000, 2000, 5000)


@needs("vend.sell")
def counter(request: Any) -> HttpResponse:
    shift = reads.open_shift_of(request.user.pk)
    context: dict[str, Any] = {"shift": shift}
    asked = request.GET.get("customer", "")
    if asked.isdecimal() and len(asked) < 19:
        context |= _customer(request, int(asked))
    template = "counter/page.html#stage" if request.htmx else "counter/page.html"
    return render(request, template, context)


def _customer(request: Any, customer_id: int) -> dict[str, Any]:
    try:
        customer = customer_within(customer_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    month = month_start(business_day(now(), request.utility.zone))
    supplies = reads.supplies_of(customer_id, unit_path=request.actor.unit_path, month=month)
    number = request.GET.get("supply", "")
    supply = next((item for item in supplies if str(item.agreement.pk) == number), supplies[0] if supplies else None)
    return {
        "customer": customer,
        "supplies": supplies,
        "supply": supply,
        "debts": [debt for debt in debts_of(customer.account.pk) if debt.status == "OPEN"],
        "latest": reads.latest_vends(customer_id, unit_path=request.actor.unit_path),
        "quick": QUICK,
        "ways": TenderKind.choices,
        "currency": request.utility.currency,
        "request_id": new_id(),
    }


@needs("vend.sell")
def find(request: Any) -> HttpResponse:
    text = request.GET.get("q", "")[:60]
    hits = find_customers(text, unit_path=request.actor.unit_path)
    if len(hits) == 1:
        # One match opens at once: a scanned card or number needs no second key.
        target = f"{reverse('counter')}?customer={hits[0].pk}"
        if request.htmx:
            return HttpResponse(status=204, headers={"HX-Location": f'{{"path": "{target}", "target": "#stage"}}'})
        return redirect(target)
    return render(request, "counter/results.html", {"hits": hits, "q": text})


@needs("vend.sell")
def quote(request: Any, agreement_id: int) -> HttpResponse:
    context = {"currency": request.utility.currency, "typed": request.GET.get("amount", "")}
    try:
        context |= _quoted(request, agreement_id, request.GET)
    except Refusal as refusal:
        context["refusal"] = refusal
    return render(request, "counter/quote.html", context)


def _requoted(request: Any, agreement_id: int) -> dict[str, Any]:
    """Return the price again after a refused sale, so that what was wrong can be put right and sold."""
    try:
        return _quoted(request, agreement_id, request.POST)
    except (Refusal, Http404):
        return {}


def _quoted(request: Any, agreement_id: int, given: Any) -> dict[str, Any]:
    shift_id = reads.open_shift_id(request.actor.id)
    if not shift_id:
        raise Http404
    text = given.get("amount", "")[:24]
    wanted: dict[str, int] = {}
    by_energy = given.get("unit") == "kwh"
    if by_energy:
        wanted["energy_wh"] = parse_kwh(text).wh
    else:
        wanted["minor"] = parse_money(text, request.utility.currency).minor
    at = now()
    try:
        found, basis = reads.quote_sale(agreement_id=agreement_id, shift_id=shift_id, at=at, **wanted)
        if by_energy:
            # Money is what is sold: the sale will price this sum, so the screen shows just that.
            found, basis = reads.quote_sale(
                agreement_id=agreement_id, shift_id=shift_id, at=at, minor=found.tender_minor
            )
    except ObjectDoesNotExist:
        raise Http404 from None
    if not request.actor.reaches(basis.unit_path):
        raise Http404
    tender_text = format_minor(found.tender_minor, request.utility.currency)
    return {"quote": found, "by_energy": by_energy, "tender_text": tender_text}


@needs("vend.sell")
def sell(request: Any, agreement_id: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("counter")
    shift_id = reads.open_shift_id(request.actor.id)
    form = SaleForm(request.POST)
    try:
        request_id, order = form.order(agreement_id=agreement_id, shift_id=shift_id, currency=request.utility.currency)
        vend_id = sell_and_issue(request_id=request_id, order=order, actor=request.actor, at=now())
    except AccountBusy:
        # Not known yet: the page asks until it is.
        return HttpResponse(status=503)
    except Refusal as refusal:
        status = 409 if refusal.code in {"quote_changed", "request_reused"} else 422
        context = {"refusal": refusal, "currency": request.utility.currency, "typed": request.POST.get("amount", "")}
        context |= _requoted(request, agreement_id)
        if refusal.code == RequestWithdrawn.code:
            context["fresh_id"] = new_id()
        answer = render(request, "counter/quote.html", context, status=status)
        answer["HX-Retarget"] = "#quote"
        return answer
    target = reverse("counter_sold", args=[vend_id])
    if not request.htmx:
        return redirect(target)
    answer = render(request, "counter/done.html", _sold(request, vend_id))
    answer["HX-Push-Url"] = target
    return answer


def _sold(request: Any, vend_id: UUID) -> dict[str, Any]:
    try:
        found = reads.sold(vend_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    tenders = found.document["tenders"]
    # Who only reads the books does not see the digits: a token once shown may be used.
    shown = request.actor.may("vend.sell") and found.vend.state == "SOLD" and not found.is_settled
    return {
        "sold": found,
        "token": reveal_token(delivery=found.delivery, at=now()) if shown else "",
        "hidden": found.vend.state == "SOLD" and not shown,
        "settled": found.is_settled,
        "tenders": [{**row, "name": TenderKind(row["kind"]).label} for row in tenders],
        "change_minor": sum(row["received_minor"] - row["amount_minor"] for row in tenders),
        "currency": found.document["currency"],
        "ways": ways_for(found.vend.agreement.usage_point.customer) if found.delivery.token else [],
    }


@needs("vend.sell", "vend.view")
def sold(request: Any, vend_id: UUID) -> HttpResponse:
    """Show a purchase: also what a lost answer leads to, since the address is the request's id."""
    return render(request, "counter/sold_page.html", _sold(request, vend_id))


@needs("vend.sell")
def asked(request: Any, agreement_id: int) -> HttpResponse:
    """Answer whether a request whose answer was lost has sold; if not it never will, and a new id comes with that."""
    if request.method != "POST":
        return redirect("counter")
    try:
        request_id = UUID(request.POST.get("request_id", ""))
    except ValueError:
        return HttpResponse(status=400)
    if not agreement_exists(agreement_id):
        raise Http404
    try:
        is_sold = withdraw_sale(request_id=request_id, agreement_id=agreement_id, actor=request.actor, at=now())
    except Refusal:
        # Not known yet; the page asks again.
        return HttpResponse(status=503)
    address = reverse("counter_sold", args=[request_id])
    return JsonResponse({"sold": True, "address": address} if is_sold else {"sold": False, "request_id": str(new_id())})


@needs("vend.sell")
def issue(request: Any, vend_id: UUID) -> HttpResponse:
    found = _sold(request, vend_id)
    if request.method == "POST" and found["sold"].vend.state == "SOLD":
        try:
            issue_token(vend_id=vend_id, actor=request.actor, at=now())
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}".strip())
    return redirect("counter_sold", vend_id=vend_id)


@needs("vend.sell", "vend.reprint")
def receipt(request: Any, vend_id: UUID) -> HttpResponse:
    if request.method != "POST":
        return redirect("counter_sold", vend_id=vend_id)
    context = _sold(request, vend_id)
    copy = count_print(document_id=context["sold"].document_id, form="html", actor=request.actor, at=now())
    return render(request, "counter/receipt.html", context | {"copy": copy, "utility": request.utility})
