"""Settling what is left when an account ends: what it comes to, who agrees, and the cash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from gridtill.apps.arrears.operations import offset_debts
from gridtill.apps.arrears.queries import frozen_debts
from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.choices import AgreementStatus
from gridtill.apps.customers.models import CustomerAccount, CustomerAgreement, MeterInstallation
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.pricing.queries import tariff_version
from gridtill.apps.vending.choices import BatchState, DocumentKind, TenderKind, VendState
from gridtill.apps.vending.models import (
    AccountStanding,
    CashierShift,
    Delivery,
    SalesDocument,
    ShiftTender,
    Tender,
    Till,
    Vend,
)
from gridtill.apps.vending.operations.documents import append_document, check_same_request, lock_till
from gridtill.apps.vending.operations.sell import line_account
from gridtill.apps.vending.operations.shifts import expected_cash
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.rounding import Mode, round_ratio
from gridtill.tariff.document import Tariff
from gridtill.tariff.quote import LineKind

_REFUNDED = (LineKind.ENERGY, LineKind.PASS_THROUGH, LineKind.TAX, LineKind.LEVY)


class NotSettleable(Refusal):
    """The account has open ends that must be settled first."""

    code = "not_settleable"


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What an account comes to when it ends: positive ``due_minor`` is paid out, negative is claimed.

    ``by_account`` says which ledger accounts the refund of energy is taken from; ``coin_minor``
    is the smallest coin, in which cash is paid and rounded for the customer.
    """

    remaining_wh: int
    energy_minor: int
    carry_minor: int
    debt_minor: int
    by_account: tuple[tuple[str, int], ...]
    coin_minor: int = 1

    @property
    def exact_minor(self) -> int:
        """What is due before it is rounded to coins."""
        return self.energy_minor + self.carry_minor - self.debt_minor

    @property
    def due_minor(self) -> int:
        """Money to the customer if positive, from the customer if negative, in whole coins."""
        return -(-self.exact_minor // self.coin_minor) * self.coin_minor


def settlement_of(agreement_id: int, remaining_wh: int, debt_minor: int) -> Settlement:
    """
    Value the energy that is left in a meter, last bought first, at the prices it was bought at.

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
        coin_minor=max(1, utility_settings().cash_rounding_minor),
    )


def _refund_of(vend: Vend, taken_wh: int) -> list[tuple[str, int]]:
    document = json.loads(SalesDocument.objects.values_list("payload", flat=True).get(number=vend.number))
    price_class = vend.tariff_version.structure.price_class
    lines: list[dict[str, Any]] = [line for line in document["lines"] if LineKind(line["kind"]) in _REFUNDED]
    shares = _shares_on_energy(tariff_version(vend.tariff_version_id).tariff, document["lines"])
    refunds = []
    for line in lines:
        kind, share = LineKind(line["kind"]), shares[line["code"]]
        minor = round_ratio(
            line["amount_minor"] * taken_wh * share.numerator, vend.energy_wh * share.denominator, Mode.DOWN
        )
        refunds.append((line_account(kind, line["code"], price_class), minor))
    return refunds


def _shares_on_energy(tariff: Tariff, lines: list[dict[str, Any]]) -> dict[str, Fraction]:
    """
    Return by line code which part of it lay on the energy of a purchase, and so comes back with the energy.

    Energy and what is paid per kWh comes back whole, charges do not, and a percentage as far as its bases do.
    """
    amounts: dict[str, int] = {}
    shares: dict[str, Fraction] = {}
    for line in lines:
        amounts[line["code"]] = amounts.get(line["code"], 0) + line["amount_minor"]
        shares[line["code"]] = Fraction(LineKind(line["kind"]) in (LineKind.ENERGY, LineKind.PASS_THROUGH))
    for levy in tariff.levies:
        if levy.code not in amounts:
            continue
        if levy.per_kwh:
            shares[levy.code] = Fraction(1)
            continue
        bases = {code: amount for code, amount in amounts.items() if code in levy.bases}
        on_energy = sum((amount * shares[code] for code, amount in bases.items()), Fraction(0))
        total = sum(bases.values())
        shares[levy.code] = on_energy / total if total else Fraction(0)
    return shares


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read at the meter for a settlement, in watt-hours: the credit that is left, and its register."""

    remaining_wh: int
    register_wh: int


class ApprovalMissing(NotSettleable):
    """A second person has to agree to this settlement."""

    code = "approval_needed"
    remedy = "Let a supervisor agree on this page, with their own name and password."


# A reading between two steps of the display is not worth a supervisor's time.
_TOLERANCE_WH = 1_000


def settlement_doubt(agreement: CustomerAgreement, reading: Reading, due_minor: int) -> str:
    """
    Return why a second person has to agree to a settlement, empty if nobody has to.

    :raises InvalidValue: if more is left than was ever bought
    """
    bought = AccountStanding.objects.get(agreement=agreement).total_wh + agreement.initial_credit_wh
    if reading.remaining_wh > bought:
        raise InvalidValue("The meter cannot hold more than was ever bought for it.", field="remaining")
    installed = MeterInstallation.objects.filter(usage_point_id=agreement.usage_point_id, removed_at=None).first()
    used = max(0, reading.register_wh - installed.installed_register_wh) if installed else 0
    if reading.remaining_wh > bought - used + _TOLERANCE_WH:
        return _("More credit is left than purchases less use can leave.")
    limit = utility_settings().reversal_approval_minor
    if limit and due_minor > limit:
        return _("It is above the amount that one person may pay out.")
    return ""


def lock_account_of(agreement_id: int) -> CustomerAgreement:
    """Lock the account of an agreement: of its supplies settled at once, one is the last and carries the debts."""
    rows = CustomerAgreement.objects.select_related("usage_point__customer__office", "account")
    agreement = rows.get(pk=agreement_id)
    CustomerAccount.objects.select_for_update(no_key=True).get(pk=agreement.account_id)
    return agreement


@transaction.atomic
def settle_account(
    *,
    request_id: UUID,
    agreement_id: int,
    shift_id: int,
    reading: Reading,
    reason: str,
    actor: Actor,
    at: datetime,
    approver: Actor | None = None,
) -> SalesDocument:
    """
    Pay out or collect what an account comes to and end its buying; the same request settles once.

    Debts are paid from the refund first; what remains of them is collected with the claim.

    :raises NotSettleable: if a delivery or a cheque is open, a debt is frozen, the account was settled, or the
        till is closed or lacks the cash
    :raises ApprovalMissing: if the reading or the sum needs a second person, and nobody agreed
    :raises RequestReused: if the request settled another account, or this one otherwise
    """
    agreement = lock_account_of(agreement_id)
    unit = agreement.usage_point.customer.office
    actor.require("account.close", unit.path)
    standing = AccountStanding.objects.select_for_update(no_key=True).get(agreement_id=agreement_id)
    if (done := settled_before(request_id, agreement, reading)) is not None:
        return done
    till, shift = _open_till(shift_id, standing, actor)
    debt = _debt_to_settle(agreement, actor, at)
    settlement = settlement_of(agreement_id, reading.remaining_wh, debt)
    _check_agreed(settlement_doubt(agreement, reading, settlement.due_minor), approver, actor, unit.path)
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
        content=_content(agreement, settlement, reading, reason, actor, approver),
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
        after={
            "due_minor": settlement.due_minor,
            "remaining_wh": reading.remaining_wh,
            "number": document.number,
            "approver": approver.name if approver else None,
        },
        request_id=request_id,
        reason=reason,
    )
    return document


