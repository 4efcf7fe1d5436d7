"""A cheque that the bank did not honour."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms, add_debt
from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.models import CustomerAccount
from gridtill.apps.ledger.choices import EntryKind
from gridtill.apps.ledger.operations import EntryHead, Line, post_entry
from gridtill.apps.organization.queries import utility_settings
from gridtill.apps.vending.choices import BatchState, DocumentKind, TenderKind, VendState
from gridtill.apps.vending.models import AccountStanding, BankingBatch, CashierShift, SalesDocument, Tender, Vend
from gridtill.apps.vending.operations.documents import append_document, check_same_request, lock_till
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import business_day
from gridtill.kernel.errors import InvalidValue, Refusal
from gridtill.kernel.ids import new_id

# As much of each purchase as a debt may take, so that the customer is not left without any energy.
_SHARE_BP = 9_000


class ChequeRefused(Refusal):
    """This tender is no cheque that can come back."""

    code = "cheque_refused"


@transaction.atomic
def bounce_cheque(*, request_id: UUID, vend_id: UUID, reason: str, actor: Actor, at: datetime) -> SalesDocument:
    """
    Record that the bank returned a purchase's cheque; the same request records it once.

    The energy is sold and stays so. The customer owes the cheque, and purchases pay it off;
    the books take it from where it lay: in hand, in transit or at the bank.

    :raises ChequeRefused: if there is no cheque, it came back before, or the purchase was taken back
    :raises InvalidValue: without a reason
    """
    if len(reason.strip()) < 3 or len(reason) > 300:
        raise InvalidValue("Give a reason of 3 to 300 characters.", field="reason")
    agreement_id, account_id = Vend.objects.values_list("agreement_id", "agreement__account_id").get(pk=vend_id)
    # Account and standing first, in the order of settlements, sales and reversals: none of them comes between.
    account = CustomerAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    AccountStanding.objects.select_for_update(no_key=True).get(pk=agreement_id)
    done = SalesDocument.objects.filter(subject_id=request_id, kind=DocumentKind.CHEQUE_BOUNCED).first()
    if done is not None:
        check_same_request(same=json.loads(done.payload)["vend"] == str(vend_id))
        return done
    tender = _returnable(vend_id, actor)
    vend = tender.vend
    # The till first, as every document is written; it joins the chain of the till that took the cheque.
    till = lock_till(vend.till_id)
    # Locked, as banking and the bank's arrival lock them: where the cheque lies is read and booked in one step.
    shift = CashierShift.objects.select_for_update(of=("self",), no_key=True).get(pk=vend.shift_id)
    batch = BankingBatch.objects.select_for_update(no_key=True).filter(shifts=shift).first()
    document = append_document(
        till=till,
        shift=shift,
        kind=DocumentKind.CHEQUE_BOUNCED,
        subject_id=request_id,
        at=at,
        content=_content(tender, reason, actor),
    )
    _claim(account, tender, actor, at)
    day = business_day(at, utility_settings().zone)
    post_entry(
        head=EntryHead(new_id(), EntryKind.CHEQUE, document.number, day, at, at),
        # A debt was set up against income; a returned cheque earns nothing, so that is taken out again. A closed
        # account buys no more that could pay a debt: it owes the cheque itself, until somebody collects it.
        lines=[
            Line("1400" if account.closed_at else "4950", tender.amount_minor),
            Line(_where(batch), -tender.amount_minor),
        ],
    )
    # Who waited for the standing reads anew, and sees the debt.
    AccountStanding.objects.filter(agreement_id=agreement_id).update(version=F("version") + 1)
    tender.bounced_at = at
    tender.save(update_fields=["bounced_at"])
    record_write(
        actor=actor,
        at=at,
        action="vending.cheque.returned",
        subject=vend,
        unit_path=vend.customer.office.path,
        after={"number": document.number, "amount_minor": tender.amount_minor},
        request_id=request_id,
        reason=reason,
    )
    return document


def _claim(account: CustomerAccount, tender: Tender, actor: Actor, at: datetime) -> None:
    """Set the cheque up as a debt that purchases pay off, where there will be purchases."""
    if account.closed_at is not None:
        return
    terms = DebtTerms(
        DebtKind.CHEQUE, f"Returned cheque {tender.reference}"[:120], RecoveryMode.PERCENT, _SHARE_BP, priority=1
    )
    add_debt(account_id=account.pk, principal_minor=tender.amount_minor, terms=terms, actor=actor, at=at)


def _returnable(vend_id: UUID, actor: Actor) -> Tender:
    tender = (
        Tender.objects.select_for_update(of=("self",), no_key=True)
        .select_related("vend__customer__account", "vend__customer__office")
        .filter(vend_id=vend_id, kind=TenderKind.CHEQUE)
        .first()
    )
    if tender is None:
        raise ChequeRefused("This purchase was not paid by cheque. Nothing was changed.")
    actor.require("shift.banking", tender.vend.customer.office.path)
    if tender.bounced_at is not None:
        raise ChequeRefused("This cheque was recorded as returned already. Nothing was changed.")
    if tender.vend.state == VendState.REVERSED:
        raise ChequeRefused("This purchase was taken back, and the cheque with it. Nothing was changed.")
    return tender


def _content(tender: Tender, reason: str, actor: Actor) -> dict[str, Any]:
    return {
        "vend": str(tender.vend_id),
        "original": tender.vend.number,
        "customer": {"number": tender.vend.customer.number},
        "reference": tender.reference,
        "amount_minor": tender.amount_minor,
        "reason": reason.strip(),
        "recorded_by": actor.name,
    }


def _where(batch: BankingBatch | None) -> str:
    """Return the account in which a cheque lies that went, or did not go, to the bank with a batch."""
    if batch is None:
        return "1120"
    return "1310" if batch.state == BatchState.ARRIVED else "1300"
