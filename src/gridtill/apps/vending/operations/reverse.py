"""Taking a purchase back: the mirror of a sale, with the rules of who may and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from gridtill.apps.arrears.operations import give_back
from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.choices import AgreementStatus
from gridtill.apps.customers.models import CustomerAgreement
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, reverse_entry
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.vending.choices import ApprovalState, DeliveryState, DocumentKind, TenderKind, VendState
from gridtill.apps.vending.models import (
    AccountStanding,
    CashierShift,
    Delivery,
    ReversalRequest,
    SalesDocument,
    ShiftTender,
    Tender,
    Vend,
    VendReversal,
)
from gridtill.apps.vending.operations.deliver import recall_delivery
from gridtill.apps.vending.operations.documents import append_document, check_same_request, lock_till
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.shifts import expected_cash
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal


class ReversalRefused(Refusal):
    """This purchase cannot be taken back."""

    code = "reversal_refused"


class DeliveryNotRecallable(ReversalRefused):
    """The credit may be in the meter, or nobody knows whether it is."""

    code = "delivery_not_recallable"


class ApprovalNeeded(ReversalRefused):
    """A second person has to agree first."""

    code = "approval_needed"
    remedy = "Ask for approval; a supervisor finds it among the alerts."


@dataclass(frozen=True, slots=True)
class ReversalCase:
    """What is to be taken back, why, and in which open shift the money is returned."""

    vend_id: UUID
    shift_id: int
    reason: str

    def check(self) -> None:
        """
        Make sure that there is a reason.

        :raises InvalidValue: if it is missing or too long
        """
        if len(self.reason.strip()) < 3 or len(self.reason) > 500:
            raise InvalidValue("Give a reason of 3 to 500 characters.", field="reason")


def approval_reason(vend: Vend, *, at: datetime) -> str:
    """Return why a second person is needed to take a purchase back, empty if nobody is."""
    settings = utility_settings()
    delivery = Delivery.objects.get(vend=vend)
    if delivery.revealed_at is not None:
        return _("The token was shown, so the customer may use it.")
    if business_day(at, settings.zone) != vend.calendar_day:
        return _("It was sold on another day.")
    if settings.reversal_approval_minor and vend.total_minor > settings.reversal_approval_minor:
        return _("It is above the amount that one person may take back.")
    return ""


@transaction.atomic
def reverse_vend(
    *, request_id: UUID, case: ReversalCase, actor: Actor, at: datetime, approver: Actor | None = None
) -> VendReversal:
    """
    Cancel the last purchase of an account and return its tender; the same request does it once.

    Accumulators, debts, carried money and paid charges go back to what they were
    before it, in the windows it was counted in. Later purchases keep their price.

    :raises ReversalRefused: if it is not the last one, or was taken back before
    :raises ApprovalNeeded: if the token was shown, the day has passed or the sum is high, and nobody approved
    :raises DeliveryNotRecallable: if the meter may have the credit
    """
    case.check()
    actor.require("vend.reverse")
    vend = Vend.objects.select_related("agreement__usage_point__customer__office", "till").get(pk=case.vend_id)
    unit_path = vend.agreement.usage_point.customer.office.path
    actor.require("vend.reverse", unit_path)
    standing = AccountStanding.objects.select_for_update(no_key=True).get(pk=vend.agreement_id)
    # Asked under the lock: of two equal requests the second finds what the first has done.
    if (done := _reversed_before(request_id, vend)) is not None:
        return done
    shift = _open_shift(case.shift_id, actor)
    if shift.till.bureau_id != vend.bureau_id:
        raise ReversalRefused("The purchase belongs to another bureau than this till. Nothing was taken back.")
    # Read again under the lock: another counter may have taken it back while we waited.
    vend.refresh_from_db(fields=["state"])
    _check_reversible(vend, standing)
    # Locked before it is asked whether anybody saw the token, so that nobody sees it meanwhile.
    delivery = Delivery.objects.select_for_update(no_key=True).get(vend=vend)
    reason = approval_reason(vend, at=at)
    if reason and approver is None:
        raise ApprovalNeeded("{reason} Nothing was taken back.", reason=reason)
    _check_approver(approver, actor, unit_path)
    recall_delivery(delivery=delivery, actor=actor, at=at)
    return _write_reversal(request_id, case, vend, standing, shift, actor, approver, at)


def _reversed_before(request_id: UUID, vend: Vend) -> VendReversal | None:
    done = VendReversal.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(same=done.vend_id == vend.pk)
    return done


def _open_shift(shift_id: int, actor: Actor) -> CashierShift:
    closed = ReversalRefused("The till is closed. Nothing was taken back.", remedy="Open the till first.")
    till_id = CashierShift.objects.values_list("till_id", flat=True).filter(pk=shift_id).first()
    if till_id is None:
        raise closed
    till = lock_till(till_id)
    shift = CashierShift.objects.get(pk=shift_id)
    shift.till = till
    if shift.state != "OPEN" or shift.cashier_id != actor.id:
        raise closed
    return shift


def _check_reversible(vend: Vend, standing: AccountStanding) -> None:
    if vend.state == VendState.REVERSED:
        raise ReversalRefused("This purchase was taken back already.")
    later = Vend.objects.filter(
        agreement_id=vend.agreement_id, sequence__gt=vend.sequence, state=VendState.SOLD
    ).exists()
    if later or vend.sequence > standing.sequence:
        raise ReversalRefused(
            "Only the last purchase of a customer can be taken back. Nothing was changed.",
            remedy="Take back the later ones first, or settle it with the customer otherwise.",
        )
    # Read anew, since settling holds the same lock: what was paid out then must not be paid out again.
    if CustomerAgreement.objects.values_list("status", flat=True).get(pk=vend.agreement_id) == AgreementStatus.CLOSED:
        raise ReversalRefused(
            "This account was settled, and the energy of its purchases with it. Nothing was changed.",
            remedy="Look at the settlement; it says what was paid out.",
        )
    if Tender.objects.filter(vend=vend, bounced_at__isnull=False).exists():
        raise ReversalRefused(
            "Its cheque came back unpaid, so there is no money to return. Nothing was changed.",
            remedy="Settle the debt of the cheque with the customer.",
        )
    _check_cheque_in_hand(vend)
    state = Delivery.objects.values_list("state", flat=True).get(vend=vend)
    if state in {DeliveryState.LOADED, DeliveryState.UNKNOWN, DeliveryState.DISPATCHED}:
        raise DeliveryNotRecallable(
            "The credit is in the meter, or may be. Nothing was taken back.",
            remedy="Wait until the delivery is settled; a purchase in the meter stays sold.",
        )


def _check_cheque_in_hand(vend: Vend) -> None:
    """Lock the shift that holds a purchase's cheque, and make sure that it did not go to the bank."""
    if not Tender.objects.filter(vend=vend, kind=TenderKind.CHEQUE).exists():
        return
    if (
        CashierShift.objects.select_for_update(of=("self",), no_key=True).get(pk=vend.shift_id).banking_batch_id
        is not None
    ):
        raise ReversalRefused(
            "Its cheque went to the bank, so it cannot be given back. Nothing was taken back.",
            remedy="Settle it with the customer otherwise; if the bank returns the cheque, record that.",
        )


