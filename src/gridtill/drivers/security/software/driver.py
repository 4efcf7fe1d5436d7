"""
A token issuer that holds its vending keys in this process, for demonstration and private schemes.

It is not an approved security module: whoever reads the process's memory has the keys, and
with them every meter of their supply groups.
"""

from __future__ import annotations

from collections.abc import Mapping

from gridtill.drivers.security.base import (
    IssuerStatus,
    KeyDescription,
    KeySlot,
    MeterSecurity,
    slot_of,
)
from gridtill.drivers.security.keyed import KeyedIssuer, context_of, key_missing, require_tables
from gridtill.sts.keys import DecoderKey, check_value, derive_decoder_key
from gridtill.sts.sta import SAMPLE_TABLES, StaTables


class SoftwareIssuer(KeyedIssuer):
    """
    Makes tokens with vending keys given by supply group code, key revision, key type and base date.

    The keys are in no representation, message or answer. Without production tables of algorithm 07,
    which the utility has to obtain, its meters are served only where ``sample_tables`` says that no
    real one is meant.

    >>> issuer = SoftwareIssuer({("201457", 1, 2, 2014): bytes(20)})
    >>> issuer
    <SoftwareIssuer with 1 vending key>

    :raises ValueError: if a vending key has neither 8 nor 20 bytes
    """

    def __init__(
        self,
        vending_keys: Mapping[KeySlot, bytes],
        sta_tables: StaTables = SAMPLE_TABLES,
        *,
        sample_tables: bool = True,
    ) -> None:
        if any(len(key) not in (8, 20) for key in vending_keys.values()):
            raise ValueError("a vending key has 8 bytes (key generation 02) or 20 (key generation 04)")
        super().__init__()
        self._vending_keys = {slot: bytes(key) for slot, key in vending_keys.items()}
        self._check_values = {slot: check_value(key) for slot, key in self._vending_keys.items()}
        self._tables = sta_tables
        self._serves_sta = sample_tables or sta_tables != SAMPLE_TABLES

    def __repr__(self) -> str:
        count = len(self._vending_keys)
        return f"<SoftwareIssuer with {count} vending key{'' if count == 1 else 's'}>"

    def status(self) -> IssuerStatus:
        """Tell which vending keys are held; the issuer is ready when there is one."""
        keys = tuple(KeyDescription(*slot, value) for slot, value in sorted(self._check_values.items()))
        return IssuerStatus(ready=bool(keys), issuer="software", keys=keys)

    def check_value_for(self, meter: MeterSecurity) -> str:
        """Return the check value of the vending key that a meter's key comes from."""
        return self._check_values[slot_of(meter)]

    def derive(self, meter: MeterSecurity) -> DecoderKey:
        """Derive a meter's decoder key; see ``KeyedIssuer.derive``."""
        context = context_of(meter)
        require_tables(meter, held=self._serves_sta)
        vending_key = self._vending_keys.get(slot_of(meter))
        if vending_key is None:
            raise key_missing(meter)
        return derive_decoder_key(vending_key, context, meter.dkga, self._tables)
