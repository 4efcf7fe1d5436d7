"""Customers, their metering points and the meters at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_filters
import django_tables2
from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from gridtill.apps.audit.queries import records_of
from gridtill.apps.customers.choices import CustomerStatus
from gridtill.apps.customers.operations import (
    CustomerChange,
    NewCustomer,
    NewUsagePoint,
    UsagePointChange,
    add_customer,
    add_usage_point,
    delete_customer,
    delete_usage_point,
    install_meter,
    modify_customer,
    modify_usage_point,
    remove_meter,
    set_paused,
)
from gridtill.apps.customers.queries import customers_within, find_customers_in, meter_numbers_of, points_within
from gridtill.apps.network.queries import transformers_within
from gridtill.apps.pricing.queries import structures
from gridtill.kernel.clock import now
from gridtill.kernel.energy import format_kwh, parse_kwh
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.money import format_minor
from gridtill.web.archives.forms import (
    CustomerForm,
    InstallForm,
    NewCustomerForm,
    NewPointForm,
    PointForm,
    ReasonForm,
    RemoveForm,
)
from gridtill.web.columns import CodeColumn, NameColumn, StateColumn
from gridtill.web.form_pages import form_page
from gridtill.web.lists import Action, Empty, ListSpec, list_page
from gridtill.web.session import needs

_PLAIN = (
    *("name", "phone", "phone_second", "email", "address", "id_document", "settlement_name", "legacy_number"),
    *("customer_class", "trade_code", "contract_capacity_w", "language", "notice_channel", "is_tax_exempt"),
)
_OF_POINT = (
    *("name", "address", "property", "kind", "voltage_kv", "phase_configuration", "measuring_mode", "ct_ratio"),
    *("pt_ratio", "capacity_w", "load_class", "purchase_mode", "is_main", "counts_for_losses", "is_billable"),
)


class CustomerTable(django_tables2.Table):
    name = NameColumn(verbose_name=_("Customer"), linkify=lambda record: reverse("archive_customer", args=[record.pk]))
    number = CodeColumn(verbose_name=_("Number"))
    address = django_tables2.Column(verbose_name=_("Address"), orderable=False)
    phone = django_tables2.Column(verbose_name=_("Phone"), orderable=False)
    meters = CodeColumn(verbose_name=_("Meter"), accessor="pk", orderable=False)
    transformer = django_tables2.Column(verbose_name=_("Transformer"), accessor="transformer__code", orderable=False)
    office = django_tables2.Column(verbose_name=_("Supply office"), accessor="office__name", orderable=False)
    customer_class = django_tables2.Column(verbose_name=_("Category"), orderable=False)
    status = StateColumn(verbose_name=_("State"), orderable=False)

    def render_meters(self, record: Any) -> str:
        return ", ".join(meter_numbers_of(record)) or "–"

    def value_meters(self, record: Any) -> str:
        return ", ".join(meter_numbers_of(record))


class CustomerFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        label=_("State"), choices=CustomerStatus.choices, empty_label=_("All"), widget=forms.RadioSelect
    )


CUSTOMERS = ListSpec(
    name="customers",
    table=CustomerTable,
    filters=CustomerFilter,
    search=find_customers_in,
    search_hint=_("Number, meter, phone or name"),
    hidden=("office", "customer_class", "phone"),
    fixed=("name",),
    chips="status",
    empty=Empty(
        _("No customers here yet"), _("Open a transformer in the network, and add the first one there."), icon="users"
    ),
)


@needs("archives.view")
def customers(request: Any) -> HttpResponseBase:
    return list_page(
        request,
        CUSTOMERS,
        customers_within(request.actor.unit_path),
        title=_("Customers"),
        actions=[Action(_("Network"), reverse("archives"), "hierarchy-2")],
    )


PICKED_AT_ONCE = 20


@needs("archives.view", "debt.edit", "account.open")
def pick(request: Any) -> HttpResponse:
    """Answer the rows of the dialog that picks a customer; what is taken is the customer's number."""
    text = request.GET.get("q", "").strip()[:80]
    found = find_customers_in(customers_within(request.actor.unit_path), text)[:PICKED_AT_ONCE] if text else ()
    rows = [
        {
            "value": row.number,
            "label": row.name,
            "detail": " · ".join(part for part in (row.number, row.address, *meter_numbers_of(row)) if part),
            "state": row.status,
            "state_label": row.get_status_display(),
        }
        for row in found
    ]
    return render(request, "components/picker_rows.html", {"rows": rows, "q": text})


def _customer(request: Any, customer_id: int) -> Any:
    return get_object_or_404(customers_within(request.actor.unit_path), pk=customer_id)


def _point(request: Any, point_id: int) -> Any:
    return get_object_or_404(points_within(request.actor.unit_path), pk=point_id)


@needs("archives.view")
def customer(request: Any, customer_id: int) -> HttpResponse:
    found = _customer(request, customer_id)
    context = {
        "customer": found,
        "points": list(points_within(request.actor.unit_path).filter(customer_id=found.pk)),
        "history": records_of("customers.customer", found.pk)[:20],
        "may_edit": request.actor.may("archives.edit"),
        "currency": request.utility.currency,
    }
    return render(request, "archives/customer.html", context)


def _price_lists() -> list[tuple[int, str]]:
    return [(row.pk, row.name) for row in structures()]


@needs("archives.edit")
def add(request: Any, transformer_id: int) -> HttpResponse:
    transformer = get_object_or_404(transformers_within(request.actor.unit_path), pk=transformer_id)
    form = NewCustomerForm(request.POST or None)
    made: list[int] = []

    def act() -> None:
        new = NewCustomer(transformer_id=transformer.pk, **form.cleaned_data)
        made.append(add_customer(new=new, actor=request.actor, at=now()).pk)

    back = reverse("archive_transformer", args=[transformer.pk])
    done = _t("The customer is added. Add a metering point next.")
    answer = form_page(
        request, form, act, done, title=_t("Add customer"), back=back, subtitle=f"{transformer.code} {transformer.name}"
    )
    return redirect("archive_customer", customer_id=made[0]) if made else answer


