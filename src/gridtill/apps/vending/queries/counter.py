"""What the counter shows: a customer's supply, a live quote, the last purchases, one sale."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet

from gridtill.apps.customers.choices import AgreementStatus
from gridtill.apps.customers.models import CustomerAgreement
from gridtill.apps.vending.choices import DocumentKind
from gridtill.apps.vending.models import (
    AccountStanding,
    CashierShift,
    Delivery,
    ReversalRequest,
    SalesDocument,
    Vend,
)
from gridtill.apps.vending.queries.issuing import require_token
from gridtill.apps.vending.queries.key_changes import key_change_tokens_with, with_key_change
from gridtill.apps.vending.queries.standing import SaleBasis, read_sale_basis
from gridtill.apps.vending.rules import (
    check_account,
    deductions,
    rolled_history,
    tariff_of,
    token_ceiling_wh,
    token_floor_wh,
)
from gridtill.kernel.energy import Energy
from gridtill.kernel.money import Money
from gridtill.tariff.quote import Quote, quote_energy, quote_money


@dataclass(frozen=True, slots=True)
class Supply:
    """An agreement that can be sold on, with the facts that a cashier looks at."""

    agreement: CustomerAgreement
    meter_number: str
    month_wh: int
    carry_minor: int
    purchases: int
    latest_vend_at: datetime | None


def supplies_of(customer_id: int, *, unit_path: str, month: date) -> list[Supply]:
    """Return a customer's supplies within a unit, the oldest first; two queries."""
    agreements = (
        CustomerAgreement.objects.filter(
            usage_point__customer_id=customer_id, usage_point__customer__office__path__startswith=unit_path
        )
        .select_related(
            "usage_point__customer__office", "usage_point__transformer", "account", "pricing_structure", "standing"
        )
        .prefetch_related("usage_point__installations__meter")
        .order_by("id")
    )
    return [_supply(agreement, month) for agreement in agreements]


def _supply(agreement: CustomerAgreement, month: date) -> Supply:
    current = [item for item in agreement.usage_point.installations.all() if item.removed_at is None]
    standing: AccountStanding | None = getattr(agreement, "standing", None)
    return Supply(
        agreement=agreement,
        meter_number=current[0].meter.number if current else "",
        month_wh=standing.months_wh.get(month.isoformat()[:7], 0) if standing else 0,
        carry_minor=standing.carry_minor if standing else 0,
        purchases=standing.sequence if standing else 0,
        latest_vend_at=standing.latest_vend_at if standing else None,
    )


