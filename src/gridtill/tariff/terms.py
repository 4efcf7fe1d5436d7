"""What a quote is asked with and what it answers: history, debts, lines and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from fractions import Fraction

from gridtill.kernel.errors import Refusal


class LineKind(Enum):
    """What a line of a quote is for."""

    ENERGY = "ENERGY"
    CHARGE = "CHARGE"
    TAX = "TAX"
    LEVY = "LEVY"
    PASS_THROUGH = "PASS_THROUGH"  # noqa: S105 - a price component
    DEBT = "DEBT"
    CARRY = "CARRY"
    ROUNDING = "ROUNDING"


class BelowMinimum(Refusal):
    """The money does not buy a single step of energy, or is under the tariff's minimum."""

    code = "amount_too_small"


class AboveMaximum(Refusal):
    """The purchase is above the tariff's maximum."""

    code = "amount_too_large"


class NotNameable(Refusal):
    """The money buys an energy that the carrier cannot name, and the next lower one would cost more."""

    code = "energy_not_nameable"


class NothingToBuy(Refusal):
    """Neither money nor energy was given, or less than none."""

    code = "nothing_to_buy"
    remedy = "Enter an amount of money, or of energy, above zero."


class CurrencyMismatch(Refusal):
    """The money is in another currency than the tariff."""

    code = "currency_mismatch"


class NotYetValid(Refusal):
    """The tariff does not apply yet."""

    code = "tariff_not_valid"


@dataclass(frozen=True, slots=True)
class History:
    """
    What was bought before: watt-hours in the running month and year, and in the months before, newest first.

    ``charged_through`` is the first day of the last month whose periodic charges were paid.
    """

    month_wh: int = 0
    year_wh: int = 0
    recent_months_wh: tuple[int, ...] = ()
    charged_through: date | None = None
    account_opened: date | None = None
    carry_minor: int = 0


@dataclass(frozen=True, slots=True)
class Deduction:
    """
    A debt to recover: ``kind`` percent (``value`` a fraction of the base) or fixed (minor units).

    ``base`` is ``tender`` or ``after_charges``; never more than ``remaining_minor`` is taken.
    """

    code: str
    label: str
    kind: str
    value: Fraction
    remaining_minor: int
    base: str = "tender"
    priority: int = 10


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a quote; ``rate`` is a decimal string of currency units per kWh.

    ``detail`` of a DEBT line is what remains of it afterwards, in minor units.
    """

    kind: LineKind
    code: str
    label: str
    amount_minor: int
    quantity_wh: int | None = None
    rate: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """
    What a tender buys; ``sum(line.amount_minor) == tender_minor`` holds for every quote.

    ``carry_after`` is money that waits for the next purchase; ``charged_through`` the
    month up to which periodic charges are paid afterwards.
    """

    tender_minor: int
    currency: str
    energy_wh: int
    lines: tuple[Line, ...]
    carry_before: int
    carry_after: int
    tariff_code: str
    charged_through: date | None

    def total(self, kind: LineKind) -> int:
        """Return the sum of the lines of a kind, in minor units."""
        return sum(line.amount_minor for line in self.lines if line.kind is kind)
