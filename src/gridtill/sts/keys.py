"""
Decoder keys: what a meter decrypts with, made from the vending key of its supply group.

Two generation algorithms are offered: 02, a DES vending key of eight bytes giving a key for
encryption algorithm 07, and 04, a vending key of twenty bytes giving one for 07 or 11.
Algorithms 01 and 03 and encryption algorithm 09 are withdrawn and refused by name.

Source: IEC 62055-41, "DecoderKeyGenerationAlgorithm" 02 and 04; NIST SP 800-108, section 5.2.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from gridtill.sts import misty1, sta
from gridtill.sts.errors import OutOfRange, WrongDigit, WrongKey, WrongLength
from gridtill.sts.pan import MeterPan
from gridtill.sts.tid import base_moment

STA = "07"
MISTY1 = "11"
_KEY_BYTES = {STA: sta.KEY_BYTES, MISTY1: misty1.KEY_BYTES}
DES_KEY_BYTES = 8
HMAC_KEY_BYTES = 20
# HMAC-SHA-256 of this under a vending key begins with its check value.
CHECK_VALUE_MESSAGE = b"gridtill vending key check value"


class KeyType(IntEnum):
    """What a key is for: set at the factory, default, unique to its meter, or common to a group."""

    INITIALIZATION = 0
    DEFAULT = 1
    UNIQUE = 2
    COMMON = 3


_KEY_TYPES = frozenset(KeyType)


@dataclass(frozen=True, slots=True)
class DecoderKey:
    """
    The key of one meter and the cipher it is for; its bytes stay out of the representation.

    >>> DecoderKey("11", bytes(16))
    DecoderKey(algorithm='11')

    :raises WrongKey: if the algorithm is not 07 or 11, or the length is not that of its keys
    """

    algorithm: str
    octets: bytes = field(repr=False)
    tables: sta.StaTables = field(default=sta.SAMPLE_TABLES, repr=False)

    def __post_init__(self) -> None:
        require_algorithm(self.algorithm)
        size = _KEY_BYTES[self.algorithm]
        if len(self.octets) != size:
            raise WrongKey(
                f"A decoder key for encryption algorithm {self.algorithm} has {size} bytes; "
                f"this one has {len(self.octets)}.",
                field="key",
            )

    def encrypt(self, block: int) -> int:
        """Encrypt a block of 64 bits with the cipher that this key is for."""
        if self.algorithm == MISTY1:
            return misty1.encrypt(self.octets, block)
        return sta.encrypt(self.octets, block, self.tables)

    def decrypt(self, block: int) -> int:
        """Decrypt a block of 64 bits with the cipher that this key is for."""
        if self.algorithm == MISTY1:
            return misty1.decrypt(self.octets, block)
        return sta.decrypt(self.octets, block, self.tables)


@dataclass(frozen=True, slots=True)
class KeyContext:
    """
    Everything but the vending key that a meter's decoder key depends on.

    :raises StsError: if a part of it is not what the standard allows
    """

    pan: MeterPan
    supply_group_code: str
    tariff_index: str
    key_revision: int
    key_type: int = KeyType.UNIQUE
    base_date: int = 2014
    algorithm: str = MISTY1

    def __post_init__(self) -> None:
        _require_code(self.supply_group_code, 6, "supply group code", "supply_group_code")
        _require_code(self.tariff_index, 2, "tariff index", "tariff_index")
        if not 1 <= self.key_revision <= 9:
            raise OutOfRange(f"A key revision is 1 to 9, not {self.key_revision}.", field="key_revision")
        if self.key_type not in _KEY_TYPES:
            raise OutOfRange(f"A key type is 0 to 3, not {self.key_type}.", field="key_type")
        base_moment(self.base_date)
        require_algorithm(self.algorithm)


def require_algorithm(algorithm: str) -> None:
    """
    Accept encryption algorithms 07 and 11, and refuse the withdrawn and the unknown by name.

    :raises WrongKey: if it is neither
    """
    if algorithm == "09":
        raise WrongKey(
            "Encryption algorithm 09 (DES) is withdrawn.", remedy="Use 11 or 07.", field="encryption_algorithm"
        )
    if algorithm not in (STA, MISTY1):
        raise WrongKey(
            f"Encryption algorithm {algorithm} is unknown; 07 and 11 are offered.", field="encryption_algorithm"
        )


def derive_decoder_key(
    vending_key: bytes, context: KeyContext, dkga: str = "04", tables: sta.StaTables = sta.SAMPLE_TABLES
) -> DecoderKey:
    """
    Make the decoder key of a meter with the generation algorithm that its key was made with.

    :raises WrongKey: if the algorithm is not offered, or the vending key does not fit it
    """
    require_generation(dkga)
    if dkga == "04":
        return decoder_key_of_mac(_mac_04(vending_key, context), context, tables)
    return DecoderKey(context.algorithm, _derive_02(vending_key, context), tables)


def require_generation(dkga: str) -> None:
    """
    Accept key generation algorithms 04 and 02, and refuse the withdrawn and the unknown by name.

    :raises WrongKey: if it is neither
    """
    if dkga in ("01", "03"):
        raise WrongKey(f"Key generation algorithm {dkga} is withdrawn.", remedy="Use 04 or 02.", field="dkga")
    if dkga not in ("04", "02"):
        raise WrongKey(f"Key generation algorithm {dkga} is unknown; 02 and 04 are offered.", field="dkga")


def check_value(vending_key: bytes) -> str:
    """
    Name a vending key without telling it: six hexadecimal digits to compare two copies by.

    >>> check_value(bytes(20)) == check_value(bytes(20)), len(check_value(bytes(20)))
    (True, 6)
    """
    return check_value_of_mac(hmac.digest(vending_key, CHECK_VALUE_MESSAGE, "sha256"))


def check_value_of_mac(mac: bytes) -> str:
    """
    Return the check value from HMAC-SHA-256 over ``CHECK_VALUE_MESSAGE``, for keys that stay in a device.

    >>> check_value_of_mac(bytes.fromhex("0abc12") + bytes(29))
    '0ABC12'
    """
    return mac[:3].hex().upper()


def generation_message(context: KeyContext) -> bytes:
    """
    Return what key generation algorithm 04 authenticates by HMAC-SHA-256 under the vending key.

    Source: IEC 62055-41, "DecoderKeyGenerationAlgorithm04".
    """
    # Two groups of four fields; a byte before each group counts its fields, one before each field its digits.
    message = (
        f"\x04\x0204\x02{context.base_date % 100:02d}\x02{context.algorithm}\x02{context.tariff_index}\x00"
        f"\x04\x06{context.supply_group_code}\x01{int(context.key_type)}\x01{context.key_revision}\x12{context.pan.digits}"
    )
    return message.encode("ascii") + (8 * _KEY_BYTES[context.algorithm]).to_bytes(4, "big")


def decoder_key_of_mac(mac: bytes, context: KeyContext, tables: sta.StaTables = sta.SAMPLE_TABLES) -> DecoderKey:
    """Cut a meter's decoder key out of the HMAC-SHA-256 over its ``generation_message``."""
    return DecoderKey(context.algorithm, mac[: _KEY_BYTES[context.algorithm]], tables)


