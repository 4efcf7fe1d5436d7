"""
Meter identities: the number on the meter's face (DRN) and the 18 digits that keys are made from.

A DRN is a manufacturer code of two or four digits, a serial number of eight and a check
digit, so it has eleven or thirteen digits. The meter's primary account number (PAN) puts an
issuer number before it, 600727 or 0000 accordingly, and one more check digit behind.

Source: IEC 62055-41, "MeterPAN" and "DecoderReferenceNumber".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gridtill.sts.errors import OutOfRange, WrongDigit, WrongLength
from gridtill.sts.luhn import check_digit, require_check_digit

_ISSUERS = {11: "600727", 13: "0000"}


def normalize_drn(text: str) -> str:
    """
    Read a meter number that a person typed: blanks and hyphens go, the check digit must hold.

    >>> normalize_drn("1234 5678 903")
    '12345678903'

    :raises WrongLength: if it has neither eleven nor thirteen digits
    :raises WrongDigit: if something else than a digit is in it
    :raises WrongCheckDigit: if its last digit does not follow from the others
    """
    drn = text.replace(" ", "").replace("-", "")
    _require_digits(drn, "meter number", 11, 13)
    require_check_digit(drn, "meter number")
    return drn


@dataclass(frozen=True, slots=True)
class MeterPan:
    """
    The 18-digit account number of a meter, whose two check digits have been found right.

    >>> MeterPan.from_drn("12345678903").digits
    '600727123456789030'
    >>> MeterPan("600727000000000009").drn
    '00000000000'

    :raises StsError: if it is no account number of a meter, and in what
    """

    digits: str

    def __post_init__(self) -> None:
        _require_digits(self.digits, "meter account number", 18)
        if not self.digits.startswith(tuple(_ISSUERS.values())):
            raise OutOfRange(
                f"The meter account number {self.digits} begins with neither 600727 nor 0000.",
                remedy="Give the 18 digits with their issuer number.",
                field="pan",
            )
        require_check_digit(self.drn, "meter number")
        require_check_digit(self.digits, "meter account number")

    @classmethod
    def from_drn(cls, drn: str) -> MeterPan:
        """
        Build the account number from the meter number of eleven or thirteen digits.

        >>> MeterPan.from_drn("0100000000008").digits
        '000001000000000082'
        """
        return _pan_of(drn)

    @property
    def drn(self) -> str:
        """The meter number inside, which is what stands on the meter's face."""
        return self.digits[6:17] if self.digits.startswith(_ISSUERS[11]) else self.digits[4:17]


# Four check digits are computed on the way, and a token needs them before its key.
@lru_cache(maxsize=4096)
def _pan_of(drn: str) -> MeterPan:
    number = normalize_drn(drn)
    body = _ISSUERS[len(number)] + number
    return MeterPan(body + check_digit(body))


def _require_digits(number: str, name: str, *lengths: int) -> None:
    if not (number.isascii() and number.isdecimal()):
        raise WrongDigit(f"A {name} holds the digits 0 to 9 only.", remedy=f"Correct the {name}.", field="drn")
    if len(number) not in lengths:
        expected = " or ".join(str(length) for length in lengths)
        raise WrongLength(
            f"A {name} has {expected} digits; this one has {len(number)}.", remedy=f"Correct the {name}.", field="drn"
        )
