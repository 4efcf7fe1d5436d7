"""Beginning what an agreement may buy on."""

from __future__ import annotations

from datetime import datetime

from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.models import CustomerAgreement
from gridtill.apps.vending.models import (
    AccountStanding,
)
from gridtill.apps.vending.operations.tills import bureau_of
from gridtill.kernel.actors import Actor


def open_standing(*, agreement_id: int, actor: Actor, at: datetime) -> AccountStanding:
    """
    Let an agreement buy, from nothing bought.

    Opening one that is open changes nothing.
    """
    agreement = CustomerAgreement.objects.select_related("usage_point__customer__office").get(pk=agreement_id)
    unit = agreement.usage_point.customer.office
    standing, made = AccountStanding.objects.get_or_create(agreement=agreement, defaults={"bureau_id": bureau_of(unit)})
    if made:
        record_write(
            actor=actor,
            at=at,
            action="vending.standing.opened",
            subject=standing,
            unit_path=unit.path,
            after={"bureau": standing.bureau_id},
        )
    return standing
