"""The key change that a purchase brings along: begun in the sale, made before the purchase's own token."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gridtill.apps.assets.models import Meter
from gridtill.apps.vending.choices import EngineeringState
from gridtill.apps.vending.models import Delivery, EngineeringToken
from gridtill.apps.vending.operations.engineering import set_token, write_key
from gridtill.apps.vending.operations.engineering_issue import make_engineering
from gridtill.apps.vending.operations.standing import lock_identifiers
from gridtill.apps.vending.queries.issuing import AFTER
from gridtill.apps.vending.queries.key_changes import key_data_of, under_new_key
from gridtill.apps.vending.queries.standing import SaleBasis
from gridtill.drivers.security.base import TokenIssuer
from gridtill.kernel.actors import Actor

# One that was asked for and not answered stays with its purchase: asked for anew, it might be another.
UNMADE = (EngineeringState.APPROVED, EngineeringState.FAILED)


def begin_key_change(*, basis: SaleBasis, vend_id: UUID, identifier: int, actor: Actor, at: datetime) -> bool:
    """
    Tie a waiting key change to the purchase that is being sold, and give the archive the new key.

    ``identifier`` is that of the purchase's first token. Runs inside the sale's transaction, which
    holds the meter's standing. False if the change is not waiting any more; then the sale has to
    read everything again.
    """
    old = {"drn": basis.meter_number, **basis.old_key_data}
    waiting = EngineeringToken.objects.filter(pk=basis.key_change_id, state=EngineeringState.WAITING)
    if not waiting.update(
        state=EngineeringState.APPROVED, vend_id=vend_id, meter_security=old, changed_at=at, since_identifier=identifier
    ):
        return False
    change = EngineeringToken.objects.get(pk=basis.key_change_id)
    meter = Meter.objects.select_related("store").select_for_update(of=("self",), no_key=True).get(pk=basis.meter_id)
    write_key(meter, change.new_security or {}, actor, at)
    return True


def release_key_change(*, delivery: Delivery, actor: Actor, at: datetime) -> None:
    """
    Let a key change wait again whose purchase is taken back before its tokens were made.

    The archive gets the meter's old key back. Tokens that were made may be with the customer, so
    their change stays; as it does when something else was sold for the new key.
    """
    if AFTER not in delivery.meter_security:
        return
    meter = lock_identifiers(delivery.meter_id)
    change = (
        EngineeringToken.objects.select_related("meter__store")
        .select_for_update(of=("self",))
        .get(pk=UUID(delivery.meter_security[AFTER]))
    )
    others = under_new_key(change).exclude(pk=delivery.pk)
    if change.vend_id != delivery.vend_id or change.state not in UNMADE or others.exists():
        return
    if key_data_of(meter) == change.new_security:
        write_key(meter, change.meter_security or {}, actor, at)
    change.vend_id, change.since_identifier, change.meter_security = None, None, None
    set_token(change, actor, at, "released", state=EngineeringState.WAITING, detail="")


def make_key_change(*, change_id: str, actor: Actor, at: datetime, issuer: TokenIssuer) -> EngineeringToken:
    """Have the key change of a purchase made, or its lost answer settled; one that was given up stays so."""
    change = EngineeringToken.objects.select_related("meter__store").get(pk=UUID(change_id))
    if change.state == EngineeringState.CANCELLED:
        return change
    return make_engineering(row=change, actor=actor, at=at, issuer=issuer)
