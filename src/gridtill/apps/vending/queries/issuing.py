"""Whether a token can be made for a meter, asked of the issuer before anybody pays for one."""

from __future__ import annotations

from typing import Any

from gridtill.apps.keystore.operations import token_issuer
from gridtill.apps.vending.queries.standing import SaleBasis
from gridtill.apps.vending.rules import NotSellable
from gridtill.drivers.security.base import IssueRefused, MeterSecurity

AFTER = "after_change"


def key_data(basis: SaleBasis) -> dict[str, Any]:
    """Return the meter's key data as they are kept with the delivery; ``AFTER`` names a key change that goes first."""
    # That of an earlier purchase too, as long as it was not made: the archive has the new key already.
    change = basis.key_change_id or basis.unmade_change_id
    after = {} if change is None else {AFTER: str(change)}
    return {
        "drn": basis.meter_number,
        "supply_group_code": basis.supply_group_code,
        "tariff_index": basis.tariff_index,
        "key_revision": basis.key_revision,
        "key_type": basis.key_type,
        "key_expiry": basis.key_expiry,
        "base_date": basis.base_date,
        "encryption_algorithm": basis.encryption_algorithm,
        **after,
    }


def require_token(basis: SaleBasis) -> None:
    """
    Make sure that the issuer can make a token which the meter takes.

    :raises NotSellable: saying what is missing
    :raises KeystoreLocked: if no key can be used at all
    """
    meters = [{name: value for name, value in key_data(basis).items() if name != AFTER}]
    if basis.key_change_id is not None:
        # The key change is encrypted under the key that the meter has until then.
        meters.append({"drn": basis.meter_number, **basis.old_key_data})
    try:
        for meter in meters:
            token_issuer().require_served(MeterSecurity(**meter))
    except IssueRefused as refused:
        raise NotSellable("{problem} Nothing was sold.", problem=refused.message, remedy=refused.remedy) from refused
