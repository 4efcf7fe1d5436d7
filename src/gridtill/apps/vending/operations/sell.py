"""Selling energy: one transaction that takes the money and promises the energy."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from gridtill.apps.customers.models import CustomerAgreement
from gridtill.apps.ledger.operations import Line as PostingLine
from gridtill.apps.ledger.operations import account_id, check_balance
from gridtill.apps.pricing.queries import VersionedTariff, tariff_version
from gridtill.apps.vending.choices import TenderKind
from gridtill.apps.vending.models import AccountStanding, Tender, Vend, WithdrawnRequest
from gridtill.apps.vending.operations.documents import RequestReused
from gridtill.apps.vending.operations.key_change import begin_key_change
from gridtill.apps.vending.operations.statement import TenderRow, write_sale
from gridtill.apps.vending.queries.hot import is_contention, is_deadlock
from gridtill.apps.vending.queries.issuing import key_data, require_token
from gridtill.apps.vending.queries.key_changes import with_key_change
from gridtill.apps.vending.queries.standing import SaleBasis, lock_sale_basis
from gridtill.apps.vending.rules import (
    WH_PER_UNIT,
    TenderWrong,
    check_energy,
    check_may_sell,
    check_order,
    counted_at,
    deductions,
    rolled_history,
    tariff_of,
    token_floor_wh,
    token_parts,
    year_window,
)
from gridtill.kernel.actors import Actor
from gridtill.kernel.canonical import canonical_json, sha256_hex
from gridtill.kernel.chain import link
from gridtill.kernel.clock import business_day, month_start
from gridtill.kernel.errors import Refusal
from gridtill.kernel.ids import new_id
from gridtill.kernel.money import Money
from gridtill.tariff.quote import History, LineKind, Quote, quote_money

_ATTEMPTS = 5


class RequestWithdrawn(Refusal):
    """Somebody asked whether the request had sold, was told that it had not, and so it must not any more."""

    code = "request_withdrawn"


class QuoteChanged(Refusal):
    """The price moved between the quote on the screen and the sale."""

    code = "quote_changed"
    remedy = "Check the new quote and sell again."


class AccountBusy(Refusal):
    """Other work on the same customer or till kept this request from being answered; it may be among that work."""

    code = "account_busy"
    remedy = "Ask whether it was sold before you sell again."


@dataclass(frozen=True, slots=True)
class SaleOrder:
    """
    What is to be sold: the money that buys it, and by which tenders it is paid.

    ``expected_wh`` is the energy that the person was shown; a sale that would give
    another amount is refused. None sells at whatever the price now is.
    """

    agreement_id: int
    shift_id: int
    tenders: tuple[TenderRow, ...]
    expected_wh: int | None = None

    @property
    def total_minor(self) -> int:
        """Money that is kept: the tenders' amounts, change not counted."""
        return sum(tender.amount_minor for tender in self.tenders)

    def digest(self) -> str:
        """Hash what was asked for, so that a repeat, in a later shift too, can be told from a reuse."""
        return sha256_hex(
            canonical_json(
                {
                    "agreement": self.agreement_id,
                    "tenders": [list(tender.values()) for tender in self.tenders],
                }
            )
        )


@dataclass(frozen=True, slots=True)
class _Sale:
    """Everything decided about a sale, before it is written."""

    order: SaleOrder
    basis: SaleBasis
    tariff: VersionedTariff
    quote: Quote
    history: History
    request_id: UUID
    actor: Actor
    at: datetime

    @property
    def number(self) -> str:
        return f"{self.basis.till_code}-{self.basis.document_sequence + 1:08d}"

    def sum(self, *kinds: LineKind) -> int:
        return sum(line.amount_minor for line in self.quote.lines if line.kind in kinds)


