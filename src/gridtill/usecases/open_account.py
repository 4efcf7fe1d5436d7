"""Opening an account: agreement, standing, initial credit and first purchase, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from gridtill.apps.arrears.choices import DebtKind, RecoveryMode
from gridtill.apps.arrears.operations import DebtTerms, add_debt
from gridtill.apps.customers.operations import OpeningTerms, activate_agreement, lock_agreement
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.apps.vending.operations.standing import open_standing
from gridtill.apps.vending.queries.accounts import sold_before
from gridtill.kernel.actors import Actor
from gridtill.usecases.sell import ask_for_token


@dataclass(frozen=True, slots=True)
class FirstPurchase:
    """The purchase that is made with the opening; its request id is the vend's id."""

    request_id: UUID
    order: SaleOrder


def open_account(
    *,
    agreement_id: int,
    terms: OpeningTerms,
    actor: Actor,
    at: datetime,
    preload_minor: int = 0,
    first: FirstPurchase | None = None,
) -> UUID | None:
    """
    Open a newly installed customer's account and make the first purchase with it.

    ``preload_minor`` is what the credit that the meter came with is worth; it is taken
    back from the first purchases. Returns the first purchase's id, whose token is
    asked for after the commit; the same first purchase again opens and sells nothing.

    :raises Refusal: what any step refuses; then nothing of it was written
    """
    with transaction.atomic():
        # Under the agreement's lock: of two equal requests the second finds what the first has done.
        lock_agreement(agreement_id)
        sold = first is not None and sold_before(first.request_id, first.order.digest())
        if not sold:
            _opened(agreement_id, terms, actor, at, preload_minor)
        if first is not None:
            sell_energy(request_id=first.request_id, order=first.order, actor=actor, at=at)
    if first is None:
        return None
    ask_for_token(vend_id=first.request_id, actor=actor, at=at)
    return first.request_id


def _opened(agreement_id: int, terms: OpeningTerms, actor: Actor, at: datetime, preload_minor: int) -> None:
    agreement = activate_agreement(agreement_id=agreement_id, terms=terms, actor=actor, at=at)
    open_standing(agreement_id=agreement_id, actor=actor, at=at)
    if preload_minor:
        preload = DebtTerms(DebtKind.PRELOAD, "Initial credit", RecoveryMode.PERCENT, percent_bp=5_000, priority=1)
        add_debt(account_id=agreement.account_id, principal_minor=preload_minor, terms=preload, actor=actor, at=at)
