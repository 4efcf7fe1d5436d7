"""Cancelling an account: settlement of what is left, the meter freed, the agreement ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gridtill.apps.customers.operations import close_agreement, is_opening_password, remove_meter
from gridtill.apps.vending.operations.standing import settle_account
from gridtill.apps.vending.queries.accounts import settlement_number
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Closing:
    """
    How an account ends: what the meter still holds and shows, in Wh, and the customer's opening password.

    ``password_waived`` lets a supervisor go on without it; the reason is kept.
    """

    agreement_id: int
    usage_point_id: int
    shift_id: int
    remaining_wh: int
    register_wh: int
    password: str
    reason: str
    password_waived: bool = False


def close_account(*, request_id: UUID, closing: Closing, actor: Actor, at: datetime) -> str:
    """
    Cancel an opened account, all or nothing, and return the number of the settlement document.

    The same request again returns the same number and changes nothing.

    :raises InvalidValue: if the opening password is wrong, or is waived without a reason
    :raises Refusal: what any step refuses; then nothing of it was written
    """
    if (done := settlement_number(request_id)) is not None:
        return done
    if closing.password_waived:
        actor.require("vend.reverse_approve")
        if len(closing.reason.strip()) < 3:
            raise InvalidValue("Give the reason for going on without the password.", field="reason")
    elif not is_opening_password(agreement_id=closing.agreement_id, password=closing.password):
        raise InvalidValue("That is not the password of this account's opening. Nothing was changed.", field="password")
    with transaction.atomic():
        document = settle_account(
            request_id=request_id,
            agreement_id=closing.agreement_id,
            shift_id=closing.shift_id,
            remaining_wh=closing.remaining_wh,
            reason=closing.reason,
            actor=actor,
            at=at,
        )
        close_agreement(agreement_id=closing.agreement_id, actor=actor, at=at)
        remove_meter(usage_point_id=closing.usage_point_id, register_wh=closing.register_wh, actor=actor, at=at)
    return document.number
