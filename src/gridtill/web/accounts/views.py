"""Opening and cancelling accounts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
import django_tables2
from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gridtill.apps.arrears.queries import debts_of
from gridtill.apps.customers.choices import AgreementStatus
from gridtill.apps.vending.operations.settlement import settlement_of
from gridtill.apps.vending.queries.accounts import (
    agreements_within,
    current_meter_number,
    find_agreements,
    settlement,
)
from gridtill.apps.vending.queries.counter import open_shift_of
from gridtill.kernel.clock import now
from gridtill.kernel.energy import parse_kwh
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id
from gridtill.usecases.close_account import Closing, close_account
from gridtill.usecases.open_account import open_account
from gridtill.web.accounts.forms import CancelForm, OpenForm
from gridtill.web.approval import approver_of
from gridtill.web.columns import CodeColumn, MomentColumn, NameColumn, StateColumn
from gridtill.web.lists import Empty, ListSpec, list_page
from gridtill.web.session import needs


def _address(record: Any) -> str | None:
    """Return where an agreement's next step is taken; one that has ended has none."""
    steps = {AgreementStatus.PENDING: "account_open", AgreementStatus.ACTIVE: "account_cancel"}
    steps[AgreementStatus.PAUSED] = "account_cancel"
    name = steps.get(record.status)
    return reverse(name, args=[record.pk]) if name else None


class AccountTable(django_tables2.Table):
    customer = NameColumn(
        verbose_name=gettext_lazy("Customer"),
        accessor="usage_point__customer__name",
        linkify=_address,
        orderable=False,
    )
    number = CodeColumn(
        verbose_name=gettext_lazy("Customer number"), accessor="usage_point__customer__number", orderable=False
    )
    point = django_tables2.Column(
        verbose_name=gettext_lazy("Metering point"), accessor="usage_point__name", orderable=False
    )
    meter = CodeColumn(verbose_name=gettext_lazy("Meter"), accessor="pk", orderable=False)
    office = django_tables2.Column(
        verbose_name=gettext_lazy("Supply office"), accessor="usage_point__customer__office__name", orderable=False
    )
    tariff = django_tables2.Column(
        verbose_name=gettext_lazy("Tariff"), accessor="pricing_structure__name", orderable=False
    )
    opened_at = MomentColumn(verbose_name=gettext_lazy("Opened"), orderable=False)
    status = StateColumn(verbose_name=gettext_lazy("State"), orderable=False)

    def render_meter(self, record: Any) -> str:
        return current_meter_number(record) or "–"

    def value_meter(self, record: Any) -> str:
        return current_meter_number(record)


class AccountFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        label=gettext_lazy("State"),
        choices=AgreementStatus.choices,
        empty_label=gettext_lazy("All"),
        widget=forms.RadioSelect,
    )


ACCOUNTS = ListSpec(
    name="accounts",
    table=AccountTable,
    filters=AccountFilter,
    search=find_agreements,
    search_hint=gettext_lazy("Customer, meter or telephone number, or name"),
    hidden=("office",),
    fixed=("customer",),
    chips="status",
    empty=Empty(
        gettext_lazy("No customers yet"), gettext_lazy("Add customers and their metering points in the archives first.")
    ),
)


@needs("account.open", "account.close")
def accounts(request: Any) -> HttpResponseBase:
    rows = agreements_within(unit_path=request.actor.unit_path)
    subtitle = _("Newly installed customers are opened; opened ones are cancelled with a settlement.")
    return list_page(request, ACCOUNTS, rows, title=_("Open or cancel account"), subtitle=subtitle)


def _agreement(request: Any, agreement_id: int) -> Any:
    found = agreements_within(unit_path=request.actor.unit_path).filter(pk=agreement_id).first()
    if found is None:
        raise Http404
    return found


