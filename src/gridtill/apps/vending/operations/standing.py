"""What an agreement may buy on: beginning it, and keeping sales out of it for a moment."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from gridtill.apps.assets.models import Meter
from gridtill.apps.audit.operations import record_write
from gridtill.apps.customers.models import CustomerAgreement
from gridtill.apps.vending.models import AccountStanding
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


def lock_identifiers(meter_id: int) -> Meter:
    """
    Keep sales for a meter out until the transaction ends, and return the meter, fresh and locked.

    Token identifiers can be reserved, and the meter's key changed, without a sale in between; one
    that waits meanwhile reads everything again.
    """
    of_meter = AccountStanding.objects.filter(
        agreement__usage_point__installations__meter_id=meter_id,
        agreement__usage_point__installations__removed_at=None,
    )
    held = [row.pk for row in of_meter.select_for_update(of=("self",), no_key=True)]
    AccountStanding.objects.filter(pk__in=held).update(version=F("version") + 1)
    meter: Meter = Meter.objects.select_related("store").select_for_update(of=("self",), no_key=True).get(pk=meter_id)
    return meter
