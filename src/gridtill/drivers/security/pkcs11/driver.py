"""
A token issuer whose vending keys lie in a PKCS#11 token and never leave it.

Decoder keys, one for each meter, are made by the token's HMAC and then work in this process.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from gridtill.drivers.security.base import (
    InvalidRequest,
    IssuerStatus,
    KeyDescription,
    KeySlot,
    MeterSecurity,
    slot_of,
)
from gridtill.drivers.security.keyed import KeyedIssuer, context_of, key_missing, require_tables
from gridtill.drivers.security.pkcs11.access import Pkcs11Refused, SecretMissing, TokenAccess
from gridtill.sts.keys import (
    CHECK_VALUE_MESSAGE,
    HMAC_KEY_BYTES,
    DecoderKey,
    check_value,
    check_value_of_mac,
    decoder_key_of_mac,
    generation_message,
    require_generation,
)
from gridtill.sts.sta import SAMPLE_TABLES, StaTables

if TYPE_CHECKING:
    # It loads python-pkcs11, which is an extra.
    from gridtill.drivers.security.pkcs11.token import KeyToken

logger = logging.getLogger(__name__)
_ONLY_04 = "Key generation 02 ends with the vending key's own bytes, which a PKCS#11 token does not give out."


@lru_cache(maxsize=16)
def open_token(access: TokenAccess) -> KeyToken:
    """
    Return this process's hold on a token; the library is loaded and the PIN given at the first use.

    :raises Pkcs11Refused: if python-pkcs11 is not installed
    """
    try:
        # An extra that most installations do without.
        from gridtill.drivers.security.pkcs11.token import KeyToken  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Pkcs11Refused(
            "python-pkcs11 is not installed, so no token can be used.", remedy="Install gridtill[pkcs11]."
        ) from error
    return KeyToken(access)


def secret_name(slot: KeySlot, value: str) -> str:
    """
    Return the label of a vending key in the token; by its check value, one given up does not hide its successor.

    >>> secret_name(("600101", 1, 2, 2014), "0ABC12")
    'gridtill 600101/1/2/2014 0ABC12'
    """
    return f"gridtill {'/'.join(map(str, slot))} {value}"


def keep_vending_key(token: KeyToken, slot: KeySlot, key: bytes | bytearray) -> None:
    """
    Put a vending key into the token; the same key again changes nothing.

    :raises InvalidRequest: if it is one for key generation 02
    :raises Pkcs11Refused: if the token does not take it
    """
    if len(key) != HMAC_KEY_BYTES:
        raise InvalidRequest(_ONLY_04, remedy="Hold keys for key generation 02 in a software issuer.", field="key")
    token.keep_secret(secret_name(slot, check_value(bytes(key))), key)


class TokenWrapping:
    """A wrapping key that lies in a token under a name; see ``wrapping.WrappingKey``."""

    def __init__(self, token: KeyToken, name: str) -> None:
        self._token, self._name = token, name

    def wrap(self, octets: bytes | bytearray, bound_to: bytes) -> bytes:
        """Encrypt octets inside the token, differently each time."""
        return self._token.wrap(self._name, octets, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """
        Decrypt what was wrapped, inside the token.

        :raises WrapBroken: if it does not open
        """
        return self._token.unwrap(self._name, wrapped, bound_to)


class Pkcs11Issuer(KeyedIssuer):
    """
    Makes tokens with vending keys that were put into a PKCS#11 token before, told by slot and check value.

    A key that the token does not hold, or holds with another check value, is logged and left out:
    its meters are refused and all others are served.

    :raises Pkcs11Refused: if the token cannot be asked
    """

    def __init__(
        self,
        token: KeyToken,
        vending_keys: Mapping[KeySlot, str],
        sta_tables: StaTables = SAMPLE_TABLES,
        *,
        sample_tables: bool = True,
    ) -> None:
        super().__init__()
        self._token = token
        self._check_values = {slot: value for slot, value in vending_keys.items() if self._holds(slot, value)}
        self._tables = sta_tables
        self._serves_sta = sample_tables or sta_tables != SAMPLE_TABLES

    def __repr__(self) -> str:
        count = len(self._check_values)
        return f"<Pkcs11Issuer with {count} vending key{'' if count == 1 else 's'}>"

    def status(self) -> IssuerStatus:
        """Tell which vending keys the token holds; the issuer is ready when there is one and the token answers."""
        keys = tuple(KeyDescription(*slot, value) for slot, value in sorted(self._check_values.items()))
        try:
            ready = any(self._holds(slot, value) for slot, value in self._check_values.items())
        except Pkcs11Refused:
            ready = False
        return IssuerStatus(ready=ready, issuer="pkcs11", keys=keys)

    def check_value_for(self, meter: MeterSecurity) -> str:
        """Return the check value of the vending key that a meter's key comes from."""
        return self._check_values[slot_of(meter)]

    def derive(self, meter: MeterSecurity) -> DecoderKey:
        """
        Have a meter's decoder key made by the token; see ``KeyedIssuer.derive``.

        :raises Pkcs11Refused: if the token does not answer
        """
        context = context_of(meter)
        require_generation(meter.dkga)
        if meter.dkga != "04":
            raise InvalidRequest(_ONLY_04, remedy="Give the meter a key of key generation 04.", field="dkga")
        require_tables(meter, held=self._serves_sta)
        slot = slot_of(meter)
        value = self._check_values.get(slot)
        if value is None:
            raise key_missing(meter)
        mac = self._token.authenticate(secret_name(slot, value), generation_message(context))
        return decoder_key_of_mac(mac, context, self._tables)

    def _holds(self, slot: KeySlot, value: str) -> bool:
        try:
            found = check_value_of_mac(self._token.authenticate(secret_name(slot, value), CHECK_VALUE_MESSAGE))
        except SecretMissing as missing:
            logger.error("%s", missing)  # noqa: TRY400 - the sentence says all
            return False
        if found != value:
            logger.error("vending key %s has check value %s in the token", secret_name(slot, value), found)
        return found == value
