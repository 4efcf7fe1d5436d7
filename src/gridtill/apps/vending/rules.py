"""What may be sold to whom, as checks that a quote and a sale share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

from gridtill.apps.pricing.queries import tariff_version
from gridtill.apps.vending.choices import TenderKind
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import add_months, business_day, month_start
from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import format_minor
from gridtill.sts.amounts import (
    TOKENS_MAX,
    UNITS_MAX,
    decode_amount,
    encode_amount,
    largest_representable_at_most,
    split_units,
)
from gridtill.sts.errors import StsError
from gridtill.sts.keys import KeyType
from gridtill.sts.pan import normalize_drn
from gridtill.sts.tid import TID_MAX, identifier_at, is_expired, is_reserved
from gridtill.tariff.document import Tariff, tax_free
from gridtill.tariff.quote import Deduction, History

WH_PER_UNIT = 100
_CLOCK_SLACK = timedelta(days=1)


class NotSellable(Refusal):
    """The customer, the meter or the till is in a state that forbids a sale."""

    code = "not_sellable"


class ShiftNotOpen(NotSellable):
    """Nothing is sold outside an open shift of one's own."""

    code = "till_closed"
    remedy = "Open the till first."


class TenderWrong(Refusal):
    """The ways of payment do not make a payment."""

    code = "tender_wrong"


class AmountTooLarge(Refusal):
    """The purchase is above a limit."""

    code = "amount_too_large"
    remedy = "Sell a smaller amount, or ask a supervisor to raise the limit."


class Paid(Protocol):
    """A tender, as far as these checks look at it."""

    @property
    def kind(self) -> str: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def received_minor(self) -> int: ...
    @property
    def reference(self) -> str: ...


def check_may_sell(basis: Any | None, actor: Actor) -> Any:
    """
    Return the basis if this actor may sell on it now.

    :raises NotAllowed: without the right, or outside the actor's unit
    :raises ShiftNotOpen: if the shift is not open, not theirs, or its till is shut down
    :raises NotSellable: if the customer's or the meter's state forbids it
    """
    if basis is None:
        raise NotSellable("There is no opened account and shift of these numbers. Nothing was sold.")
    actor.require("vend.sell", basis.unit_path)
    if basis.shift_state != "OPEN" or basis.cashier_id != actor.id or not basis.till_active:
        raise ShiftNotOpen("The till is closed. Nothing was sold.")
    if basis.till_bureau_id != basis.bureau_id:
        raise NotSellable("The customer belongs to another bureau than this till. Nothing was sold.")
    check_account(basis)
    return basis


def check_account(basis: Any) -> None:
    """
    Make sure that the account is opened, billable, priced and has a meter that takes tokens.

    :raises NotSellable: naming the first thing that is missing
    """
    if basis.agreement_status != "ACTIVE" or basis.point_status != "IN_USE" or basis.customer_status != "OPENED":
        raise NotSellable("This account is not in use. Nothing was sold.", remedy="Open the account first.")
    if not basis.is_billable:
        raise NotSellable(
            "This metering point does not take part in billing. Nothing was sold.",
            remedy="Change it in the archives if that is wrong.",
        )
    if basis.meter_id is None or basis.meter_status != "INSTALLED":
        raise NotSellable("There is no working meter at this metering point. Nothing was sold.", remedy="Install one.")
    if basis.purchase_mode != "KEYPAD":
        raise NotSellable(
            "This meter does not take keypad tokens. Nothing was sold.",
            remedy="Change the purchase mode of the metering point if the meter has a keypad.",
        )
    check_meter(basis)
    if basis.tariff_version_id is None:
        raise NotSellable(
            "No tariff is in force for this customer. Nothing was sold.", remedy="Put a tariff version into force."
        )


