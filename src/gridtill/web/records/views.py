"""The record of purchases: conditions, totals, export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import django_filters
import django_tables2
from django import forms
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gridtill.apps.vending.choices import DeliveryState, TenderKind, VendState
from gridtill.apps.vending.queries.counter import till_in_hand
from gridtill.apps.vending.queries.records import (
    find_purchases,
    purchase_records,
    purchase_sums,
    report_choices,
)
from gridtill.apps.vending.queries.trace import purchase_trace
from gridtill.kernel.clock import business_day, now
from gridtill.web.columns import CodeColumn, DayColumn, EnergyColumn, MomentColumn, MoneyColumn, NameColumn, StateColumn
from gridtill.web.counter.messages import ways_for
from gridtill.web.lists import Empty, ListSpec, list_page
from gridtill.web.menu import Text
from gridtill.web.session import needs
from gridtill.web.templatetags.gridtill import energy, money

RECENT_DAYS = 31
_OPEN = [DeliveryState.PENDING, DeliveryState.DISPATCHED, DeliveryState.UNKNOWN, DeliveryState.FAILED]
_UNBOUNDED = ("q", "first", "last", "delivery")


class PurchaseTable(django_tables2.Table):
    number = NameColumn(
        verbose_name=_("Receipt"), linkify=lambda record: reverse("purchase", args=[record.pk]), order_by="-at"
    )
    at = MomentColumn(verbose_name=_("Time"))
    business_day = DayColumn(verbose_name=_("Business day"))
    customer_number = CodeColumn(verbose_name=_("Customer number"), accessor="customer__number", orderable=False)
    customer = django_tables2.Column(verbose_name=_("Customer"), accessor="customer__name", orderable=False)
    office = django_tables2.Column(verbose_name=_("Supply office"), accessor="customer__office__name", orderable=False)
    meter = CodeColumn(verbose_name=_("Meter"), accessor="meter__number", orderable=False)
    till = django_tables2.Column(verbose_name=_("Till"), accessor="till__name", orderable=False)
    cashier = django_tables2.Column(verbose_name=_("Cashier"), accessor="cashier__full_name", orderable=False)
    tariff = django_tables2.Column(
        verbose_name=_("Tariff"), accessor="tariff_version__structure__name", orderable=False
    )
    ways = django_tables2.Column(verbose_name=_("Paid by"), accessor="pk", orderable=False)
    energy_minor = MoneyColumn(verbose_name=_("Energy money"))
    charges_minor = MoneyColumn(verbose_name=_("Charges"))
    taxes_minor = MoneyColumn(verbose_name=_("Taxes"))
    debt_minor = MoneyColumn(verbose_name=_("Debt"))
    carry_minor = MoneyColumn(verbose_name=_("Carried"))
    total_minor = MoneyColumn(verbose_name=_("Paid"))
    energy_wh = EnergyColumn(verbose_name="kWh")
    state = StateColumn(verbose_name=_("State"), orderable=False)
    delivery = StateColumn(verbose_name=_("Delivery"), accessor="delivery__state", orderable=False)

    def render_ways(self, record: Any) -> str:
        return ", ".join(str(tender.get_kind_display()) for tender in record.tenders.all())

    def value_ways(self, record: Any) -> str:
        return self.render_ways(record)

    def render_delivery(self, record: Any, column: Any, bound_column: Any) -> str:
        words = record.delivery.get_state_display()
        return str(column.render(words, record, bound_column))

    def value_delivery(self, record: Any) -> str:
        return str(record.delivery.get_state_display())


def _of_request(name: str) -> Any:
    """Offer what the operator's unit holds; the query runs once a request."""

    def choices(request: Any) -> list[tuple[int, str]]:
        if not hasattr(request, "report_choices"):
            request.report_choices = report_choices(unit_path=request.actor.unit_path)
        found: list[tuple[int, str]] = getattr(request.report_choices, name)
        return found

    return choices


class _OfferedFilter(django_filters.TypedChoiceFilter):
    """A choice among the rows that the operator may see."""

    def __init__(self, *args: Any, offered: str, **kwargs: Any) -> None:
        self._offered = _of_request(offered)
        super().__init__(*args, coerce=int, **kwargs)

    @property
    def field(self) -> Any:
        # Without an empty one a browser sends the first, and narrows what nobody narrowed.
        self.extra["choices"] = [("", _("All")), *self._offered(self.parent.request)]
        return super().field


