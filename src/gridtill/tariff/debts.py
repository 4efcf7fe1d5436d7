"""
What debts take of a tender before energy is bought, and the least tender that leaves enough.

Seen over all tenders, what is left after debts is a chain of straight pieces that never falls:
a percentage is taken until its debt is paid off, and nobody takes what is not there. Debts are
rounded as their running total, down, so that one rounding is shared by all of them.
"""

from __future__ import annotations

from fractions import Fraction

from gridtill.kernel.rounding import Mode, round_fraction
from gridtill.tariff.frame import Frame
from gridtill.tariff.price import standing
from gridtill.tariff.terms import Deduction

# A straight line over the tender: its slope, and its value at zero.
_Straight = tuple[Fraction, Fraction]
_NEVER = Fraction(10**30)


def set_aside(frame: Frame) -> int:
    """Return the money that debts may not touch: what the charges cost, unless debts come first."""
    return 0 if frame.tariff.debts_first else round_fraction(standing(frame), Mode.UP)


def taken_by_debts(frame: Frame, tender: int) -> list[tuple[Deduction, int]]:
    """Return what each debt takes of a tender in minor units, in order; never more than there is or is owed."""
    aside = set_aside(frame)
    if tender <= aside:
        return [(debt, 0) for debt in frame.deductions]
    left: _Straight = (Fraction(1), Fraction(-aside))
    taken, running = [], Fraction(0)
    for debt in frame.deductions:
        part = min(_bounds(debt, left, aside), key=lambda bound: _at(bound, tender))
        before = round_fraction(running, Mode.DOWN)
        running += _at(part, tender)
        left = (left[0] - part[0], left[1] - part[1])
        taken.append((debt, round_fraction(running, Mode.DOWN) - before))
    return taken


def least_tender(frame: Frame, needed: int) -> int:
    """
    Return the least tender whose debts leave at least a sum, in minor units.

    It walks the straight pieces upwards to the one on which enough is left.
    """
    aside = set_aside(frame)
    if needed <= aside:
        return needed
    # Rounding down leaves less than one unit more than the exact value, hence "more than one unit below".
    enough = Fraction(needed - 1)
    tender = enough
    while True:
        left, end = _piece(frame, tender, aside)
        kept: _Straight = (left[0], left[1] + aside)
        # A flat piece always ends: a debt that takes everything is paid off sometime.
        crossing = (enough - kept[1]) / kept[0] if kept[0] > 0 else _NEVER
        if crossing < end:
            return round_fraction(crossing, Mode.DOWN) + 1
        tender = end


def _piece(frame: Frame, tender: Fraction, aside: int) -> tuple[_Straight, Fraction]:
    """Return what is left after debts as the straight line that holds from a tender on, and where it ends."""
    left: _Straight = (Fraction(1), Fraction(-aside))
    end = _NEVER
    for debt in frame.deductions:
        bounds = _bounds(debt, left, aside)
        part = min(bounds, key=lambda bound: (_at(bound, tender), bound[0]))
        for other in bounds:
            if other[0] < part[0]:
                end = min(end, (other[1] - part[1]) / (part[0] - other[0]))
        left = (left[0] - part[0], left[1] - part[1])
    return left, end


def _bounds(debt: Deduction, left: _Straight, aside: int) -> tuple[_Straight, _Straight, _Straight]:
    """Return the three lines of which a debt takes the lowest: what it wants, what is owed, what is left."""
    if debt.kind == "percent":
        wanted = (debt.value, Fraction(0) if debt.base == "tender" else -debt.value * aside)
    else:
        wanted = (Fraction(0), Fraction(round_fraction(debt.value, Mode.DOWN)))
    return wanted, (Fraction(0), Fraction(debt.remaining_minor)), left


def _at(straight: _Straight, tender: Fraction | int) -> Fraction:
    return straight[0] * tender + straight[1]