def _check_approver(approver: Actor | None, actor: Actor, unit_path: str) -> None:
    if approver is None:
        return
    approver.require("vend.reverse_approve", unit_path)
    if approver.id == actor.id:
        raise ReversalRefused("Nobody approves their own reversal.", remedy="Ask another supervisor.")


def _write_reversal(
    request_id: UUID,
    case: ReversalCase,
    vend: Vend,
    standing: AccountStanding,
    shift: CashierShift,
    actor: Actor,
    approver: Actor | None,
    at: datetime,
) -> VendReversal:
    tenders = list(Tender.objects.filter(vend=vend).order_by("id"))
    if sum(tender.amount_minor for tender in tenders if tender.kind == TenderKind.CASH) > expected_cash(shift):
        raise ReversalRefused(
            "The drawer does not hold that much by the books. Nothing was taken back.",
            remedy="Take it back at a till that has the cash.",
        )
    document = append_document(
        till=shift.till,
        shift=shift,
        kind=DocumentKind.REVERSAL,
        subject_id=request_id,
        at=at,
        content=_content(vend, case, actor, approver, tenders),
    )
    _restore_standing(standing, vend)
    give_back(taken=_taken(vend), actor=actor, at=at)
    for tender in tenders:
        ShiftTender.objects.filter(shift=shift, kind=tender.kind).update(
            reversed_count=F("reversed_count") + 1, reversed_minor=F("reversed_minor") + tender.amount_minor
        )
    Vend.objects.filter(pk=vend.pk, state=VendState.SOLD).update(state=VendState.REVERSED)
    # The payment went back, so the same one may pay again.
    Tender.objects.filter(vend=vend).update(reference_key=None)
    # Somebody may have asked for it too; that wish is overtaken, unless it is the one that is being granted.
    overtaken = ReversalRequest.objects.filter(vend=vend, state=ApprovalState.REQUESTED).exclude(pk=request_id)
    overtaken.update(state=ApprovalState.DECLINED, decided_at=at, note="The purchase was taken back otherwise.")
    reverse_entry(
        original_id=vend.pk,
        head=EntryHead(request_id, EntryKind.REVERSAL, document.number, shift.business_day, at, at),
        moved={f"1000.{vend.till.code}": f"1000.{shift.till.code}"},
    )
    reversal = VendReversal.objects.create(
        id=request_id,
        vend=vend,
        number=document.number,
        till=shift.till,
        shift=shift,
        reason=case.reason.strip(),
        requested_by_id=actor.person_id,
        approved_by_id=approver.id if approver else None,
        at=at,
        business_day=shift.business_day,
        is_late=shift.pk != vend.shift_id,
    )
    record_write(
        actor=actor,
        at=at,
        action="vending.vend.reversed",
        subject=vend,
        unit_path=vend.agreement.usage_point.customer.office.path,
        before={"state": VendState.SOLD},
        after={"state": VendState.REVERSED, "number": document.number, "approver": approver.name if approver else None},
        request_id=request_id,
        reason=case.reason,
    )
    return reversal


