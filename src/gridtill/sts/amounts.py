"""
The number formats of a token: sixteen bits for a quantity, twenty for money with a sign.

A quantity is an exponent of base ten and a mantissa of fourteen bits; each exponent begins
where the one below ends, so small amounts are exact and large ones come in steps of 10, 100
and 1000 units. Encoding rounds in the customer's favour. Who sells should therefore sell an
amount that exists: ``largest_representable_at_most``, or several tokens from ``split_units``.

Source: IEC 62055-41, "Amount" and its currency form.
"""

from __future__ import annotations

from gridtill.sts.errors import OutOfRange

_MANTISSAS = 1 << 14
_QUANTITY_EXPONENTS = 4
_CURRENCY_EXPONENTS = 32
TOKENS_MAX = 50
_STEPS: tuple[int, ...] = tuple(10**exponent for exponent in range(_CURRENCY_EXPONENTS))


def _offset(exponent: int) -> int:
    return _MANTISSAS * (_STEPS[exponent] - 1) // 9


def _top(exponent: int) -> int:
    return _offset(exponent) + _STEPS[exponent] * (_MANTISSAS - 1)


_QUANTITY_OFFSETS = tuple(_offset(exponent) for exponent in range(_QUANTITY_EXPONENTS))
_QUANTITY_TOPS = tuple(_top(exponent) for exponent in range(_QUANTITY_EXPONENTS))
_CURRENCY_TOPS = tuple(_top(exponent) for exponent in range(_CURRENCY_EXPONENTS))
UNITS_MAX = _QUANTITY_TOPS[-1]
CURRENCY_MAX = _CURRENCY_TOPS[-1]


def encode_amount(units: int) -> int:
    """
    Write a quantity as sixteen bits, rounded up to the next amount that exists.

    >>> [encode_amount(units) for units in (0, 16383, 16384, 16385, 180223)]
    [0, 16383, 16384, 16385, 32768]

    :raises OutOfRange: if it is negative or above ``UNITS_MAX``
    """
    if not 0 <= units <= UNITS_MAX:
        raise OutOfRange(
            f"One token carries 0 to {UNITS_MAX} units; {units} were asked for.",
            remedy="Split the amount into several tokens.",
            field="units",
        )
    exponent = next(index for index, top in enumerate(_QUANTITY_TOPS) if units <= top)
    # From 180215 on, the step below 180224 is the first mantissa of the next exponent: ceiling gives 0.
    return exponent << 14 | -((_QUANTITY_OFFSETS[exponent] - units) // _STEPS[exponent])


def decode_amount(field: int) -> int:
    """
    Read the quantity that sixteen bits stand for.

    >>> decode_amount(16385), decode_amount(65535)
    (16394, 18201624)

    :raises OutOfRange: if the field has more than sixteen bits
    """
    if not 0 <= field <= 0xFFFF:
        raise OutOfRange("The amount field of a token has sixteen bits.", field="amount")
    exponent, mantissa = field >> 14, field & (_MANTISSAS - 1)
    return _QUANTITY_OFFSETS[exponent] + _STEPS[exponent] * mantissa


def largest_representable_at_most(units: int) -> int:
    """
    Find the largest quantity a token can carry exactly that is not above ``units``.

    >>> largest_representable_at_most(16383), largest_representable_at_most(16393)
    (16383, 16384)
    >>> largest_representable_at_most(180223)
    180214

    :raises OutOfRange: if ``units`` is negative
    """
    if units < 0:
        raise OutOfRange("A quantity of units is not negative.", field="units")
    exponent = max(index for index, offset in enumerate(_QUANTITY_OFFSETS) if offset <= units)
    mantissa = min((units - _QUANTITY_OFFSETS[exponent]) // _STEPS[exponent], _MANTISSAS - 1)
    return _QUANTITY_OFFSETS[exponent] + _STEPS[exponent] * mantissa


def split_units(units: int, maximum: int = UNITS_MAX) -> tuple[int, ...]:
    """
    Share a quantity among as few tokens as carry it exactly, none above ``maximum``.

    The parts add up to ``units``; nothing is rounded. No units give no tokens.

    >>> split_units(250), split_units(250, maximum=100), split_units(180_223)
    ((250,), (100, 100, 50), (180214, 9))

    :raises OutOfRange: if a number is negative, or more than ``TOKENS_MAX`` tokens came of it
    """
    if maximum < 1:
        raise OutOfRange("A token must be allowed to carry at least one unit.", field="maximum")
    parts: list[int] = []
    rest = units
    while rest:
        part = largest_representable_at_most(min(rest, maximum))
        parts.append(part)
        rest -= part
        if len(parts) > TOKENS_MAX:
            raise OutOfRange(
                f"{units} units would take more than {TOKENS_MAX} tokens.", remedy="Sell less at once.", field="units"
            )
    return tuple(parts)


def encode_currency(amount: int) -> tuple[int, int]:
    """
    Write an amount of 1/100000 of the currency as four bits of sign and exponent, and sixteen.

    A positive amount is rounded up and a negative one towards zero, both for the customer.

    >>> encode_currency(1), encode_currency(-123_456_789)
    ((0, 1), (9, 10525))

    :raises OutOfRange: if its magnitude is above ``CURRENCY_MAX``
    """
    size = abs(amount)
    if size > CURRENCY_MAX:
        raise OutOfRange("The amount is larger than a currency token can carry.", field="amount")
    exponent = next(index for index, top in enumerate(_CURRENCY_TOPS) if size <= top)
    step = _STEPS[exponent]
    mantissa = -((_offset(exponent) - size) // step)
    if amount < 0 and _offset(exponent) + step * mantissa > size:
        exponent, mantissa = (exponent, mantissa - 1) if mantissa else (exponent - 1, _MANTISSAS - 1)
    return (amount < 0) << 3 | exponent >> 2, (exponent & 3) << 14 | mantissa


def decode_currency(sign_exponent: int, field: int) -> int:
    """
    Read the signed amount, in 1/100000 of the currency, from its four and its sixteen bits.

    >>> decode_currency(9, 10525)
    -123452624

    :raises OutOfRange: if a field has more bits than that
    """
    if not (0 <= sign_exponent <= 0xF and 0 <= field <= 0xFFFF):
        raise OutOfRange("The currency fields of a token have four and sixteen bits.", field="amount")
    exponent = (sign_exponent & 7) << 2 | field >> 14
    size = _offset(exponent) + _STEPS[exponent] * (field & (_MANTISSAS - 1))
    return -size if sign_exponent & 8 else size