def _day_field(**kwargs: Any) -> django_filters.DateFilter:
    return django_filters.DateFilter(
        field_name="business_day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs
    )


class PurchaseFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=VendState.choices, empty_label=_("All"), widget=forms.RadioSelect
    )
    first = _day_field(lookup_expr="gte", label=_("From business day"))
    last = _day_field(lookup_expr="lte", label=_("To business day"))
    office = _OfferedFilter(field_name="customer__office_id", offered="offices", label=_("Supply office"))
    till = _OfferedFilter(field_name="till_id", offered="tills", label=_("Till"))
    cashier = _OfferedFilter(field_name="cashier_id", offered="cashiers", label=_("Cashier"))
    kind = django_filters.ChoiceFilter(
        field_name="tenders__kind", choices=TenderKind.choices, label=_("Paid by"), distinct=True
    )
    delivery = django_filters.ChoiceFilter(
        method="by_delivery", choices=[("OPEN", _("Not delivered yet")), *DeliveryState.choices], label=_("Delivery")
    )

    def by_delivery(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(delivery__state__in=_OPEN if value == "OPEN" else [value])


def _totals(request: Any, rows: Any) -> Sequence[tuple[Text, str]]:
    sums, currency = purchase_sums(rows), request.utility.currency
    if till_in_hand(request.actor.id) and not request.actor.may("shift.sign"):
        # Who still has a drawer to count is not told what it should hold.
        return ((_("Purchases"), f"{sums.count:,}"), (_("Energy"), energy(sums.energy_wh)))
    return (
        (_("Purchases"), f"{sums.count:,}"),
        (_("Paid"), money(sums.minor, currency)),
        (_("Energy"), energy(sums.energy_wh)),
        (_("Taken back"), f"{sums.reversed_count:,}"),
        (_("Money taken back"), money(sums.reversed_minor, currency)),
    )


PURCHASES = ListSpec(
    name="purchases",
    table=PurchaseTable,
    filters=PurchaseFilter,
    search=find_purchases,
    search_hint=_("Receipt, customer or meter number, or payment reference"),
    hidden=(
        *("business_day", "customer_number", "office", "tariff", "delivery"),
        *("energy_minor", "charges_minor", "taxes_minor", "debt_minor", "carry_minor"),
    ),
    fixed=("number",),
    chips="state",
    empty=Empty(_("No purchases here"), _("Nothing was sold in these days. Sales appear here at once.")),
    totals=_totals,
)


@needs("vend.view", "vend.sell")
def purchases(request: Any) -> HttpResponseBase:
    given = request.GET
    if not request.htmx and not any(given.get(name) for name in _UNBOUNDED):
        # Years of purchases are not added up unasked; the condition is on the page and can be changed.
        request.GET = given.copy()
        today = business_day(now(), request.utility.zone)
        request.GET["first"] = (today - timedelta(days=RECENT_DAYS)).isoformat()
    rows = purchase_records(unit_path=request.actor.unit_path)
    return list_page(request, PURCHASES, rows, title=_("Purchase records"))


@needs("vend.view", "vend.sell")
def purchase(request: Any, vend_id: UUID) -> HttpResponse:
    """Show all that is known of one purchase; the token's digits are not among it."""
    try:
        trace = purchase_trace(vend_id, unit_path=request.actor.unit_path)
    except ObjectDoesNotExist:
        raise Http404 from None
    cheque = next((tender for tender in trace.tenders if tender.kind == TenderKind.CHEQUE), None)
    sends = request.actor.may("vend.sell") or request.actor.may("vend.reprint")
    sendable = sends and trace.sold.vend.state == VendState.SOLD and not trace.sold.is_settled
    context = {
        "ways": ways_for(trace.sold.vend.agreement.usage_point.customer)
        if sendable and trace.sold.delivery.token
        else [],
        "trace": trace,
        "sold": trace.sold,
        "currency": trace.sold.document["currency"],
        "returnable": cheque is not None and cheque.bounced_at is None and request.actor.may("shift.banking"),
    }
    return render(request, "records/purchase.html", context)
