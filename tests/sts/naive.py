"""
STS tokens made and read as the rules are written: bit by bit, nothing remembered, nothing hastened.

It judges ``gridtill.sts`` and takes nothing from it but the two tables that RFC 2994 prints. A block, a key
inside STA and the data of a token are strings of "0" and "1" here, the most significant bit first.
Refusals are not its business: it is given what may be encoded, and answers None to a token that does not check.
"""

import hashlib
import hmac
from typing import NamedTuple

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from gridtill.sts.misty1_tables import S7, S9


class Tables(NamedTuple):
    """What defines STA; bit ``i`` moves to place ``permutation[i]``, bit 0 being the least significant."""

    substitution_1: tuple[int, ...]
    substitution_2: tuple[int, ...]
    permutation: tuple[int, ...]


class Key(NamedTuple):
    """A decoder key, the encryption algorithm it is for ("07" or "11") and, for 07, the tables."""

    algorithm: str
    octets: bytes
    tables: Tables | None = None


class Read(NamedTuple):
    """What a token says; a field that its subclass lacks is None."""

    token_class: int
    subclass: int
    data: int
    value: int | None = None
    token_identifier: int | None = None
    random_nibble: int | None = None


def bits(number: int, width: int) -> str:
    assert 0 <= number < 2**width, f"{number} does not fit {width} bits"
    return format(number, f"0{width}b")


# Account numbers.


def luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = 2 * int(digit) if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return str((10 - total % 10) % 10)


def account_number(drn: str) -> str:
    body = ("600727" if len(drn) == 11 else "0000") + drn
    return body + luhn(body)


# Decoder keys.


def derive_04(
    vending_key: bytes, pan: str, group: str, tariff: str, revision: int, key_type: int, base: int, algorithm: str
) -> bytes:
    def field(text: str) -> bytes:
        return bytes([len(text)]) + text.encode("ascii")

    size = 16 if algorithm == "11" else 8
    first = [field("04"), field(str(base)[2:]), field(algorithm), field(tariff)]
    second = [field(group), field(str(key_type)), field(str(revision)), field(pan)]
    message = bytes([len(first)]) + b"".join(first) + b"\x00" + bytes([len(second)]) + b"".join(second)
    return hmac.new(vending_key, message + bytes([0, 0, 0, 8 * size]), hashlib.sha256).digest()[:size]


def derive_02(vending_key: bytes, pan: str, group: str, tariff: str, revision: int, key_type: int) -> bytes:
    # Sixteen digits of the account number: without its last one, and the issuer's first are what gives way.
    account = pan[1:17]
    if key_type == 3:
        account = "0072700000000000" if pan[:6] == "600727" else "0000000000000000"
    control = f"{key_type}{group}{tariff}{revision}FFFFFF"
    mixed = int(account, 16) ^ int(control, 16)
    encryptor = Cipher(TripleDES(vending_key * 3), modes.ECB()).encryptor()  # noqa: S305
    encrypted = encryptor.update(mixed.to_bytes(8, "big")) + encryptor.finalize()
    return (int.from_bytes(encrypted, "big") ^ mixed ^ int.from_bytes(vending_key, "big")).to_bytes(8, "big")


# MISTY1, in the names of RFC 2994.


def fi(fi_in: int, fi_key: int) -> int:
    d9, d7 = fi_in >> 7, fi_in & 0x7F
    d9 = S9[d9] ^ d7
    d7 = (S7[d7] ^ d9) & 0x7F
    d7 = d7 ^ fi_key >> 9
    d9 = d9 ^ fi_key & 0x1FF
    d9 = S9[d9] ^ d7
    return d7 << 9 | d9


def fo(fo_in: int, k: int, ek: list[int]) -> int:
    t0, t1 = fo_in >> 16, fo_in & 0xFFFF
    t0 = fi(t0 ^ ek[k], ek[(k + 5) % 8 + 8]) ^ t1
    t1 = fi(t1 ^ ek[(k + 2) % 8], ek[(k + 1) % 8 + 8]) ^ t0
    t0 = fi(t0 ^ ek[(k + 7) % 8], ek[(k + 3) % 8 + 8]) ^ t1
    t1 = t1 ^ ek[(k + 4) % 8]
    return t1 << 16 | t0


