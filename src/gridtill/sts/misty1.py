"""
MISTY1, the block cipher of encryption algorithm 11: 64-bit blocks, 128-bit keys, eight rounds.

The inner function FI is two table look-ups here: one table holds its first half for all
65536 inputs, the other its second half, and the key is added between them. They are arrays, not
lists, because 128 kB each stay in the processor's cache.

Source: RFC 2994, sections 2.2 to 2.4.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from struct import unpack

from gridtill.sts.errors import WrongKey
from gridtill.sts.misty1_tables import S7, S9

_Quad = tuple[int, int, int, int]
# Two rounds: four words for FL and seven for either FO.
_Pair = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
_Schedule = tuple[tuple[_Pair, ...], _Quad]
KEY_BYTES = 16


def _first_half() -> array[int]:
    halves = array("H")
    for value in range(1 << 16):
        nine = S9[value >> 7] ^ value & 0x7F
        halves.append((S7[value & 0x7F] ^ nine & 0x7F) << 9 | nine)
    return halves


def _second_half() -> array[int]:
    return array("H", (value & 0xFE00 | S9[value & 0x1FF] ^ value >> 9 for value in range(1 << 16)))


_FIRST = _first_half()
_SECOND = _second_half()


@lru_cache(maxsize=1024)
def _schedule(key: bytes) -> _Schedule:
    if len(key) != KEY_BYTES:
        raise WrongKey(f"Encryption algorithm 11 takes a key of {KEY_BYTES} bytes; this one has {len(key)}.")
    p0, p1, p2, p3, p4, p5, p6, p7 = unpack(">8H", key)
    first, second = _FIRST, _SECOND
    m0, m1, m2, m3 = second[first[p0] ^ p1], second[first[p1] ^ p2], second[first[p2] ^ p3], second[first[p3] ^ p4]
    m4, m5, m6, m7 = second[first[p4] ^ p5], second[first[p5] ^ p6], second[first[p6] ^ p7], second[first[p7] ^ p0]
    return (
        (p0, m6, m2, p4, p0, m5, p2, m1, p7, m3, p4, p1, m6, p3, m2, p0, m4, p5),
        (p1, m7, m3, p5, p2, m7, p4, m3, p1, m5, p6, p3, m0, p5, m4, p2, m6, p7),
        (p2, m0, m4, p6, p4, m1, p6, m5, p3, m7, p0, p5, m2, p7, m6, p4, m0, p1),
        (p3, m1, m5, p7, p6, m3, p0, m7, p5, m1, p2, p7, m4, p1, m0, p6, m2, p3),
    ), (p4, m2, m6, p0)


def encrypt(key: bytes, block: int) -> int:
    """
    Encrypt one block; block and result are big-endian numbers of 64 bits.

    >>> f"{encrypt(bytes.fromhex('00112233445566778899aabbccddeeff'), 0x0123456789ABCDEF):016x}"
    '8b1da5f56ab3d07c'

    :raises WrongKey: if the key has not sixteen bytes
    """
    rounds, (k0, k1, k2, k3) = _schedule(key)
    a, b, c, d = block >> 48, block >> 32 & 0xFFFF, block >> 16 & 0xFFFF, block & 0xFFFF
    first, second = _FIRST, _SECOND
    for l0, l1, l2, l3, a0, a1, a2, a3, a4, a5, a6, b0, b1, b2, b3, b4, b5, b6 in rounds:
        b ^= a & l0
        a ^= b | l1
        d ^= c & l2
        c ^= d | l3
        x = second[first[a ^ a0] ^ a1] ^ b
        y = second[first[b ^ a2] ^ a3] ^ x
        c ^= y ^ a6
        d ^= second[first[x ^ a4] ^ a5] ^ y
        x = second[first[c ^ b0] ^ b1] ^ d
        y = second[first[d ^ b2] ^ b3] ^ x
        a ^= y ^ b6
        b ^= second[first[x ^ b4] ^ b5] ^ y
    b ^= a & k0
    a ^= b | k1
    d ^= c & k2
    c ^= d | k3
    return c << 48 | d << 32 | a << 16 | b


def decrypt(key: bytes, block: int) -> int:
    """
    Decrypt one block; block and result are big-endian numbers of 64 bits.

    >>> f"{decrypt(bytes.fromhex('00112233445566778899aabbccddeeff'), 0x8B1DA5F56AB3D07C):016x}"
    '0123456789abcdef'

    :raises WrongKey: if the key has not sixteen bytes
    """
    rounds, (k0, k1, k2, k3) = _schedule(key)
    c, d, a, b = block >> 48, block >> 32 & 0xFFFF, block >> 16 & 0xFFFF, block & 0xFFFF
    first, second = _FIRST, _SECOND
    a ^= b | k1
    b ^= a & k0
    c ^= d | k3
    d ^= c & k2
    for l0, l1, l2, l3, a0, a1, a2, a3, a4, a5, a6, b0, b1, b2, b3, b4, b5, b6 in reversed(rounds):
        x = second[first[c ^ b0] ^ b1] ^ d
        y = second[first[d ^ b2] ^ b3] ^ x
        a ^= y ^ b6
        b ^= second[first[x ^ b4] ^ b5] ^ y
        x = second[first[a ^ a0] ^ a1] ^ b
        y = second[first[b ^ a2] ^ a3] ^ x
        c ^= y ^ a6
        d ^= second[first[x ^ a4] ^ a5] ^ y
        a ^= b | l1
        b ^= a & l0
        c ^= d | l3
        d ^= c & l2
    return a << 48 | b << 32 | c << 16 | d
