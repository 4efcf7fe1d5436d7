"""Beginning and ending what an agreement may buy on, and settling what is left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max

from gridtill.apps.arrears.operations import offset_debts
from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.models import CustomerAgreement, MeterInstallation
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.vending.choices import DocumentKind, TenderKind, VendState
from gridtill.apps.vending.models import AccountStanding, CashierShift, Delivery, SalesDocument, ShiftTender, Vend
from gridtill.apps.vending.operations.documents import append_document, lock_till
from gridtill.apps.vending.operations.sell import line_account
from gridtill.apps.vending.operations.shifts import expected_cash
from gridtill.apps.vending.operations.tills import bureau_of
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.rounding import Mode, round_ratio
from gridtill.tariff.quote import LineKind

_REFUNDED = (LineKind.ENERGY, LineKind.PASS_THROUGH, LineKind.TAX, LineKind.LEVY)


class NotSettleable(Refusal):
    """The account has open ends that must be settled first."""

    code = "not_settleable"


def open_standing(*, agreement_id: int, actor: Actor, at: datetime) -> AccountStanding:
    """
    Let an agreement buy, from nothing bought; token identifiers go on after the meter's last one.

    Opening one that is open changes nothing.
    """
    agreement = CustomerAgreement.objects.select_related("usage_point__customer__office").get(pk=agreement_id)
    unit = agreement.usage_point.customer.office
    standing, made = AccountStanding.objects.get_or_create(
        agreement=agreement,
        defaults={"bureau_id": bureau_of(unit), "latest_token_identifier": latest_identifier(agreement.usage_point_id)},
    )
    if made:
        record_write(
            actor=actor,
            at=at,
            action="vending.standing.opened",
            subject=standing,
            unit_path=unit.path,
            after={"latest_token_identifier": standing.latest_token_identifier},
        )
    return standing


def latest_identifier(usage_point_id: int) -> int:
    """Return the last token identifier that was ever reserved for the meter at a usage point, 0 if none was."""
    meter_id = (
        MeterInstallation.objects.filter(usage_point_id=usage_point_id, removed_at=None)
        .values_list("meter_id", flat=True)
        .first()
    )
    if meter_id is None:
        return 0
    found = Delivery.objects.filter(meter_id=meter_id).aggregate(latest=Max("token_identifier"))["latest"]
    return found or 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What an account comes to when it ends: positive ``due_minor`` is paid out, negative is claimed.

    ``by_account`` says which ledger accounts the refund of energy is taken from.
    """

    remaining_wh: int
    energy_minor: int
    carry_minor: int
    debt_minor: int
    by_account: tuple[tuple[str, int], ...]

    @property
    def due_minor(self) -> int:
        """Money to the customer if positive, from the customer if negative."""
        return self.energy_minor + self.carry_minor - self.debt_minor


def settlement_of(agreement_id: int, remaining_wh: int, debt_minor: int) -> Settlement:
    """
    Value the energy that is left in a meter at the prices it was bought at, last bought first.

    Energy beyond all purchases (the meter came with it) is worth nothing.

    :raises InvalidValue: if the remaining energy is negative or cannot be
    """
    if not 0 <= remaining_wh <= 10**12:
        raise InvalidValue("The remaining energy cannot be negative or that large.", field="remaining")
    shares: dict[str, int] = {}
    left = remaining_wh
    vends = Vend.objects.filter(agreement_id=agreement_id, state=VendState.SOLD).order_by("-sequence")
    for vend in vends.select_related("tariff_version__structure").iterator():
        if left <= 0:
            break
        taken = min(left, vend.energy_wh)
        left -= taken
        for account, minor in _refund_of(vend, taken):
            shares[account] = shares.get(account, 0) + minor
    standing = AccountStanding.objects.get(agreement_id=agreement_id)
    return Settlement(
        remaining_wh=remaining_wh,
        energy_minor=sum(shares.values()),
        carry_minor=standing.carry_minor,
        debt_minor=debt_minor,
        by_account=tuple(sorted(shares.items())),
    )


def _refund_of(vend: Vend, taken_wh: int) -> list[tuple[str, int]]:
    document = json.loads(SalesDocument.objects.values_list("payload", flat=True).get(number=vend.number))
    price_class = vend.tariff_version.structure.price_class
    lines: list[dict[str, Any]] = [line for line in document["lines"] if LineKind(line["kind"]) in _REFUNDED]
    # Taxes on periodic charges stay: only the part that lay on energy comes back.
    base = vend.energy_minor + vend.charges_minor
    refunds = []
    for line in lines:
        kind = LineKind(line["kind"])
        on_energy = (vend.energy_minor, base) if kind in (LineKind.TAX, LineKind.LEVY) and base else (1, 1)
        minor = round_ratio(line["amount_minor"] * taken_wh * on_energy[0], vend.energy_wh * on_energy[1], Mode.DOWN)
        refunds.append((line_account(kind, line["code"], price_class), minor))
    return refunds


