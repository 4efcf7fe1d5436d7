"""
The check digit that closes a meter number: modulus ten, every second digit doubled.

Source: ISO/IEC 7812-1, annex B.
"""

from __future__ import annotations

from gridtill.sts.errors import WrongCheckDigit, WrongDigit

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def check_digit(body: str) -> str:
    """
    Compute the digit that has to follow the digits of ``body``.

    >>> check_digit("1234567890")
    '3'

    :raises WrongDigit: if ``body`` holds anything but 0 to 9
    """
    if not (body.isascii() and body.isdecimal()):
        raise WrongDigit("A number with a check digit holds the digits 0 to 9 only.", remedy="Correct the number.")
    digits = [int(digit) for digit in reversed(body)]
    total = sum(_DOUBLED[digit] for digit in digits[0::2]) + sum(digits[1::2])
    return str(-total % 10)


def require_check_digit(number: str, name: str) -> None:
    """
    Accept a number whose last digit is the check digit of those before it, and refuse every other.

    >>> require_check_digit("12345678903", "meter number")

    :raises WrongCheckDigit: if another last digit was expected
    """
    expected = check_digit(number[:-1])
    if number[-1] != expected:
        raise WrongCheckDigit(
            f"The {name} {number} ends in {number[-1]} where its other digits call for {expected}.",
            remedy="Compare it with the number on the meter's face.",
            field="drn",
        )