def sell_energy(*, request_id: UUID, order: SaleOrder, actor: Actor, at: datetime) -> UUID:
    """
    Sell energy once: money, books, accumulators, document and a PENDING delivery in one transaction.

    Returns the vend's id, which is the request's. The same request again returns it
    without selling again, whether the first answer arrived or not.

    :raises RequestReused: if the id was used for another order
    :raises QuoteChanged: if the energy is not what the person was shown
    :raises Refusal: any guard of the counter; nothing was written then
    """
    for _attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                if _sell_once(request_id=request_id, order=order, actor=actor, at=at):
                    return request_id
                transaction.set_rollback(True)
        except IntegrityError:
            # Either the same request was written by another process a moment ago, or a
            # number we took was taken too: the next round sees which.
            continue
        except OperationalError as error:
            if connection.in_atomic_block or not is_contention(error):
                raise
            # Nothing is written. Rolled back in favour of another it may do now; after waiting in vain the page
            # must hear so before it stops listening.
            if not is_deadlock(error):
                break
    if Vend.objects.filter(pk=request_id, content_digest=order.digest()).exists():
        return request_id
    raise AccountBusy("Other sales are under way; whether this one was made is not known yet.")


def _sell_once(*, request_id: UUID, order: SaleOrder, actor: Actor, at: datetime) -> bool:
    """Try once; False when a debt moved underneath and everything must be read again."""
    basis = lock_sale_basis(request_id=request_id, agreement_id=order.agreement_id, shift_id=order.shift_id, at=at)
    if basis is not None and basis.sold_digest is not None:
        if basis.sold_digest != order.digest():
            raise _reused()
        return True
    if basis is not None and basis.is_withdrawn:
        raise RequestWithdrawn(
            "This sale was given up after its answer was lost. Nothing was sold.", remedy="Sell again."
        )
    if basis is None and Vend.objects.filter(pk=request_id).exists():
        # A repeat after the till was closed; saying that nothing was sold would make somebody sell again.
        raise _reused()
    checked = check_may_sell(basis and with_key_change(basis), actor)
    require_token(checked)
    tariff = tariff_version(checked.tariff_version_id)
    check_order(checked, order.tenders, order.total_minor)
    _check_payments_new(order.tenders, business_day(at, checked.zone))
    priced_by = tariff_of(checked)
    history = rolled_history(checked, priced_by, at)
    quote = quote_money(
        priced_by,
        history,
        Money(order.total_minor, checked.currency),
        at,
        deductions=deductions(checked.debts),
        zone=checked.zone,
        floor_wh=token_floor_wh,
    )
    check_energy(checked, quote.energy_wh)
    if order.expected_wh is not None and quote.energy_wh != order.expected_wh:
        raise QuoteChanged("The price changed since the quote on the screen. Nothing was sold.", field="amount")
    sale = _Sale(order, checked, tariff, quote, history, request_id, actor, at)
    return _write(sale)


@transaction.atomic
def withdraw_sale(*, request_id: UUID, agreement_id: int, actor: Actor, at: datetime) -> bool:
    """
    Make sure that a request whose answer was lost has sold, or never will; True if it has sold.

    It waits for a sale that is under way. One that arrives later is refused.

    :raises AccountBusy: if a sale is under way for too long to wait for; then nothing is known yet
    """
    unit_path = CustomerAgreement.objects.values_list("usage_point__customer__office__path", flat=True).get(
        pk=agreement_id
    )
    actor.require("vend.sell", unit_path)
    try:
        with transaction.atomic():
            standing = AccountStanding.objects.select_for_update(no_key=True).filter(agreement_id=agreement_id).first()
    except OperationalError as error:
        if not is_contention(error):
            raise
        raise AccountBusy("A sale to this customer is under way.") from error
    if Vend.objects.filter(pk=request_id).exists():
        return True
    WithdrawnRequest.objects.get_or_create(pk=request_id, defaults={"at": at, "actor_name": actor.name})
    if standing is not None:
        # A sale that waits for the standing reads anew when its version has moved, and finds itself withdrawn.
        AccountStanding.objects.filter(pk=standing.pk).update(version=F("version") + 1)
    return False