def _debt_to_settle(agreement: CustomerAgreement, actor: Actor, at: datetime) -> int:
    """Make sure that nothing of the account is open, mark its debts as paid and return their sum."""
    # Asked under the lock: of two settlements of one account the second finds it closed.
    if CustomerAgreement.objects.values_list("status", flat=True).get(pk=agreement.pk) not in {"ACTIVE", "PAUSED"}:
        raise NotSettleable("Only an opened account can be settled. Nothing was settled.")
    _check_settled_deliveries(agreement.pk)
    _check_cleared_cheques(agreement.pk)
    others = CustomerAgreement.objects.filter(account=agreement.account).exclude(pk=agreement.pk)
    others = others.exclude(status=AgreementStatus.CLOSED)
    if not others.exists():
        _check_no_frozen_debt(agreement.account_id)
    # Debts belong to the account: while another supply goes on, it goes on paying them.
    return 0 if others.exists() else offset_debts(account_id=agreement.account_id, actor=actor, at=at)


def _open_till(shift_id: int, standing: AccountStanding, actor: Actor) -> tuple[Till, CashierShift]:
    till_id = CashierShift.objects.values_list("till_id", flat=True).get(pk=shift_id)
    till = lock_till(till_id)
    shift = CashierShift.objects.get(pk=shift_id)
    if shift.state != "OPEN" or shift.cashier_id != actor.id:
        raise NotSettleable("The till is closed. Nothing was settled.", remedy="Open the till first.")
    if till.bureau_id != standing.bureau_id:
        raise NotSettleable("The customer belongs to another bureau than this till. Nothing was settled.")
    return till, shift