def _page(request: Any, template: str, agreement: Any, form: Any, refusal: Refusal | None) -> HttpResponse:
    if refusal is not None and refusal.field in form.fields:
        form.add_error(refusal.field, f"{refusal.message} {refusal.remedy}".strip())
        refusal = None
    context = {
        "agreement": agreement,
        "customer": agreement.usage_point.customer,
        "meter_number": current_meter_number(agreement),
        "form": form,
        "refusal": refusal,
        "shift": open_shift_of(request.actor.id),
        "currency": request.utility.currency,
        "cancel_url": reverse("accounts"),
        "submit_label": _("Open the account") if template == "accounts/open.html" else _("Settle the account"),
    }
    return render(request, template, context, status=422 if refusal or form.errors else 200)


@needs("account.open")
def open_one(request: Any, agreement_id: int) -> HttpResponse:
    agreement = _agreement(request, agreement_id)
    form = OpenForm(request.POST or None, initial={"request_id": new_id()})
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            return _opened(request, agreement, form)
        except Refusal as error:
            refusal = error
    return _page(request, "accounts/open.html", agreement, form, refusal)


def _opened(request: Any, agreement: Any, form: OpenForm) -> HttpResponse:
    shift, currency = open_shift_of(request.actor.id), request.utility.currency
    vend_id = open_account(
        agreement_id=agreement.pk,
        terms=form.terms(),
        actor=request.actor,
        at=now(),
        preload_minor=form.preload_minor(currency),
        first=form.first(agreement_id=agreement.pk, shift_id=shift.pk if shift else 0, currency=currency),
    )
    messages.success(request, _("The account of %(name)s is open.") % {"name": agreement.usage_point.customer.name})
    return redirect("counter_sold", vend_id=vend_id) if vend_id else redirect("accounts")


@needs("account.close")
def cancel(request: Any, agreement_id: int) -> HttpResponse:
    agreement = _agreement(request, agreement_id)
    form = CancelForm(request.POST or None, initial={"request_id": new_id()})
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            request_id = _cancelled(request, agreement, form)
        except Refusal as error:
            refusal = error
        else:
            printing = "?print=1" if form.cleaned_data["print_receipt"] else ""
            return redirect(f"{reverse('account_settled', args=[request_id])}{printing}")
    return _page(request, "accounts/cancel.html", agreement, form, refusal)


def _cancelled(request: Any, agreement: Any, form: CancelForm) -> UUID:
    data, shift = form.cleaned_data, open_shift_of(request.actor.id)
    if shift is None:
        raise InvalidValue(
            _("Your till is closed, and the settlement needs one. Nothing was changed."), remedy=_("Open it first.")
        )
    closing = Closing(
        agreement_id=agreement.pk,
        usage_point_id=agreement.usage_point_id,
        shift_id=shift.pk,
        remaining_wh=_wh(data["remaining"], "remaining"),
        register_wh=_wh(data["register"], "register"),
        password=data["password"],
        reason=data["reason"],
        password_waived=data["waived"],
    )
    agreed = approver_of(request, form) if data["approver"].strip() else None
    close_account(request_id=form.request(), closing=closing, actor=request.actor, at=now(), approver=agreed)
    messages.success(request, _("The account is cancelled and the meter is free."))
    return form.request()


def _wh(text: str, field: str) -> int:
    try:
        wh = parse_kwh(text).wh
    except Refusal as refusal:
        raise InvalidValue(refusal.message, remedy=refusal.remedy, field=field) from None
    if wh < 0:
        raise InvalidValue(_("A meter shows no fewer than 0 kWh."), field=field)
    return wh


@needs("account.close")
def worth(request: Any, agreement_id: int) -> HttpResponse:
    """Show what the account would come to, and change nothing."""
    agreement = _agreement(request, agreement_id)
    context: dict[str, Any] = {"currency": request.utility.currency}
    try:
        debt = sum(debt.remaining_minor for debt in debts_of(agreement.account_id) if debt.status == "OPEN")
        context["settlement"] = settlement_of(agreement.pk, _wh(request.GET.get("remaining", ""), "remaining"), debt)
    except Refusal as refusal:
        context["refusal"] = refusal
    except ObjectDoesNotExist:
        raise Http404 from None
    return render(request, "accounts/worth.html", context)


@needs("account.close")
def settled(request: Any, request_id: UUID) -> HttpResponse:
    try:
        found = settlement(request_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    return render(request, "accounts/settled.html", {"found": found, "currency": request.utility.currency})