@transaction.atomic
def settle_account(
    *, request_id: UUID, agreement_id: int, shift_id: int, remaining_wh: int, reason: str, actor: Actor, at: datetime
) -> SalesDocument:
    """
    Pay out or collect what an account comes to and end its buying; the same request settles once.

    Debts are paid from the refund first; what remains of them is collected with the claim.

    :raises NotSettleable: if a delivery is open, the account was settled, the till is closed or lacks the cash
    """
    agreement = CustomerAgreement.objects.select_related("usage_point__customer__office", "account").get(
        pk=agreement_id
    )
    unit = agreement.usage_point.customer.office
    actor.require("account.close", unit.path)
    standing = AccountStanding.objects.select_for_update().get(agreement_id=agreement_id)
    done = SalesDocument.objects.filter(subject_id=request_id, kind=DocumentKind.SETTLEMENT).first()
    if done is not None:
        return done
    till_id = CashierShift.objects.values_list("till_id", flat=True).get(pk=shift_id)
    till = lock_till(till_id)
    shift = CashierShift.objects.get(pk=shift_id)
    if shift.state != "OPEN" or shift.cashier_id != actor.id:
        raise NotSettleable("The till is closed. Nothing was settled.", remedy="Open the till first.")
    if till.bureau_id != standing.bureau_id:
        raise NotSettleable("The customer belongs to another bureau than this till. Nothing was settled.")
    # Asked under the lock: of two settlements of one account the second finds it closed.
    if CustomerAgreement.objects.values_list("status", flat=True).get(pk=agreement_id) not in {"ACTIVE", "PAUSED"}:
        raise NotSettleable("Only an opened account can be settled. Nothing was settled.")
    _check_settled_deliveries(agreement_id)
    others = CustomerAgreement.objects.filter(account=agreement.account, status="ACTIVE").exclude(pk=agreement_id)
    # Debts belong to the account: while another supply goes on, it goes on paying them.
    debt = 0 if others.exists() else offset_debts(account_id=agreement.account_id, actor=actor, at=at)
    settlement = settlement_of(agreement_id, remaining_wh, debt)
    if settlement.due_minor > expected_cash(shift):
        raise NotSettleable(
            "The drawer does not hold that much by the books. Nothing was settled.",
            remedy="Pay it out at a till that has the cash.",
        )
    document = append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.SETTLEMENT,
        subject_id=request_id,
        at=at,
        content=_content(agreement, settlement, reason, actor),
    )
    _post_settlement(request_id, settlement, document, shift, till.code, at)
    _count_cash(shift, settlement.due_minor)
    AccountStanding.objects.filter(pk=standing.pk).update(version=F("version") + 1, carry_minor=0)
    record_write(
        actor=actor,
        at=at,
        action="vending.account.settled",
        subject=agreement,
        unit_path=unit.path,
        after={"due_minor": settlement.due_minor, "remaining_wh": remaining_wh, "number": document.number},
        request_id=request_id,
        reason=reason,
    )
    return document


def _check_settled_deliveries(agreement_id: int) -> None:
    open_ones = Delivery.objects.filter(
        vend__agreement_id=agreement_id, state__in=["PENDING", "DISPATCHED", "UNKNOWN", "FAILED"]
    )
    if open_ones.exists():
        raise NotSettleable(
            "A purchase of this account has not reached its end. Nothing was settled.",
            remedy="Deliver it, or take it back, first.",
        )


def _content(agreement: CustomerAgreement, settlement: Settlement, reason: str, actor: Actor) -> dict[str, Any]:
    customer = agreement.usage_point.customer
    return {
        "cashier": actor.name,
        "customer": {"number": customer.number, "name": customer.name},
        "usage_point": agreement.usage_point.number,
        "remaining_wh": settlement.remaining_wh,
        "energy_minor": settlement.energy_minor,
        "carry_minor": settlement.carry_minor,
        "debt_minor": settlement.debt_minor,
        "due_minor": settlement.due_minor,
        "reason": reason.strip()[:500],
    }


def _post_settlement(
    request_id: UUID, settlement: Settlement, document: SalesDocument, shift: CashierShift, till_code: str, at: datetime
) -> None:
    lines = [Line(account, minor) for account, minor in settlement.by_account]
    lines += [Line("2000", settlement.carry_minor), Line("1400", -settlement.debt_minor)]
    lines.append(Line(f"1000.{till_code}", -settlement.due_minor))
    if any(line.amount_minor for line in lines):
        head = EntryHead(request_id, EntryKind.SETTLEMENT, document.number, shift.business_day, at, at)
        post_entry(head=head, lines=lines)


def _count_cash(shift: CashierShift, due_minor: int) -> None:
    cash = ShiftTender.objects.filter(shift=shift, kind=TenderKind.CASH)
    if due_minor > 0:
        cash.update(reversed_count=F("reversed_count") + 1, reversed_minor=F("reversed_minor") + due_minor)
    elif due_minor < 0:
        cash.update(sold_count=F("sold_count") + 1, sold_minor=F("sold_minor") - due_minor)