def check_meter(basis: Any) -> None:
    """
    Make sure that a token can be made for the meter and taken by it, before anybody pays for it.

    :raises NotSellable: naming what is wrong with the meter
    """
    if (basis.token_carrier, basis.credit_unit, basis.payment_mode) != ("KEYPAD", "ENERGY", "PREPAID"):
        raise NotSellable(
            "The meter in the archive is not a prepayment meter that takes energy by keypad. Nothing was sold.",
            remedy="Correct the meter in the archive, or the purchase mode of the metering point.",
        )
    try:
        normalize_drn(basis.meter_number)
    except StsError as error:
        raise NotSellable("The meter's number is wrong, so no token can be made for it. Nothing was sold.") from error
    if basis.key_type not in (KeyType.UNIQUE, KeyType.COMMON):
        raise NotSellable(
            "The meter's key is a default one and carries no credit. Nothing was sold.",
            remedy="Have its key changed first.",
        )
    if basis.group_unit_path and not basis.hall_path.startswith(basis.group_unit_path):
        raise NotSellable(
            "This hall may not sell to supply group {group}. Nothing was sold.",
            group=basis.supply_group_code,
            remedy="Send the customer to a hall that may, or have the group opened to this one.",
        )


def check_order(basis: Any, tenders: Sequence[Paid], total_minor: int) -> None:
    """
    Make sure that the tenders are a payment and that it keeps within the limits.

    :raises TenderWrong: if a tender is empty, doubled, or gives change that only cash can give
    :raises AmountTooLarge: if the total is above the utility's or the agreement's limit
    """
    kinds = [tender.kind for tender in tenders]
    if not tenders or total_minor <= 0:
        raise TenderWrong("There is nothing to pay. Nothing was sold.", field="amount")
    if len(set(kinds)) != len(kinds):
        raise TenderWrong("Give each way of payment once. Nothing was sold.", field="tenders")
    for tender in tenders:
        _check_tender(tender)
        if tender.kind == "CASH" and tender.amount_minor % max(1, basis.cash_rounding_minor):
            coin = format_minor(basis.cash_rounding_minor, basis.currency)
            raise TenderWrong(
                "The smallest coin is {currency} {coin}; this cannot be paid in cash. Nothing was sold.",
                field="amount",
                currency=basis.currency,
                coin=coin,
            )
    limits = [limit for limit in (basis.sale_maximum_minor, basis.purchase_maximum_minor) if limit is not None]
    if total_minor > min(limits):
        most = format_minor(min(limits), basis.currency)
        raise AmountTooLarge(
            "The most for one purchase is {currency} {most}. Nothing was sold.",
            field="amount",
            currency=basis.currency,
            most=most,
        )


def _check_tender(tender: Paid) -> None:
    if tender.kind not in TenderKind.values:
        raise TenderWrong("Choose a way of payment. Nothing was sold.", field="tenders")
    if tender.amount_minor <= 0 or tender.received_minor < tender.amount_minor:
        raise TenderWrong("Less was received than is to be paid. Nothing was sold.", field="received")
    if tender.kind != "CASH" and tender.received_minor != tender.amount_minor:
        raise TenderWrong("Only cash gives change. Nothing was sold.", field="received")
    if tender.kind != "CASH" and not tender.reference.strip():
        raise TenderWrong("Enter the reference of the payment. Nothing was sold.", field="reference")


def check_energy(basis: Any, energy_wh: int) -> None:
    """
    Make sure that the meter and the agreement can take that much energy.

    :raises AmountTooLarge: naming the limit
    """
    limits = [limit for limit in (basis.credit_maximum_wh, basis.energy_maximum_wh) if limit is not None]
    if limits and energy_wh > min(limits):
        most = min(limits) // 1000
        raise AmountTooLarge(
            "This meter takes at most {most} kWh at once. Nothing was sold.", field="amount", most=most
        )


def tariff_of(basis: Any) -> Tariff:
    """Return the tariff in force for a customer, without its taxes if they owe none."""
    tariff = tariff_version(basis.tariff_version_id).tariff
    return tax_free(tariff) if basis.is_tax_exempt else tariff


def year_window(tariff: Tariff, day: date) -> date:
    """Return the start of the yearly window of a tariff that a day lies in."""
    month, first = tariff.year_reset
    start = date(day.year, month, first)
    return start if day >= start else date(day.year - 1, month, first)


@lru_cache(maxsize=64)
def _recent_months(month: date) -> tuple[str, ...]:
    """Return the three years of months before a month, the latest first, as standings name them."""
    return tuple(add_months(month, -back).isoformat()[:7] for back in range(1, 37))


