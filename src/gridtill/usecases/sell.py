"""A sale at the counter: the money first, then the token."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.reverse import ReversalCase, modify_vend
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal

logger = logging.getLogger(__name__)


def sell_and_issue(*, request_id: UUID, order: SaleOrder, actor: Actor, at: datetime) -> UUID:
    """
    Sell, then ask for the token; what the token meets never undoes the sale.

    :raises Refusal: only from the sale itself, and then nothing was sold
    """
    vend_id = sell_energy(request_id=request_id, order=order, actor=actor, at=at)
    ask_for_token(vend_id=vend_id, actor=actor, at=at)
    return vend_id


def modify_and_issue(
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
    Take a purchase back and sell the right amount in its place, both or neither, then ask for the token.

    :raises Refusal: only from those two, and then neither was done
    """
    vend_id = modify_vend(
        reversal_id=reversal_id,
        case=case,
        request_id=request_id,
        order=order,
        actor=actor,
        at=at,
        approver=approver,
    )
    ask_for_token(vend_id=vend_id, actor=actor, at=at)
    return vend_id


def ask_for_token(*, vend_id: UUID, actor: Actor, at: datetime) -> None:
    """Ask for the token of a purchase that is paid; what it meets is shown with the purchase and undoes nothing."""
    try:
        issue_token(vend_id=vend_id, actor=actor, at=at)
    except Refusal as refusal:
        # Said as a refusal, it would read as if nothing had been sold; the purchase shows that it has no token yet.
        logger.warning("no token for purchase %s yet: %s", vend_id, refusal.code)