def fl_keys(k: int, ek: list[int]) -> tuple[int, int]:
    if k % 2 == 0:
        return ek[k // 2], ek[(k // 2 + 6) % 8 + 8]
    return ek[((k - 1) // 2 + 2) % 8 + 8], ek[((k - 1) // 2 + 4) % 8]


def fl(fl_in: int, k: int, ek: list[int]) -> int:
    d0, d1 = fl_in >> 16, fl_in & 0xFFFF
    with_and, with_or = fl_keys(k, ek)
    d1 = d1 ^ d0 & with_and
    d0 = d0 ^ (d1 | with_or)
    return d0 << 16 | d1


def fl_inverse(fl_in: int, k: int, ek: list[int]) -> int:
    d0, d1 = fl_in >> 16, fl_in & 0xFFFF
    with_and, with_or = fl_keys(k, ek)
    d0 = d0 ^ (d1 | with_or)
    d1 = d1 ^ d0 & with_and
    return d0 << 16 | d1


def expanded(key: bytes) -> list[int]:
    ek = [key[2 * i] * 256 + key[2 * i + 1] for i in range(8)]
    return ek + [fi(ek[i], ek[(i + 1) % 8]) for i in range(8)]


def misty1_encrypt(key: bytes, block: str) -> str:
    ek = expanded(key)
    d0, d1 = int(block[:32], 2), int(block[32:], 2)
    for k in range(0, 8, 2):
        d0, d1 = fl(d0, k, ek), fl(d1, k + 1, ek)
        d1 = d1 ^ fo(d0, k, ek)
        d0 = d0 ^ fo(d1, k + 1, ek)
    d0, d1 = fl(d0, 8, ek), fl(d1, 9, ek)
    return bits(d1, 32) + bits(d0, 32)


def misty1_decrypt(key: bytes, block: str) -> str:
    ek = expanded(key)
    d1, d0 = int(block[:32], 2), int(block[32:], 2)
    d0, d1 = fl_inverse(d0, 8, ek), fl_inverse(d1, 9, ek)
    for k in range(6, -1, -2):
        d0 = d0 ^ fo(d1, k + 1, ek)
        d1 = d1 ^ fo(d0, k, ek)
        d0, d1 = fl_inverse(d0, k, ek), fl_inverse(d1, k + 1, ek)
    return bits(d0, 32) + bits(d1, 32)


# STA: the key is inverted and turned right by twelve bits; after each of sixteen rounds it turns left by one.


def sta_keys(key: bytes) -> list[str]:
    turned = "".join("1" if bit == "0" else "0" for bit in bits(int.from_bytes(key, "big"), 64))
    turned = turned[-12:] + turned[:-12]
    return [turned[place:] + turned[:place] for place in range(16)]


def substituted(block: str, key: str, box_0: tuple[int, ...], box_1: tuple[int, ...]) -> str:
    changed = ""
    for at in range(0, 64, 4):
        box = box_1 if key[at] == "1" else box_0
        changed += bits(box[int(block[at : at + 4], 2)], 4)
    return changed


def inverse(table: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(table.index(value) for value in range(len(table)))


def permuted(block: str, permutation: tuple[int, ...]) -> str:
    moved = [""] * 64
    for place in range(64):
        moved[63 - permutation[place]] = block[63 - place]
    return "".join(moved)


def sta_encrypt(key: bytes, block: str, tables: Tables) -> str:
    for turned in sta_keys(key):
        block = substituted(block, turned, tables.substitution_1, tables.substitution_2)
        block = permuted(block, tables.permutation)
    return block


def sta_decrypt(key: bytes, block: str, tables: Tables) -> str:
    box_0, box_1, permutation = (inverse(table) for table in tables)
    for turned in reversed(sta_keys(key)):
        block = permuted(block, permutation)
        block = substituted(block, turned, box_0, box_1)
    return block


def encrypt(key: Key, block: str) -> str:
    return misty1_encrypt(key.octets, block) if key.tables is None else sta_encrypt(key.octets, block, key.tables)


def decrypt(key: Key, block: str) -> str:
    return misty1_decrypt(key.octets, block) if key.tables is None else sta_decrypt(key.octets, block, key.tables)


# Amounts: 10^e × m + 16384 × (10^e − 1) / 9.


def amount(exponent: int, mantissa: int) -> int:
    return 10**exponent * mantissa + 2**14 * (10**exponent - 1) // 9


def next_amount(units: int, exponents: int) -> tuple[int, int]:
    """Find exponent and mantissa of the smallest amount that is not below ``units``."""
    for exponent in range(exponents):
        if units <= amount(exponent, 2**14 - 1):
            above = max(units - amount(exponent, 0), 0)
            return exponent, (above + 10**exponent - 1) // 10**exponent
    raise AssertionError(f"{units} is more than a token carries")


def last_amount(units: int, exponents: int) -> tuple[int, int]:
    """Find exponent and mantissa of the largest amount that is not above ``units``."""
    exponent = max(exponent for exponent in range(exponents) if amount(exponent, 0) <= units)
    return exponent, min((units - amount(exponent, 0)) // 10**exponent, 2**14 - 1)


def quantity_bits(units: int) -> str:
    exponent, mantissa = next_amount(units, 4)
    return bits(exponent, 2) + bits(mantissa, 14)


def money_bits(value: int) -> str:
    exponent, mantissa = last_amount(-value, 32) if value < 0 else next_amount(value, 32)
    return ("1" if value < 0 else "0") + bits(exponent, 5) + bits(mantissa, 14)


# Tokens.


def check_sum(token_class: int, data: str) -> str:
    """Sixteen bits over class and data, from the right: each octet's last bit first. Money has an octet 01 more."""
    covered = bits(token_class, 8) + data
    if token_class == 0 and data[:4] in {"0100", "0101", "0110", "0111"}:
        covered += "00000001"
    register = 0xFFFF
    for at in range(0, len(covered), 8):
        for bit in reversed(covered[at : at + 8]):
            out = register & 1 ^ int(bit)
            register >>= 1
            if out:
                register ^= 0xA001
    high_first = bits(register, 16)
    return high_first[8:] + high_first[:8]


def make(token_class: int, data: str, key: Key | None) -> str:
    block = data + check_sum(token_class, data)
    if token_class != 1:
        assert key is not None
        block = encrypt(key, block)
    # Bits 28 and 27 go to the top, and the class takes their place.
    return format(int(block[35:37] + block[:35] + bits(token_class, 2) + block[37:], 2), "020d")


def make_quantity(key: Key, units: int, identifier: int, nibble: int, subclass: int) -> str:
    return make(0, bits(subclass, 4) + bits(nibble, 4) + bits(identifier, 24) + quantity_bits(units), key)


def make_money(key: Key, value: int, identifier: int, subclass: int) -> str:
    money = money_bits(value)
    return make(0, bits(subclass, 4) + money[:4] + bits(identifier, 24) + money[4:], key)


def make_management(key: Key, subclass: int, value: int, identifier: int, nibble: int) -> str:
    field = quantity_bits(value) if subclass in {0, 6} else bits(value, 16)
    return make(2, bits(subclass, 4) + bits(nibble, 4) + bits(identifier, 24) + field, key)


def make_test(subclass: int, control: int, manufacturer: int) -> str:
    widths = (28, 16) if subclass else (36, 8)
    return make(1, bits(subclass, 4) + bits(control, widths[0]) + bits(manufacturer, widths[1]), None)


def read(digits: str, key: Key) -> Read | None:
    """Read a token of class 0 to 2; None if its check sum does not hold."""
    number = bits(int(digits), 66)
    token_class, block = int(number[37:39], 2), number[2:37] + number[:2] + number[39:]
    if token_class != 1:
        block = decrypt(key, block)
    data = block[:48]
    if block[48:] != check_sum(token_class, data):
        return None
    subclass, identifier = int(data[:4], 2), int(data[8:32], 2)
    whole = (token_class, subclass, int(data, 2))
    if token_class == 0 and 4 <= subclass <= 7:
        money = data[4:8] + data[32:]
        size = amount(int(money[1:6], 2), int(money[6:], 2))
        return Read(*whole, -size if money[0] == "1" else size, identifier)
    quantity = amount(int(data[32:34], 2), int(data[34:], 2))
    if (token_class == 0 and subclass <= 3) or (token_class == 2 and subclass in {0, 6}):
        return Read(*whole, quantity, identifier, int(data[4:8], 2))
    if token_class == 2 and subclass in {1, 5, 10}:
        return Read(*whole, int(data[32:], 2), identifier, int(data[4:8], 2))
    return Read(*whole)
