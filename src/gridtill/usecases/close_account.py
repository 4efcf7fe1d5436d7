"""Cancelling an account: settlement of what is left, the meter freed, the agreement ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gridtill.apps.customers.operations import close_agreement, is_opening_password, remove_meter
from gridtill.apps.vending.operations.settlement import (
    ApprovalMissing,
    Reading,
    lock_account_of,
    settle_account,
    settled_before,
)
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Closing:
    """
    How an account ends: what the meter still holds and shows, in Wh, and the customer's opening password.

    ``password_waived`` goes on without it, if a second person agrees; the reason is kept.
    """

    agreement_id: int
    usage_point_id: int
    shift_id: int
    remaining_wh: int
    register_wh: int
    password: str
    reason: str
    password_waived: bool = False


def close_account(
    *, request_id: UUID, closing: Closing, actor: Actor, at: datetime, approver: Actor | None = None
) -> str:
    """
    Cancel an opened account, all or nothing, and return the number of the settlement document.

    The same request again returns the same number and changes nothing.

    :raises InvalidValue: if the opening password is wrong, or is waived without a reason
    :raises ApprovalMissing: if a second person has to agree, and none did
    :raises Refusal: what any step refuses; then nothing of it was written
    """
    with transaction.atomic():
        # The account's lock, as the settlement takes it: of two equal requests the second finds what the first did.
        agreement = lock_account_of(closing.agreement_id)
        reading = Reading(closing.remaining_wh, closing.register_wh)
        if (done := settled_before(request_id, agreement, reading)) is not None:
            return done.number
        _check_password(closing, approver)
        document = settle_account(
            request_id=request_id,
            agreement_id=closing.agreement_id,
            shift_id=closing.shift_id,
            reading=reading,
            reason=closing.reason,
            actor=actor,
            at=at,
            approver=approver,
        )
        close_agreement(agreement_id=closing.agreement_id, actor=actor, at=at)
        remove_meter(usage_point_id=closing.usage_point_id, register_wh=closing.register_wh, actor=actor, at=at)
    return document.number


def _check_password(closing: Closing, approver: Actor | None) -> None:
    if not closing.password_waived:
        if not is_opening_password(agreement_id=closing.agreement_id, password=closing.password):
            raise InvalidValue(
                "That is not the password of this account's opening. Nothing was changed.", field="password"
            )
        return
    if len(closing.reason.strip()) < 3:
        raise InvalidValue("Give the reason for going on without the password.", field="reason")
    if approver is None:
        raise ApprovalMissing("Going on without the password needs a second person. Nothing was changed.")
