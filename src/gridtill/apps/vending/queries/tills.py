"""Reading tills and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, QuerySet, Sum

from gridtill.apps.organization.models import OrganizationUnit
from gridtill.apps.vending.models import CashierShift, DayClose, ShiftTender, Tender, Till, Vend, VendReversal


def free_tills(*, unit_path: str) -> QuerySet[Till]:
    """Return tills within a unit that nobody has open."""
    busy = CashierShift.objects.filter(state="OPEN").values("till_id")
    return (
        Till.objects.filter(is_active=True, point_of_sale__unit__path__startswith=unit_path)
        .exclude(pk__in=busy)
        .select_related("point_of_sale")
        .order_by("code")
    )


def counted_shifts(*, unit_path: str) -> QuerySet[CashierShift]:
    """Return shifts within a unit that wait for a signature, oldest first."""
    return (
        CashierShift.objects.filter(state="COUNTED", till__point_of_sale__unit__path__startswith=unit_path)
        .select_related("till__point_of_sale", "cashier")
        .order_by("counted_at")
    )


def tenders_of(shift_id: int) -> QuerySet[ShiftTender]:
    """Return a shift's running totals by way of payment."""
    return ShiftTender.objects.filter(shift_id=shift_id).order_by("kind")


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One till and way of payment of a day, in minor units."""

    till: str
    kind: str
    count: int
    sold_minor: int
    reversed_minor: int

    @property
    def net_minor(self) -> int:
        """Sold less taken back."""
        return self.sold_minor - self.reversed_minor


@dataclass(frozen=True, slots=True)
class DayBalance:
    """A business day within a unit: rows by till and way of payment, and sums over all purchases."""

    rows: list[BalanceRow]
    sums: dict[str, int]
    reversed_count: int
    reversed_minor: int
    shifts: list[CashierShift]


def day_balance(day: date, *, unit_path: str) -> DayBalance:
    """Return what the shifts of a business day took, live from the index on the day; five queries."""
    within = {"till__point_of_sale__unit__path__startswith": unit_path, "business_day": day}
    sold = Vend.objects.filter(**within)
    shifts = CashierShift.objects.filter(**within).select_related("till", "cashier")
    back = VendReversal.objects.filter(**within)
    sums: dict[str, Any] = sold.aggregate(
        count=Count("id"),
        total_minor=Sum("total_minor"),
        energy_wh=Sum("energy_wh"),
        energy_minor=Sum("energy_minor"),
        charges_minor=Sum("charges_minor"),
        taxes_minor=Sum("taxes_minor"),
        debt_minor=Sum("debt_minor"),
        carry_minor=Sum("carry_minor"),
    )
    return_sums = back.aggregate(count=Count("id"), total=Sum("vend__total_minor"))
    by_kind = Tender.objects.filter(vend__in=sold).values("vend__till__name", "kind")
    gone = Tender.objects.filter(vend__reversal__in=back).values("vend__reversal__till__name", "kind")
    taken_back = {
        (row["vend__reversal__till__name"], row["kind"]): row["money"]
        for row in gone.annotate(money=Sum("amount_minor")).order_by("kind")
    }
    rows = [
        BalanceRow(
            row["vend__till__name"],
            row["kind"],
            row["n"],
            row["money"],
            taken_back.get((row["vend__till__name"], row["kind"]), 0),
        )
        for row in by_kind.annotate(n=Count("id"), money=Sum("amount_minor")).order_by("vend__till__name", "kind")
    ]
    return DayBalance(
        rows=rows,
        sums={name: value or 0 for name, value in sums.items()},
        reversed_count=return_sums["count"],
        reversed_minor=return_sums["total"] or 0,
        shifts=list(shifts.order_by("till__code", "number")),
    )


def day_closes(*, unit_path: str) -> QuerySet[DayClose]:
    """Return the closed days of bureaus within a unit, or of the bureau it lies in, newest first."""
    ids = [int(part) for part in unit_path.strip("/").split("/") if part]
    return (
        (DayClose.objects.filter(bureau__path__startswith=unit_path) | DayClose.objects.filter(bureau_id__in=ids))
        .select_related("bureau", "closed_by")
        .order_by("-business_day")
    )


def bureaus(*, unit_path: str) -> QuerySet[OrganizationUnit]:
    """Return the bureaus within a unit, for closing their days."""
    return OrganizationUnit.objects.filter(kind="BUREAU", path__startswith=unit_path).order_by("code")
