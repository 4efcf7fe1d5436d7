"""Energy: a whole number of watt-hours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gridtill.kernel.errors import InvalidValue
from gridtill.kernel.money import Ambiguous, is_grouped

WH_PER_KWH = 1000
_KWH = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,12})(?:\.(?P<part>[0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Energy:
    """
    An amount of active energy in watt-hours.

    >>> Energy(32_200) + Energy(50)
    Energy(wh=32250)
    >>> str(Energy(32_250)), str(Energy(-500)), str(Energy(7_000))
    ('32.25', '-0.5', '7')
    """

    wh: int

    def __post_init__(self) -> None:
        if type(self.wh) is not int:
            raise TypeError("energy is counted in whole watt-hours")

    def __add__(self, other: Energy) -> Energy:
        return Energy(self.wh + other.wh)

    def __sub__(self, other: Energy) -> Energy:
        return Energy(self.wh - other.wh)

    def __neg__(self) -> Energy:
        return Energy(-self.wh)

    def __bool__(self) -> bool:
        return self.wh != 0

    def __str__(self) -> str:
        return format_kwh(self.wh)


def format_kwh(wh: int) -> str:
    """
    Write watt-hours as kWh with no trailing zeros.

    >>> format_kwh(100), format_kwh(-1)
    ('0.1', '-0.001')
    """
    whole, part = divmod(abs(wh), WH_PER_KWH)
    text = f"{whole}.{part:03d}".rstrip("0").rstrip(".")
    return f"-{text}" if wh < 0 else text


def parse_kwh(text: str) -> Energy:
    """
    Read kilowatt-hours that a person typed, to the watt-hour; "1,000" is refused, for it may be one or a thousand.

    >>> parse_kwh("32.2"), parse_kwh("0,5")
    (Energy(wh=32200), Energy(wh=500))

    :raises InvalidValue: if it is not a number, or finer than a watt-hour
    """
    compact = text.strip()
    normal = compact.replace(",", ".", 1) if "." not in compact else compact
    match = _KWH.fullmatch(normal)
    if match is not None and is_grouped(compact):
        raise Ambiguous(
            "“{typed}” may mean two amounts. Nothing was done.",
            typed=compact[:40],
            remedy="Leave out what separates thousands; write decimals with a point.",
            field="energy",
        )
    if match is None:
        raise InvalidValue(
            "“{typed}” is not an energy in kWh.",
            typed=compact[:40],
            remedy="Use digits, for example 32 or 32.5.",
            field="energy",
        )
    part = (match["part"] or "").rstrip("0")
    if len(part) > 3:
        raise InvalidValue("Energy is counted to 0.001 kWh.", remedy="Leave out the digits after it.", field="energy")
    wh = int(match["whole"] + part.ljust(3, "0"))
    return Energy(-wh if match["sign"] == "-" else wh)
