"""Key changes of a meter: the one that comes with its next purchase, and the one that may not be keyed in yet."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, QuerySet

from gridtill.apps.assets.models import Meter
from gridtill.apps.keystore.queries import key_reach
from gridtill.apps.vending.choices import DeliveryState, EngineeringKind, EngineeringState
from gridtill.apps.vending.models import Delivery, EngineeringToken
from gridtill.apps.vending.queries.standing import SaleBasis

# After so many purchases the meter has surely been given its new key, or somebody has come to complain.
SHOWN_WITH_PURCHASES = 3
_UNMADE = (DeliveryState.PENDING, DeliveryState.DISPATCHED, DeliveryState.UNKNOWN, DeliveryState.FAILED)
KEY_DATA = (
    "supply_group_code",
    "tariff_index",
    "key_revision",
    "key_type",
    "key_expiry",
    "base_date",
    "encryption_algorithm",
)


def key_data_of(meter: Meter) -> dict[str, Any]:
    """Return a meter's key data as the archive has them, named as ``MeterSecurity`` names them."""
    return {"drn": meter.number, **{name: getattr(meter, name) for name in KEY_DATA}}


def key_data_in(meter: Meter) -> dict[str, Any]:
    """Return the key data that a meter works with itself: what it had before a key change that nobody confirmed."""
    changes = EngineeringToken.objects.filter(
        meter=meter, kind=EngineeringKind.KEY_CHANGE, state=EngineeringState.ISSUED, confirmed_at=None
    )
    first = min(changes, key=_order, default=None)
    return first.meter_security if first and first.meter_security else key_data_of(meter)


def has_unmade_purchase(meter_id: int) -> bool:
    """Tell whether something was sold for a meter whose token is not made, or not known to be."""
    return Delivery.objects.filter(meter_id=meter_id, state__in=_UNMADE).exists()


def latest_identifier(meter_id: int, base_date: int) -> int:
    """Return the last token identifier that was reserved for a meter, 0 if none was; two queries."""
    of_meter = {"meter_id": meter_id, "base_date": base_date}
    sold = Delivery.objects.filter(**of_meter).aggregate(latest=Max("last_identifier"))["latest"]
    made = EngineeringToken.objects.filter(**of_meter).aggregate(latest=Max("token_identifier"))["latest"]
    return max(sold or 0, made or 0)


def with_key_change(basis: SaleBasis) -> SaleBasis:
    """
    Return what a sale depends on as it is once the key change that waits for it was keyed in.

    ``old_key_data`` keeps what the meter has until then. Without a waiting change it is the same
    basis; otherwise three or four queries.
    """
    if basis.key_change_id is None:
        return basis
    change = EngineeringToken.objects.get(pk=basis.key_change_id)
    new = {name: (change.new_security or {})[name] for name in KEY_DATA}
    reach = key_reach((new["supply_group_code"], new["key_revision"], new["key_type"], new["base_date"]))
    return SaleBasis(
        **{
            **vars(basis),
            **new,
            "old_key_data": {name: getattr(basis, name) for name in KEY_DATA},
            "latest_token_identifier": latest_identifier(basis.meter_id, new["base_date"]),
            "group_key_expiry": reach.key_expiry if reach else None,
            "group_unit_path": reach.unit_path if reach else None,
        }
    )


def key_change_tokens_with(delivery: Delivery) -> list[str]:
    """
    Return the digits of the key changes that a meter may need before a purchase's token, in their order.

    They come with the purchase that brought them and the next ones, until somebody says that the
    meter took them; one query, and one more for each change.
    """
    changes = EngineeringToken.objects.filter(
        meter_id=delivery.meter_id,
        kind=EngineeringKind.KEY_CHANGE,
        state=EngineeringState.ISSUED,
        confirmed_at=None,
    )
    tokens: list[str] = []
    # By identifiers and not by moments: those never go back, and two of one moment differ.
    for change in sorted(changes, key=_order):
        if _is_under(delivery, change):
            sold = under_new_key(change).filter(token_identifier__lte=delivery.token_identifier).count()
            tokens += change.tokens if sold <= SHOWN_WITH_PURCHASES else []
    return tokens


def _order(change: EngineeringToken) -> tuple[int, int]:
    return (change.new_security or {})["base_date"], change.since_identifier or 0


def _is_under(delivery: Delivery, change: EngineeringToken) -> bool:
    return (
        delivery.base_date == (change.new_security or {})["base_date"]
        and change.since_identifier is not None
        and delivery.token_identifier >= change.since_identifier
    )


def under_new_key(change: EngineeringToken) -> QuerySet[Delivery]:
    """Return what was sold for a meter since a key change was made, and not taken back."""
    sold = Delivery.objects.filter(
        meter_id=change.meter_id,
        base_date=(change.new_security or {})["base_date"],
        token_identifier__gte=change.since_identifier or 0,
    )
    # What was taken back was seen by nobody.
    return sold.exclude(state=DeliveryState.CANCELLED)