def settled_before(request_id: UUID, agreement: CustomerAgreement, reading: Reading) -> SalesDocument | None:
    """
    Return the settlement that a request made before, None if it made none.

    :raises RequestReused: if it was of another account, or of another reading
    """
    done = SalesDocument.objects.filter(subject_id=request_id, kind=DocumentKind.SETTLEMENT).first()
    if done is not None:
        content = json.loads(done.payload)
        check_same_request(
            same=(content["usage_point"], content["remaining_wh"])
            == (agreement.usage_point.number, reading.remaining_wh)
        )
    return done


def _check_agreed(doubt: str, approver: Actor | None, actor: Actor, unit_path: str) -> None:
    if doubt and approver is None:
        raise ApprovalMissing("{doubt} Nothing was settled.", doubt=doubt)
    if approver is None:
        return
    approver.require("vend.reverse_approve", unit_path)
    if approver.id == actor.id:
        raise ApprovalMissing("Nobody agrees to their own settlement. Nothing was settled.")


def _check_cleared_cheques(agreement_id: int) -> None:
    """Energy that a cheque paid for is not paid out in cash before the bank has the cheque."""
    held = Tender.objects.filter(vend__agreement_id=agreement_id, kind=TenderKind.CHEQUE, bounced_at=None)
    held = held.filter(vend__state=VendState.SOLD).exclude(vend__shift__banking_batch__state=BatchState.ARRIVED)
    if held.exists():
        raise NotSettleable(
            "A cheque of this account is not at the bank yet. Nothing was settled.",
            remedy="Settle when the bank has it, or take the purchase back.",
        )


def _check_no_frozen_debt(account_id: int) -> None:
    if frozen_debts(account_id):
        raise NotSettleable(
            "A debt of this account is frozen, and nothing would ever pay it. Nothing was settled.",
            remedy="Let whoever froze it decide: recover it again, so that the settlement pays it.",
        )


def _check_settled_deliveries(agreement_id: int) -> None:
    open_ones = Delivery.objects.filter(
        vend__agreement_id=agreement_id, state__in=["PENDING", "DISPATCHED", "UNKNOWN", "FAILED"]
    )
    if open_ones.exists():
        raise NotSettleable(
            "A purchase of this account has not reached its end. Nothing was settled.",
            remedy="Deliver it, or take it back, first.",
        )


def _content(
    agreement: CustomerAgreement,
    settlement: Settlement,
    reading: Reading,
    reason: str,
    actor: Actor,
    approver: Actor | None,
) -> dict[str, Any]:
    customer = agreement.usage_point.customer
    return {
        "cashier": actor.name,
        "customer": {"number": customer.number, "name": customer.name},
        "usage_point": agreement.usage_point.number,
        "remaining_wh": settlement.remaining_wh,
        "register_wh": reading.register_wh,
        "approver": approver.name if approver else None,
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
    lines.append(Line("4900", settlement.due_minor - settlement.exact_minor))
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