def _check_payments_new(tenders: Sequence[TenderRow], day: date) -> None:
    """One payment buys once: a confirmation that is shown again, at another till too, is refused."""
    keys = [key for tender in tenders if (key := tender.reference_key(day)) is not None]
    if not keys:
        return
    used = Tender.objects.filter(reference_key__in=keys).values_list("vend__number", flat=True).first()
    if used is not None:
        raise TenderWrong(
            "This payment was used for receipt {number}. Nothing was sold.",
            number=used,
            remedy="Look at that purchase; ask the customer for another payment.",
            field="reference",
        )


def _reused() -> RequestReused:
    # Never "nothing was sold": whoever reads that sells again.
    return RequestReused(
        "A purchase was made with this request already and stands. Nothing more was sold.",
        remedy="Look at the customer's latest purchases before you sell again.",
    )


def _write(sale: _Sale) -> bool:
    basis, quote = sale.basis, sale.quote
    payload = canonical_json(_document(sale))
    postings = check_balance(_postings(sale))
    taken = {line.code: line.amount_minor for line in quote.lines if line.kind is LineKind.DEBT}
    debts = [
        (debt.id, debt.remaining_minor, taken[f"debt.{debt.id}"])
        for debt in basis.debts
        if taken.get(f"debt.{debt.id}")
    ]
    units = quote.energy_wh // WH_PER_UNIT
    parts = token_parts(sale.at, basis, units)
    params: dict[str, Any] = {
        **_identity(sale),
        **_amounts(sale),
        **_accumulators(sale),
        "payload": payload,
        "previous_hash": basis.head_hash,
        "hash": link(basis.head_hash, payload),
        "document_sequence": basis.document_sequence + 1,
        "delivery": new_id(),
        "random": secrets.randbelow(16),
        "units": units,
        "security": key_data(basis),
        "base_date": basis.base_date,
        "token_identifier": parts[0][1],
        "last_identifier": parts[-1][1],
    }
    written = write_sale(
        params=params,
        tenders=sale.order.tenders,
        postings=[(account_id(line.account), line.amount_minor) for line in postings],
        debts=debts,
    )
    if basis.key_change_id is None:
        return written
    return written and begin_key_change(
        basis=basis, vend_id=sale.request_id, identifier=parts[0][1], actor=sale.actor, at=sale.at
    )


def _identity(sale: _Sale) -> dict[str, Any]:
    basis = sale.basis
    return {
        "id": sale.request_id,
        "number": sale.number,
        "channel": basis.purchase_mode,
        "bureau": basis.bureau_id,
        "agreement": basis.agreement_id,
        "customer": basis.customer_id,
        "meter": basis.meter_id,
        "till": basis.till_id,
        "shift": basis.shift_id,
        "cashier": sale.actor.id,
        "actor_name": sale.actor.name,
        "tariff_version": basis.tariff_version_id,
        "sequence": basis.sequence + 1,
        "at": sale.at,
        "business_day": basis.business_day,
        "calendar_day": business_day(sale.at, basis.zone),
        "digest": sale.order.digest(),
        "subject": str(sale.request_id),
        "unit_path": basis.unit_path,
        "audit_after": {
            "number": sale.number,
            "customer": basis.customer_number,
            "total_minor": sale.quote.tender_minor,
            "energy_wh": sale.quote.energy_wh,
        },
    }


def _amounts(sale: _Sale) -> dict[str, Any]:
    return {
        "total": sale.quote.tender_minor,
        "energy_wh": sale.quote.energy_wh,
        "energy_minor": sale.sum(LineKind.ENERGY, LineKind.PASS_THROUGH),
        "charges_minor": sale.sum(LineKind.CHARGE),
        "taxes_minor": sale.sum(LineKind.TAX, LineKind.LEVY),
        "debt_minor": sale.sum(LineKind.DEBT),
        "carry_change": sale.sum(LineKind.CARRY, LineKind.ROUNDING),
    }


