"""
From a block of 64 bits and a class to twenty digits, and back.

Source: IEC 62055-41, "Transposition of the class bits" and "TokenData to 66-bit number".
"""

from __future__ import annotations

from gridtill.sts.errors import OutOfRange, WrongDigit, WrongLength

_CLASS_AT = 27
_MOVED_TO = 64
DIGITS = 20


def seal(token_class: int, block: int) -> str:
    """
    Put the class into a block in the clear and write the 66 bits as twenty digits.

    The two bits whose place the class takes move to the top.

    >>> seal(0, 0xC45ED1619406DF95)
    '51043465443420856213'
    """
    moved = block >> _CLASS_AT & 3
    number = moved << _MOVED_TO | block & ~(3 << _CLASS_AT) | token_class << _CLASS_AT
    return f"{number:0{DIGITS}d}"


def unseal(digits: str) -> tuple[int, int]:
    """
    Take the class and the block of 64 bits out of twenty digits.

    >>> token_class, block = unseal("51043465443420856213")
    >>> token_class, f"{block:016X}"
    (0, 'C45ED1619406DF95')

    :raises OutOfRange: if the number has more than 66 bits
    :raises WrongLength: if there are not twenty digits
    :raises WrongDigit: if something else than a digit is among them
    """
    number = int(normalize_token(digits))
    if number >> 66:
        raise OutOfRange(
            "A token lies below 73786976294838206464.", remedy="Compare it with the receipt.", field="token"
        )
    token_class = number >> _CLASS_AT & 3
    moved = number >> _MOVED_TO
    return token_class, number & ((1 << 64) - 1) & ~(3 << _CLASS_AT) | moved << _CLASS_AT


def normalize_token(text: str) -> str:
    """
    Read a token that a person typed or that was printed in groups.

    >>> normalize_token("5104 3465 4434 2085 6213")
    '51043465443420856213'

    :raises WrongLength: if there are not twenty digits
    :raises WrongDigit: if something else than a digit is among them
    """
    digits = text.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise WrongDigit("A token holds the digits 0 to 9 only.", remedy="Type the token again.", field="token")
    if len(digits) != DIGITS:
        raise WrongLength(
            f"A token has {DIGITS} digits; this one has {len(digits)}.", remedy="Type the token again.", field="token"
        )
    return digits


def group_token(digits: str) -> str:
    """
    Write a token in the five groups of four digits that meters and people expect.

    >>> group_token("51043465443420856213")
    '5104 3465 4434 2085 6213'
    """
    return " ".join(digits[start : start + 4] for start in range(0, DIGITS, 4))