@needs("archives.edit")
def modify(request: Any, customer_id: int) -> HttpResponse:
    found = _customer(request, customer_id)
    initial = {name: getattr(found, name) for name in (*_PLAIN, "version")}
    form = CustomerForm(request.POST or None, initial=initial)

    def act() -> None:
        values = {name: form.cleaned_data[name] for name in _PLAIN}
        modify_customer(
            customer_id=found.pk,
            version=form.cleaned_data["version"],
            change=CustomerChange(**values),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_customer", args=[found.pk])
    return form_page(
        request,
        form,
        act,
        _t("Saved."),
        title=_t("Modify customer"),
        back=back,
        subtitle=f"{found.number} {found.name}",
    )


@needs("archives.edit")
def delete(request: Any, customer_id: int) -> HttpResponse:
    found = _customer(request, customer_id)
    if request.method != "POST":
        return redirect("archive_customer", customer_id=found.pk)
    try:
        delete_customer(customer_id=found.pk, actor=request.actor, at=now())
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.remedy}")
        return redirect("archive_customer", customer_id=found.pk)
    messages.success(request, _t("The customer was deleted."))
    return redirect("archive_transformer", transformer_id=found.transformer_id)


@needs("archives.edit")
def add_point(request: Any, customer_id: int) -> HttpResponse:
    found = _customer(request, customer_id)
    form = NewPointForm(request.POST or None, structures=_price_lists())

    def act() -> None:
        new = NewUsagePoint(customer_id=found.pk, **form.cleaned_data)
        add_usage_point(new=new, actor=request.actor, at=now())

    back = reverse("archive_customer", args=[found.pk])
    done = _t("The metering point is added. Install a meter next.")
    return form_page(
        request, form, act, done, title=_t("Add metering point"), back=back, subtitle=f"{found.number} {found.name}"
    )


@needs("archives.edit")
def modify_point(request: Any, point_id: int) -> HttpResponse:
    point, currency = _point(request, point_id), request.utility.currency
    initial = {name: getattr(point, name) for name in (*_OF_POINT, "version")}
    initial["structure_id"] = point.agreement.pricing_structure_id
    money, energy = point.agreement.purchase_maximum_minor, point.agreement.energy_maximum_wh
    initial["purchase_maximum"] = "" if money is None else format_minor(money, currency)
    initial["energy_maximum"] = "" if energy is None else format_kwh(energy)
    form = PointForm(request.POST or None, initial=initial, structures=_price_lists())

    def act() -> None:
        modify_usage_point(
            usage_point_id=point.pk,
            version=form.cleaned_data["version"],
            change=UsagePointChange(**form.values(currency)),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_customer", args=[point.customer_id])
    return form_page(
        request, form, act, _t("Saved."), title=_t("Modify metering point"), back=back, subtitle=f"{point.number}"
    )


def _act_on_point(request: Any, point: Any, act: Callable[[], object], done: str) -> HttpResponse:
    if request.method == "POST":
        try:
            act()
            messages.success(request, done)
        except Refusal as refusal:
            messages.error(request, f"{refusal.message} {refusal.remedy}")
    return redirect("archive_customer", customer_id=point.customer_id)


@needs("archives.edit")
def delete_point(request: Any, point_id: int) -> HttpResponse:
    point = _point(request, point_id)

    def act() -> None:
        delete_usage_point(usage_point_id=point.pk, actor=request.actor, at=now())

    return _act_on_point(request, point, act, _t("The metering point was deleted."))


def _register(form: forms.Form) -> int:
    wh = parse_kwh(form.cleaned_data["register"]).wh
    if wh < 0:
        raise InvalidValue(_t("A meter shows no fewer than 0 kWh."), field="register")
    return wh


@needs("archives.edit")
def install(request: Any, point_id: int) -> HttpResponse:
    point = _point(request, point_id)
    form = InstallForm(request.POST or None)

    def act() -> None:
        install_meter(
            usage_point_id=point.pk,
            meter_number=form.cleaned_data["meter_number"].replace(" ", ""),
            register_wh=_register(form),
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_customer", args=[point.customer_id])
    done = _t("The meter is installed.")
    return form_page(request, form, act, done, title=_t("Install a meter"), back=back, subtitle=str(point))


@needs("archives.edit")
def remove(request: Any, point_id: int) -> HttpResponse:
    point = _point(request, point_id)
    form = RemoveForm(request.POST or None)

    def act() -> None:
        remove_meter(usage_point_id=point.pk, register_wh=_register(form), actor=request.actor, at=now())

    back = reverse("archive_customer", args=[point.customer_id])
    done = _t("The meter is removed.")
    return form_page(request, form, act, done, title=_t("Remove the meter"), back=back, subtitle=str(point))


@needs("archives.edit")
def pause(request: Any, point_id: int) -> HttpResponse:
    point = _point(request, point_id)
    paused = point.agreement.status != "PAUSED"
    form = ReasonForm(request.POST or None)

    def act() -> None:
        set_paused(
            agreement_id=point.agreement.pk,
            paused=paused,
            reason=form.cleaned_data["reason"],
            actor=request.actor,
            at=now(),
        )

    back = reverse("archive_customer", args=[point.customer_id])
    title = _t("Pause the account") if paused else _t("Go on with the account")
    done = _t("Paused: nothing is sold to it.") if paused else _t("It is sold to again.")
    return form_page(request, form, act, done, title=title, back=back, subtitle=str(point))