def _accumulators(sale: _Sale) -> dict[str, Any]:
    basis, quote = sale.basis, sale.quote
    day = business_day(counted_at(sale.at, basis), basis.zone)
    month = month_start(day)
    months = dict(basis.months_wh)
    key = month.isoformat()[:7]
    months[key] = months.get(key, 0) + quote.energy_wh
    # Three years serve the longest window that a tariff may average over.
    kept = dict(sorted(months.items())[-37:])
    return {
        "months": kept,
        "year_start": year_window(sale.tariff.tariff, day),
        "year_wh": sale.history.year_wh + quote.energy_wh,
        "charged_through": quote.charged_through,
        "carry": quote.carry_after,
        "before": {
            "month": key,
            "year_start": _day(basis.year_start),
            "year_wh": basis.year_wh,
            "charged_through": _day(basis.charged_through),
            "carry_minor": basis.carry_minor,
        },
    }


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


_CASH_FAMILY = {
    TenderKind.MOBILE_MONEY: "1100",
    TenderKind.BANK_CARD: "1110",
    TenderKind.CHEQUE: "1120",
}


def _postings(sale: _Sale) -> list[PostingLine]:
    """Debit what came in, credit what it paid for; lines sum to the tenders by the quote's own promise."""
    debits = [
        PostingLine(tender_account(tender.kind, sale.basis.till_code), tender.amount_minor)
        for tender in sale.order.tenders
    ]
    owed: dict[str, int] = {}
    for line in sale.quote.lines:
        account = line_account(line.kind, line.code, sale.tariff.price_class)
        owed[account] = owed.get(account, 0) - line.amount_minor
    return debits + [PostingLine(account, amount) for account, amount in owed.items()]


def tender_account(kind: str, till_code: str) -> str:
    """Return the account that a way of payment arrives in; cash lies in the till's own."""
    return f"1000.{till_code}" if kind == TenderKind.CASH else _CASH_FAMILY[TenderKind(kind)]


def line_account(kind: LineKind, code: str, price_class: str) -> str:
    """Return the account that a line of a quote is owed to."""
    by_kind = {
        LineKind.ENERGY: f"4000.{price_class}",
        LineKind.PASS_THROUGH: f"4200.{code}",
        LineKind.CHARGE: f"4100.{code}",
        LineKind.TAX: f"2100.{code}",
        LineKind.LEVY: f"2200.{code}",
        LineKind.DEBT: "1400",
        LineKind.CARRY: "2000",
        LineKind.ROUNDING: "4900",
    }
    return by_kind[kind]


def _document(sale: _Sale) -> dict[str, Any]:
    basis, quote = sale.basis, sale.quote
    taken = {line.code: line.amount_minor for line in quote.lines if line.kind is LineKind.DEBT}
    return {
        "kind": "VEND",
        "number": sale.number,
        "sequence": basis.document_sequence + 1,
        "till": basis.till_code,
        "vend": str(sale.request_id),
        "at": sale.at.astimezone(UTC).isoformat(),
        "business_day": basis.business_day.isoformat(),
        "zone": basis.time_zone,
        "office": basis.office_name,
        "cashier": sale.actor.name,
        "customer": {"number": basis.customer_number, "name": basis.customer_name, "address": basis.point_address},
        "usage_point": basis.point_number,
        "purchase": basis.sequence + 1,
        "meter": key_data(basis),
        "channel": basis.purchase_mode,
        "tariff": {
            "code": sale.tariff.code,
            "title": sale.tariff.title,
            "version": sale.tariff.number,
            "digest": sale.tariff.digest,
        },
        "currency": basis.currency,
        "total_minor": quote.tender_minor,
        "energy_wh": quote.energy_wh,
        "carry_minor": [quote.carry_before, quote.carry_after],
        "lines": [
            {
                "kind": line.kind.value,
                "code": line.code,
                "label": line.label,
                "quantity_wh": line.quantity_wh,
                "rate": line.rate,
                "amount_minor": line.amount_minor,
                "detail": line.detail,
            }
            for line in quote.lines
        ],
        "tenders": [
            {
                "kind": tender.kind,
                "amount_minor": tender.amount_minor,
                "received_minor": tender.received_minor,
                "reference": tender.reference,
            }
            for tender in sale.order.tenders
        ],
        "debts": [
            {
                "label": debt.description,
                "before_minor": debt.remaining_minor,
                "after_minor": debt.remaining_minor - taken.get(f"debt.{debt.id}", 0),
            }
            for debt in basis.debts
        ],
    }
