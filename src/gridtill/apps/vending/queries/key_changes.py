"""Key changes of a meter: the one that comes with its next purchase, and the one that may not be keyed in yet."""

from __future__ import annotations

from typing import Any

from django.db.models import Max

from gridtill.apps.assets.models import Meter
from gridtill.apps.keystore.queries import key_reach
from gridtill.apps.vending.choices import EngineeringKind, EngineeringState
from gridtill.apps.vending.models import Delivery, EngineeringToken
from gridtill.apps.vending.queries.standing import SaleBasis

# After so many purchases the meter has surely been given its new key, or somebody has come to complain.
SHOWN_WITH_PURCHASES = 3
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
    change = (
        EngineeringToken.objects.filter(
            meter=meter, kind=EngineeringKind.KEY_CHANGE, state=EngineeringState.ISSUED, confirmed_at=None
        )
        .order_by("requested_at")
        .first()
    )
    return change.meter_security if change and change.meter_security else key_data_of(meter)


def latest_identifier(meter_id: int, base_date: int) -> int:
    """Return the last token identifier that was reserved for a meter, 0 if none was; two queries."""
    latest = [
        rows.objects.filter(meter_id=meter_id, base_date=base_date).aggregate(latest=Max("token_identifier"))["latest"]
        for rows in (Delivery, EngineeringToken)
    ]
    return max(number or 0 for number in latest)


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


def key_change_tokens_with(vend: Any) -> list[str]:
    """
    Return the digits of the key change that a meter may need before a purchase's token, in their order.

    They come with the purchase that brought them and the next ones, until somebody says that the
    meter took them; one query, two when there is a change.
    """
    change = (
        EngineeringToken.objects.filter(
            meter_id=vend.meter_id,
            kind=EngineeringKind.KEY_CHANGE,
            state=EngineeringState.ISSUED,
            confirmed_at=None,
        )
        .order_by("-requested_at")
        .select_related("vend")
        .first()
    )
    if change is None or vend.at < _since(change):
        return []
    count = Delivery.objects.filter(meter_id=vend.meter_id, vend__at__gte=_since(change), vend__at__lte=vend.at).count()
    return change.tokens if count <= SHOWN_WITH_PURCHASES else []


def _since(change: Any) -> Any:
    return change.vend.at if change.vend_id else change.decided_at
