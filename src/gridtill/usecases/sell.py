"""A sale at the counter: the money first, then the token."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.apps.vending.operations.sell import SaleOrder, sell_energy
from gridtill.kernel.actors import Actor
from gridtill.kernel.errors import Refusal


def sell_and_issue(*, request_id: UUID, order: SaleOrder, actor: Actor, at: datetime) -> UUID:
    """
    Sell, then ask for the token; what the token meets never undoes the sale.

    :raises Refusal: only from the sale itself, and then nothing was sold
    """
    vend_id = sell_energy(request_id=request_id, order=order, actor=actor, at=at)
    try:
        issue_token(vend_id=vend_id, actor=actor, at=at)
    except Refusal:
        # The purchase is paid; the result page shows where its delivery stands and how to go on.
        return vend_id
    return vend_id