def quote_sale(
    *, agreement_id: int, shift_id: int, at: datetime, minor: int | None = None, energy_wh: int | None = None
) -> tuple[Quote, SaleBasis]:
    """
    Quote a purchase by its money or its energy, whichever is given, and write nothing.

    :raises NotSellable: if the account cannot be sold to
    :raises Refusal: what the tariff refuses, such as an amount below the minimum
    """
    basis = read_sale_basis(agreement_id=agreement_id, shift_id=shift_id, at=at)
    if basis is None:
        raise CustomerAgreement.DoesNotExist
    basis = with_key_change(basis)
    check_account(basis)
    require_token(basis)
    tariff = tariff_of(basis)
    history = rolled_history(basis, tariff, at)
    taken = deductions(basis.debts)
    if minor is not None:
        money = Money(minor, basis.currency)
        quote = quote_money(tariff, history, money, at, deductions=taken, zone=basis.zone, floor_wh=token_floor_wh)
        return quote, basis
    energy = Energy(token_ceiling_wh(energy_wh or 0))
    found = quote_energy(tariff, history, energy, at, deductions=taken, zone=basis.zone)
    coin = max(1, basis.cash_rounding_minor)
    if found.tender_minor % coin:
        # What the smallest coin cannot pay is rounded up to it, and buys energy too.
        money = Money(-(-found.tender_minor // coin) * coin, basis.currency)
        found = quote_money(tariff, history, money, at, deductions=taken, zone=basis.zone, floor_wh=token_floor_wh)
    return found, basis


@dataclass(frozen=True, slots=True)
class Sold:
    """
    A purchase as the result page and the receipt need it.

    ``document`` is the payload, read; ``first_tokens`` are a key change to be keyed in before the token.
    """

    vend: Vend
    delivery: Delivery
    document: dict[str, Any]
    document_id: int
    prints: int
    first_tokens: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether its account was cancelled, so that what is left of its energy was paid out."""
        return self.vend.agreement.status == AgreementStatus.CLOSED


def sold(vend_id: UUID, *, unit_path: str) -> Sold:
    """
    Return one purchase within a unit; three queries.

    :raises Vend.DoesNotExist: if there is none there
    """
    vend = Vend.objects.select_related("delivery", "agreement__usage_point__customer").get(
        pk=vend_id, agreement__usage_point__customer__office__path__startswith=unit_path
    )
    document = SalesDocument.objects.annotate(printed=Count("prints")).get(number=vend.number)
    return Sold(
        vend=vend,
        delivery=vend.delivery,
        document=json.loads(document.payload),
        document_id=document.pk,
        prints=document.printed,
        first_tokens=tuple(key_change_tokens_with(vend.delivery)),
    )


def latest_vends(customer_id: int, *, unit_path: str, limit: int = 10) -> QuerySet[Vend]:
    """Return a customer's last purchases with their deliveries, newest first; one query."""
    return (
        Vend.objects.filter(agreement__usage_point__customer_id=customer_id)
        .filter(agreement__usage_point__customer__office__path__startswith=unit_path)
        .select_related("delivery", "till")
        .order_by("-at")[:limit]
    )


def open_shift_of(operator_id: int) -> CashierShift | None:
    """Return the shift that an operator has open, with its till and hall."""
    return (
        CashierShift.objects.filter(cashier_id=operator_id, state="OPEN")
        .select_related("till__point_of_sale__unit")
        .first()
    )


# Plain, since they run with every quote and sale: building them by the ORM takes longer than running them.
_OPEN_ID = "SELECT id FROM vending_cashiershift WHERE cashier_id = %s AND state = 'OPEN'"
_IN_HAND = """
    SELECT t.name, (SELECT COUNT(*) FROM vending_vend v WHERE v.shift_id = s.id)
    FROM vending_cashiershift s JOIN vending_till t ON t.id = s.till_id
    WHERE s.cashier_id = %s AND s.state = 'OPEN'
"""


def open_shift_id(operator_id: int) -> int:
    """Return the id of the shift that an operator has open, 0 if none, without its till and hall."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_ID, [operator_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def till_in_hand(operator_id: int) -> tuple[str, int] | None:
    """Return the name of the till that an operator has open and the purchases of its shift; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_HAND, [operator_id])
        row = cursor.fetchone()
    return (row[0], int(row[1])) if row else None


def waiting_reversals(*, unit_path: str) -> QuerySet[ReversalRequest]:
    """Return wishes to take a purchase back that nobody decided yet, oldest first."""
    return (
        ReversalRequest.objects.filter(
            state="REQUESTED", vend__agreement__usage_point__customer__office__path__startswith=unit_path
        )
        .select_related("vend__agreement__usage_point__customer", "requested_by")
        .order_by("requested_at")
    )


def unfinished_deliveries(*, unit_path: str) -> QuerySet[Delivery]:
    """Return deliveries of paid purchases that have not ended, oldest first."""
    return (
        Delivery.objects.filter(
            Q(state__in=["PENDING", "DISPATCHED", "UNKNOWN", "FAILED"]),
            vend__agreement__usage_point__customer__office__path__startswith=unit_path,
        )
        .select_related("vend__agreement__usage_point__customer")
        .order_by("changed_at")
    )


def shift_documents(shift_id: int) -> QuerySet[SalesDocument]:
    """Return the documents of a shift in the order of its till's chain."""
    return SalesDocument.objects.filter(shift_id=shift_id).order_by("sequence")


def receipt_document(number: str) -> SalesDocument | None:
    """Return a vend's document by its receipt number, for the check page."""
    return SalesDocument.objects.filter(number=number, kind=DocumentKind.VEND).first()