def _content(
    vend: Vend, case: ReversalCase, actor: Actor, approver: Actor | None, tenders: list[Tender]
) -> dict[str, Any]:
    return {
        "vend": str(vend.pk),
        "original": vend.number,
        "customer": {"number": vend.agreement.usage_point.customer.number},
        "cashier": actor.name,
        "approver": approver.name if approver else None,
        "reason": case.reason.strip(),
        "total_minor": -vend.total_minor,
        "energy_wh": -vend.energy_wh,
        "tenders": [{"kind": tender.kind, "amount_minor": -tender.amount_minor} for tender in tenders],
    }


def _restore_standing(standing: AccountStanding, vend: Vend) -> None:
    before = vend.before
    months = dict(standing.months_wh)
    months[before["month"]] = max(0, months.get(before["month"], 0) - vend.energy_wh)
    standing.months_wh = months
    # Every later purchase is taken back, so a yearly window that began after this one holds nothing.
    standing.year_wh = max(0, standing.year_wh - vend.energy_wh)
    standing.charged_through = _date(before["charged_through"])
    standing.carry_minor = before["carry_minor"]
    standing.total_wh -= vend.energy_wh
    standing.total_minor -= vend.total_minor
    standing.version += 1
    standing.save()


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _taken(vend: Vend) -> dict[int, int]:
    """Return what the sale took from each debt, read from its document, by the debt's id."""
    payload = SalesDocument.objects.values_list("payload", flat=True).get(number=vend.number)
    lines = json.loads(payload)["lines"]
    return {
        int(line["code"].removeprefix("debt.")): line["amount_minor"]
        for line in lines
        if line["kind"] == "DEBT" and line["amount_minor"]
    }


