"""
The only place where a number loses digits.

Money and energy are integers, so every rounding is a division of integers. The
modes and where each is used are written down in docs/algorithms/rounding.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction


class Mode(Enum):
    """How a quotient that is not whole becomes whole."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


def round_ratio(numerator: int, denominator: int, mode: Mode = Mode.HALF_UP) -> int:
    """
    Round ``numerator / denominator`` to a whole number, towards the floor for DOWN.

    HALF_UP rounds a half away from zero, so that a refund mirrors its sale.

    >>> round_ratio(7, 2), round_ratio(-7, 2), round_ratio(7, 2, Mode.DOWN), round_ratio(-7, 2, Mode.DOWN)
    (4, -4, 3, -4)
    >>> round_ratio(5, 2, Mode.HALF_EVEN), round_ratio(7, 3, Mode.UP)
    (2, 3)

    :raises ZeroDivisionError: if the denominator is zero
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if mode is Mode.DOWN:
        return numerator // denominator
    if mode is Mode.UP:
        return -(-numerator // denominator)
    if mode is Mode.HALF_EVEN:
        return round(Fraction(numerator, denominator))
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def round_fraction(value: Fraction, mode: Mode = Mode.HALF_UP) -> int:
    """
    Round an exact fraction to a whole number.

    >>> round_fraction(Fraction(5, 4)), round_fraction(Fraction(5, 4), Mode.UP)
    (1, 2)
    """
    return round_ratio(value.numerator, value.denominator, mode)


def share_out(total: int, weights: Sequence[Fraction]) -> list[int]:
    """
    Divide ``total`` in proportion to ``weights`` so that the parts add up to it exactly.

    Largest remainder: each part is floored, and the units left over go to the
    parts that lost most, earlier ones first among equals.

    >>> share_out(100, [Fraction(1), Fraction(1), Fraction(1)])
    [34, 33, 33]
    >>> share_out(-10, [Fraction(2), Fraction(1)])
    [-7, -3]

    :raises ValueError: if there is something to divide and the weights sum to zero
    """
    whole = sum(weights, Fraction(0))
    if total == 0:
        return [0 for _ in weights]
    if whole == 0:
        raise ValueError("a total cannot be shared among weights that sum to zero")
    sign = -1 if total < 0 else 1
    exact = [abs(total) * weight / whole for weight in weights]
    parts = [value.numerator // value.denominator for value in exact]
    order = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in order[: abs(total) - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
