"""
STA, the block cipher of encryption algorithm 07: sixteen rounds of substitution and permutation.

Its production tables are issued to members of the STS Association only. The sample tables
below serve tests and training; the production ones come in as a ``StaTables`` of one's own.

Substitution and permutation of a byte are fused into one look-up, so that a round is eight of them.

Source: IEC 62055-41, "Standard transfer algorithm".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gridtill.sts.errors import WrongKey

KEY_BYTES = 8
_MASK = (1 << 64) - 1
_ROUNDS = 16
_Box = tuple[int, ...]
_Fused = tuple[tuple[tuple[int, ...], ...], ...]
_Round = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class StaTables:
    """
    The two substitutions of sixteen nibbles and the permutation of 64 bits that define the cipher.

    Bit ``i`` moves to place ``permutation[i]``, bit 0 being the least significant.

    :raises WrongKey: if a table does not hold each of its values once
    """

    substitution_1: _Box
    substitution_2: _Box
    permutation: _Box

    def __post_init__(self) -> None:
        for name, size in (("substitution_1", 16), ("substitution_2", 16), ("permutation", 64)):
            if sorted(getattr(self, name)) != list(range(size)):
                raise WrongKey(f"The table {name} must hold each number from 0 to {size - 1} once.", field=name)


# fmt: off
SAMPLE_TABLES = StaTables(
    substitution_1=(12, 10, 8, 4, 3, 15, 0, 2, 14, 1, 5, 13, 6, 9, 7, 11),
    substitution_2=(6, 9, 7, 4, 3, 10, 12, 14, 2, 13, 1, 15, 0, 11, 8, 5),
    permutation=(
        29, 27, 34, 9, 16, 62, 55, 2, 40, 49, 38, 25, 33, 61, 30, 23,
        1, 41, 21, 57, 42, 15, 5, 58, 19, 53, 22, 17, 48, 28, 24, 39,
        3, 60, 36, 14, 11, 52, 54, 12, 31, 51, 10, 26, 0, 45, 37, 43,
        44, 6, 59, 4, 7, 35, 56, 50, 13, 18, 32, 47, 46, 63, 20, 8,
    ),
)
# fmt: on
_FORMAT = "gridtill-sta-tables"
_IDENTITY = tuple(range(16))
# Of each byte of the working key, the top bit of either nibble chooses the box for that nibble.
_CHOICES = bytes(octet >> 3 & 1 | octet >> 6 & 2 for octet in range(256))


def _inverse(table: _Box) -> _Box:
    inverse = [0] * len(table)
    for source, target in enumerate(table):
        inverse[target] = source
    return tuple(inverse)


def _fuse(low: _Box, high: _Box, permutation: _Box, position: int) -> tuple[int, ...]:
    words = []
    for octet in range(256):
        changed = low[octet & 15] | high[octet >> 4] << 4
        words.append(sum(1 << permutation[position * 8 + bit] for bit in range(8) if changed >> bit & 1))
    return tuple(words)


def _fused(box_0: _Box, box_1: _Box, permutation: _Box) -> _Fused:
    # By position of the byte, then by the two key bits that choose a box for either nibble.
    pairs = ((box_0, box_0), (box_1, box_0), (box_0, box_1), (box_1, box_1))
    return tuple(tuple(_fuse(low, high, permutation, position) for low, high in pairs) for position in range(8))


def _permutation(permutation: _Box) -> _Round:
    return tuple(_fuse(_IDENTITY, _IDENTITY, permutation, position) for position in range(8))


@lru_cache(maxsize=16)
def _encrypting(tables: StaTables) -> _Fused:
    return _fused(tables.substitution_1, tables.substitution_2, tables.permutation)


@lru_cache(maxsize=16)
def _decrypting(tables: StaTables) -> tuple[_Round, _Fused, _Round]:
    # A backward round undoes the substitution and then the permutation of the round before it,
    # so the last permutation is undone first and the surplus one done again at the end.
    undone = _inverse(tables.permutation)
    fused = _fused(_inverse(tables.substitution_1), _inverse(tables.substitution_2), undone)
    return _permutation(undone), fused, _permutation(tables.permutation)


def _rounds(key: bytes, fused: _Fused) -> tuple[_Round, ...]:
    if len(key) != KEY_BYTES:
        raise WrongKey(f"Encryption algorithm 07 takes a key of {KEY_BYTES} bytes; this one has {len(key)}.")
    inverted = ~int.from_bytes(key, "big") & _MASK
    working = inverted >> 12 | inverted << 52 & _MASK
    t0, t1, t2, t3, t4, t5, t6, t7 = fused
    early, late = [], []
    for _ in range(_ROUNDS // 2):
        a, b, c, d, e, f, g, h = working.to_bytes(8, "little").translate(_CHOICES)
        early.append((t0[a], t1[b], t2[c], t3[d], t4[e], t5[f], t6[g], t7[h]))
        # Eight rounds later the key has gone round by a byte.
        late.append((t0[h], t1[a], t2[b], t3[c], t4[d], t5[e], t6[f], t7[g]))
        working = working << 1 & _MASK | working >> 63
    return (*early, *late)


@lru_cache(maxsize=1024)
def _forward(key: bytes, tables: StaTables) -> tuple[_Round, ...]:
    return _rounds(key, _encrypting(tables))


@lru_cache(maxsize=1024)
def _backward(key: bytes, tables: StaTables) -> tuple[_Round, ...]:
    first, fused, last = _decrypting(tables)
    return (first, *reversed(_rounds(key, fused)), last)


def _apply(rounds: tuple[_Round, ...], block: int) -> int:
    for t0, t1, t2, t3, t4, t5, t6, t7 in rounds:
        a, b, c, d, e, f, g, h = block.to_bytes(8, "little")
        block = t0[a] | t1[b] | t2[c] | t3[d] | t4[e] | t5[f] | t6[g] | t7[h]
    return block


def encrypt(key: bytes, block: int, tables: StaTables = SAMPLE_TABLES) -> int:
    """
    Encrypt one block; block and result are big-endian numbers of 64 bits.

    >>> f"{encrypt(bytes.fromhex('0abc12def3456789'), 0x0B19EB230100C207):016x}"
    'c45ed1619406df95'

    :raises WrongKey: if the key has not eight bytes
    """
    return _apply(_forward(key, tables), block)


def decrypt(key: bytes, block: int, tables: StaTables = SAMPLE_TABLES) -> int:
    """
    Decrypt one block; block and result are big-endian numbers of 64 bits.

    >>> f"{decrypt(bytes.fromhex('0abc12def3456789'), 0xC45ED1619406DF95):016x}"
    '0b19eb230100c207'

    :raises WrongKey: if the key has not eight bytes
    """
    return _apply(_backward(key, tables), block)


def parse_tables(text: str) -> StaTables:
    """
    Read tables from the JSON that a utility keeps its own in; docs/algorithms/tokens.md describes it.

    ``check`` in it is a key, a plain block and its ciphertext, each 16 hexadecimal digits, which the
    tables have to reproduce, so that one wrong number does not go unnoticed.

    :raises WrongKey: naming the part that is missing or wrong
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongKey("A file of tables is JSON, which this is not.") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT or content.get("version") != 1:
        raise WrongKey(f"A file of tables says format {_FORMAT!r} and version 1; this one does not.", field="format")
    tables = StaTables(*(_table(content, name) for name in ("substitution_1", "substitution_2", "permutation")))
    check = content.get("check")
    key, plain, cipher = (_block(check, name) for name in ("key", "plain", "cipher"))
    if encrypt(key, int.from_bytes(plain, "big"), tables) != int.from_bytes(cipher, "big"):
        raise WrongKey(
            "These tables do not make of the check what they should; a number in them is wrong.", field="check"
        )
    return tables


def _table(content: dict[str, Any], name: str) -> _Box:
    numbers = content.get(name)
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise WrongKey(f"The table {name} is a list of whole numbers.", field=name)
    return tuple(numbers)


def _block(check: Any, name: str) -> bytes:
    try:
        octets = bytes.fromhex(check[name])
    except (TypeError, ValueError, KeyError):
        octets = b""
    if len(octets) != KEY_BYTES:
        raise WrongKey(f"The {name} of the check has 16 hexadecimal digits.", field="check")
    return octets