@transaction.atomic
def request_reversal(*, request_id: UUID, vend_id: UUID, reason: str, actor: Actor, at: datetime) -> ReversalRequest:
    """
    Ask a supervisor to agree to a reversal; the same request asks once.

    :raises ReversalRefused: if the purchase cannot be taken back at all, or somebody asked already
    """
    ReversalCase(vend_id, 0, reason).check()
    done = ReversalRequest.objects.filter(pk=request_id).first()
    if done is not None:
        check_same_request(same=done.vend_id == vend_id)
        return done
    vend = Vend.objects.select_related("agreement__usage_point__customer__office").get(pk=vend_id)
    unit_path = vend.agreement.usage_point.customer.office.path
    actor.require("vend.reverse", unit_path)
    _check_reversible(vend, AccountStanding.objects.select_for_update(no_key=True).get(pk=vend.agreement_id))
    if ReversalRequest.objects.filter(vend=vend, state=ApprovalState.REQUESTED).exists():
        raise ReversalRefused("Somebody asked to take this purchase back already.", remedy="Wait for the decision.")
    wish = ReversalRequest.objects.create(
        id=request_id, vend=vend, reason=reason.strip(), requested_by_id=actor.person_id, requested_at=at
    )
    record_write(
        actor=actor,
        at=at,
        action="vending.reversal.requested",
        subject=wish,
        unit_path=unit_path,
        after={"vend": vend.number},
        reason=reason,
    )
    return wish


@transaction.atomic
def decide_reversal(
    *, wish_id: UUID, approve: bool, note: str, requester: Actor, actor: Actor, at: datetime
) -> ReversalRequest:
    """
    Approve or decline a requested reversal; approval takes the purchase back at once.

    The money is returned by the cashier who asked, in the shift they have open.

    :raises ReversalRefused: if it was decided before, the decider asked themselves, or the cashier's till is closed
    """
    agreement_id = ReversalRequest.objects.values_list("vend__agreement_id", flat=True).get(pk=wish_id)
    # The standing first, as every reversal locks it.
    AccountStanding.objects.select_for_update(no_key=True).get(pk=agreement_id)
    wishes = ReversalRequest.objects.select_for_update(of=("self",), no_key=True).select_related("vend", "requested_by")
    wish = wishes.get(pk=wish_id)
    unit_path = wish.vend.agreement.usage_point.customer.office.path
    actor.require("vend.reverse_approve", unit_path)
    if wish.state != ApprovalState.REQUESTED:
        raise ReversalRefused("This was decided already.")
    if wish.requested_by_id == actor.id:
        raise ReversalRefused("Nobody approves their own reversal.", remedy="Ask another supervisor.")
    if approve:
        shift = CashierShift.objects.filter(cashier_id=wish.requested_by_id, state="OPEN").first()
        if shift is None or requester.id != wish.requested_by_id or not wish.requested_by.is_active:
            raise ReversalRefused(
                "The cashier who asked has no open till to return the money from.",
                remedy="Let them open a till, then approve.",
            )
        case = ReversalCase(wish.vend_id, shift.pk, wish.reason)
        reverse_vend(request_id=wish.pk, case=case, actor=requester, at=at, approver=actor)
    wish.state = ApprovalState.DONE if approve else ApprovalState.DECLINED
    wish.decided_by_id, wish.decided_at, wish.note = actor.id, at, note.strip()[:500]
    wish.save()
    record_write(
        actor=actor,
        at=at,
        action="vending.reversal.approved" if approve else "vending.reversal.declined",
        subject=wish,
        unit_path=unit_path,
        after={"state": wish.state},
        reason=note,
    )
    return wish


def modify_vend(
    *,
    reversal_id: UUID,
    case: ReversalCase,
    request_id: UUID,
    order: SaleOrder,
    actor: Actor,
    at: datetime,
    approver: Actor | None = None,
) -> UUID:
    """
    Take a purchase back and sell the right amount in its place, both or neither.

    :raises Refusal: what either step refuses; then both are undone
    """
    with transaction.atomic():
        reverse_vend(request_id=reversal_id, case=case, actor=actor, at=at, approver=approver)
        return sell_energy(request_id=request_id, order=order, actor=actor, at=at)