def rolled_history(basis: Any, tariff: Tariff, at: datetime) -> History:
    """Return the accumulators as they stand at a moment: windows that ended count from zero."""
    day = business_day(counted_at(at, basis), basis.zone)
    month = month_start(day)
    months = basis.months_wh
    recent = tuple([months.get(key, 0) for key in _recent_months(month)])
    opened = business_day(basis.opened_at, basis.zone) if basis.opened_at else None
    return History(
        month_wh=months.get(month.isoformat()[:7], 0),
        year_wh=basis.year_wh if basis.year_start == year_window(tariff, day) else 0,
        recent_months_wh=recent,
        charged_through=basis.charged_through,
        account_opened=opened,
        carry_minor=basis.carry_minor,
    )


def token_parts(at: datetime, basis: Any, units: int) -> tuple[tuple[int, int], ...]:
    """
    Return the units and the identifier of each token of a purchase; see ``identifier_after``.

    :raises OutOfRange: if the moment lies outside the base date's range
    :raises NotSellable: if the meter's key does not reach that far
    """
    parts = parts_of(units, identifier_after(at, basis.base_date, basis.latest_token_identifier))
    identifier = parts[-1][1]
    # The group's key may end earlier than the archive says of the meter.
    expiry = min(basis.key_expiry, 255 if basis.group_key_expiry is None else basis.group_key_expiry)
    if identifier > TID_MAX or is_expired(identifier, expiry):
        raise NotSellable(
            "The meter's key has expired: its expiry number is {expiry}. Nothing was sold.",
            expiry=expiry,
            remedy="Have its key changed first, then sell again.",
        )
    return parts


def identifier_after(at: datetime, base_date: int, latest: int | None) -> int:
    """
    Return the identifier of a meter's next token: now, or the first one after its latest.

    It never goes back, whatever the clock does, and leaves out the reserved minute; it may lie
    beyond what a key or 24 bits allow.

    :raises OutOfRange: if the moment lies outside the base date's range
    """
    identifier = max(identifier_at(at, base_date), (latest or 0) + 1)
    return identifier + is_reserved(identifier)


def counted_at(at: datetime, basis: Any) -> datetime:
    """
    Return the moment whose month and year a purchase counts in: not before the purchase it follows.

    A purchase that lies more than a day ahead was made by a clock that was wrong, and binds nobody.
    """
    latest = basis.latest_vend_at
    return latest if latest and at < latest < at + _CLOCK_SLACK else at


def deductions(debts: Sequence[Any]) -> tuple[Deduction, ...]:
    """Turn open debts into the deductions that a quote takes, in their order."""
    return tuple(
        Deduction(
            code=f"debt.{debt.id}",
            label=debt.description,
            kind="percent" if debt.mode == "PERCENT" else "fixed",
            value=Fraction(debt.percent_bp, 10_000) if debt.mode == "PERCENT" else Fraction(debt.fixed_minor),
            remaining_minor=debt.remaining_minor,
            base="tender",
            priority=debt.priority,
        )
        for debt in debts
    )


def token_floor_wh(wh: int) -> int:
    """Return the most energy that tokens can name and that is not more than ``wh``; as few tokens as can be."""
    whole, rest = divmod(min(wh // WH_PER_UNIT, UNITS_MAX * TOKENS_MAX), UNITS_MAX)
    return (whole * UNITS_MAX + largest_representable_at_most(rest)) * WH_PER_UNIT


def token_ceiling_wh(wh: int) -> int:
    """Return the least energy that tokens can name and that is not less than ``wh``."""
    whole, rest = divmod(-(-wh // WH_PER_UNIT), UNITS_MAX)
    return (whole * UNITS_MAX + decode_amount(encode_amount(rest))) * WH_PER_UNIT


def parts_of(units: int, first_identifier: int) -> tuple[tuple[int, int], ...]:
    """
    Return the units and the identifier of each token that a purchase needs; one unless it is enormous.

    :raises OutOfRange: if more tokens were needed than a meter remembers
    """
    parts = []
    identifier = first_identifier
    for share in split_units(units):
        identifier += is_reserved(identifier)
        parts.append((share, identifier))
        identifier += 1
    return tuple(parts)