def _derive_02(vending_key: bytes, context: KeyContext) -> bytes:
    if context.algorithm != STA:
        raise WrongKey("Key generation algorithm 02 makes keys for encryption algorithm 07 only.", field="dkga")
    if len(vending_key) != DES_KEY_BYTES:
        raise WrongKey(
            f"Key generation algorithm 02 takes a vending key of {DES_KEY_BYTES} bytes; "
            f"this one has {len(vending_key)}.",
            field="vending_key",
        )
    # Implementations differ in whether they correct the parity before use; with odd parity they agree.
    if any(octet.bit_count() % 2 == 0 for octet in vending_key):
        raise WrongKey(
            "A vending key for key generation algorithm 02 has odd parity in every byte; this one has not.",
            remedy="Compare the key with its key-load document.",
            field="vending_key",
        )
    drn = context.pan.drn
    issuer = context.pan.digits[1 : 17 - len(drn)]
    account = issuer + ("0" * len(drn) if context.key_type == KeyType.COMMON else drn)
    control = f"{context.key_type}{context.supply_group_code}{context.tariff_index}{context.key_revision}FFFFFF"
    mixed = bytes(a ^ b for a, b in zip(bytes.fromhex(account), bytes.fromhex(control), strict=True))
    # One DES pass: three-key DES with one key thrice.
    encryptor = Cipher(TripleDES(vending_key * 3), modes.ECB()).encryptor()  # noqa: S305
    encrypted = encryptor.update(mixed) + encryptor.finalize()
    return bytes(a ^ b ^ c for a, b, c in zip(encrypted, mixed, vending_key, strict=True))


def _mac_04(vending_key: bytes, context: KeyContext) -> bytes:
    if len(vending_key) != HMAC_KEY_BYTES:
        raise WrongKey(
            f"Key generation algorithm 04 takes a vending key of {HMAC_KEY_BYTES} bytes; "
            f"this one has {len(vending_key)}.",
            field="vending_key",
        )
    return hmac.digest(vending_key, generation_message(context), "sha256")


def _require_code(code: str, size: int, name: str, field_name: str) -> None:
    if not (code.isascii() and code.isdecimal()):
        raise WrongDigit(f"A {name} holds the digits 0 to 9 only.", field=field_name)
    if len(code) != size:
        raise WrongLength(f"A {name} has {size} digits; this one has {len(code)}.", field=field_name)
