"""What a vending key may look like, and what is done with the bytes of one."""

from __future__ import annotations

from dataclasses import dataclass

from gridtill.kernel.errors import InvalidValue
from gridtill.sts.errors import StsError
from gridtill.sts.keys import DES_KEY_BYTES, HMAC_KEY_BYTES, KeyType
from gridtill.sts.tid import base_moment

SIZES = (HMAC_KEY_BYTES, DES_KEY_BYTES)


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """What travels with a vending key; ``unit_id`` bounds where it may sell, None does not."""

    supply_group_code: str
    key_revision: int
    key_type: int = KeyType.UNIQUE
    base_date: int = 2014
    key_expiry: int = 255
    unit_id: int | None = None

    def check(self) -> None:
        """
        Make sure that the standard allows them.

        :raises InvalidValue: naming the field that is wrong
        """
        if (
            len(self.supply_group_code) != 6
            or not self.supply_group_code.isascii()
            or not self.supply_group_code.isdecimal()
        ):
            raise InvalidValue("A supply group code has six digits.", field="supply_group_code")
        if not 1 <= self.key_revision <= 9:
            raise InvalidValue("A key revision is 1 to 9.", field="key_revision")
        if self.key_type not in (KeyType.DEFAULT, KeyType.UNIQUE, KeyType.COMMON):
            raise InvalidValue("A vending key is of type 1, 2 or 3: default, unique or common.", field="key_type")
        if not 0 <= self.key_expiry <= 255:
            raise InvalidValue("A key expiry number is 0 to 255.", field="key_expiry")
        try:
            base_moment(self.base_date)
        except StsError as error:
            raise InvalidValue("The base date is 1993, 2014 or 2035.", field="base_date") from error


def check_key(key: bytes | bytearray, field: str) -> None:
    """
    Make sure that bytes can be a vending key of key generation 04, or 02 with odd parity.

    :raises InvalidValue: naming the field
    """
    if len(key) not in SIZES:
        raise InvalidValue("A vending key has 40 hexadecimal digits, or 16 for key generation 02.", field=field)
    if len(key) == DES_KEY_BYTES and any(octet.bit_count() % 2 == 0 for octet in key):
        raise InvalidValue("A key for key generation 02 has odd parity in every byte.", field=field)


def joined(first: bytes | bytearray, second: bytes | bytearray) -> bytearray:
    """
    Return the key whose components these are: their bits, exclusively or'ed.

    :raises InvalidValue: if they are of two lengths
    """
    if len(first) != len(second):
        raise InvalidValue("The two components are not of one length.", field="component")
    return bytearray(a ^ b for a, b in zip(first, second, strict=True))


def wipe(secret: bytearray) -> None:
    """Overwrite bytes that are no longer needed; copies that the interpreter made stay until it reuses the memory."""
    for index in range(len(secret)):
        secret[index] = 0
