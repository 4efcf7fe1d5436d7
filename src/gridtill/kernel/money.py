"""Money: a whole number of a currency's minor units."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gridtill.kernel.errors import InvalidValue

# ISO 4217 currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", re.ASCII)
_AMOUNT = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,15})(?:\.(?P<part>[0-9]{1,6}))?", re.ASCII)


class MixedCurrencies(InvalidValue):
    """Two amounts in different currencies met in one calculation."""

    code = "mixed_currencies"


class Ambiguous(InvalidValue):
    """A number that may be read with its separator between thousands or before decimals."""

    code = "ambiguous_number"


def is_grouped(text: str) -> bool:
    """
    Tell whether a comma may separate thousands here instead of decimals.

    >>> is_grouped("1,000"), is_grouped("0,125"), is_grouped("12,50")
    (True, False, False)
    """
    return _GROUPED.fullmatch(text) is not None


def exponent(currency: str) -> int:
    """
    Return the number of decimal places of a currency's minor unit.

    >>> exponent("KES"), exponent("UGX"), exponent("KWD")
    (2, 0, 3)
    """
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """
    An amount of one currency in minor units, such as ``Money(5_000, "KES")`` for 50.00.

    >>> Money(5_000, "KES") + Money(25, "KES")
    Money(minor=5025, currency='KES')
    >>> str(Money(-5, "KES")), str(Money(5, "UGX"))
    ('-0.05', '5')
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError("money is counted in whole minor units")

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise MixedCurrencies(
                "{currency} and {other} cannot be added or compared.", currency=self.currency, other=other.currency
            )
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)


def format_minor(minor: int, currency: str) -> str:
    """
    Write minor units as a plain decimal string without grouping or currency.

    >>> format_minor(123456, "KES")
    '1234.56'
    """
    places = exponent(currency)
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor))
    if places == 0:
        return sign + digits
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def parse_money(text: str, currency: str) -> Money:
    """
    Read an amount that a person typed, with one decimal separator and no grouping.

    A comma counts as the separator; "1,000.00" is refused rather than guessed at, and so is
    "1,000" or, where the currency has not three decimals, "1.000": a thousand or one?

    >>> parse_money("150.5", "KES"), parse_money(" 150,50 ", "KES")
    (Money(minor=15050, currency='KES'), Money(minor=15050, currency='KES'))

    :raises InvalidValue: if it is not a number, or finer than the minor unit
    """
    compact = text.strip()
    normal = compact.replace(",", ".", 1) if "." not in compact else compact
    match = _AMOUNT.fullmatch(normal)
    if match is not None and (is_grouped(compact) or len(match["part"] or "") == 3 != exponent(currency)):
        raise Ambiguous(
            "“{typed}” may mean two amounts. Nothing was done.",
            typed=compact[:40],
            remedy="Leave out what separates thousands; write decimals with a point.",
            field="amount",
        )
    if match is None:
        raise InvalidValue(
            "“{typed}” is not an amount.",
            typed=compact[:40],
            remedy="Use digits, for example 150 or 150.50.",
            field="amount",
        )
    places = exponent(currency)
    part = (match["part"] or "").rstrip("0")
    if len(part) > places:
        raise InvalidValue(
            "{currency} has {places} decimal places; “{typed}” has more.",
            currency=currency,
            places=places,
            typed=compact[:40],
            remedy="Round the amount to the smallest unit of the currency.",
            field="amount",
        )
    minor = int(match["whole"] + part.ljust(places, "0"))
    return Money(-minor if match["sign"] == "-" else minor, currency)
